import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { addToLogScope, logScope, outsideLogScope, withLogScope } from "./log-scope.ts";

suite("log scope", () => {
  test("what becomes known in one part of the work is on the lines of every other part, also of one that runs already", async () => {
    await withLogScope({ taskId: "t1" }, async () => {
      const beside = (async () => {
        await setImmediate();
        await setImmediate();
        return logScope();
      })();
      await (async () => {
        await setImmediate();
        addToLogScope({ syncId: "s1" });
      })();
      assert.deepEqual(await beside, { taskId: "t1", syncId: "s1" });
      assert.deepEqual(logScope(), { taskId: "t1", syncId: "s1" });
    });
    assert.deepEqual(logScope(), {});
  });

  test("work at the same time keeps its own fields", async () => {
    const work = (taskId: string) =>
      withLogScope({ taskId }, async () => {
        addToLogScope({ syncId: `sync of ${taskId}` });
        for (let turn = 0; turn < 3; turn += 1) await setImmediate();
        return logScope();
      });
    assert.deepEqual(await Promise.all(["a", "b"].map(work)), [
      { taskId: "a", syncId: "sync of a" },
      { taskId: "b", syncId: "sync of b" },
    ]);
  });

  test("what goes on without the work does not carry its fields", async () => {
    const later = await withLogScope({ taskId: "a" }, () =>
      outsideLogScope(async () => {
        await setImmediate();
        return logScope();
      }),
    );
    assert.deepEqual(later, {});
  });

  test("without work around it nothing is remembered", () => {
    addToLogScope({ taskId: "a" });
    assert.deepEqual(logScope(), {});
  });
});
