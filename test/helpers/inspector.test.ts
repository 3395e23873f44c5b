import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { suite, test } from "node:test";
import { type Inspector, inspectable, openInspector, shiftClock } from "./inspector.ts";

/** A process that does nothing, and a look into it. */
async function idleProcess(): Promise<Inspector & AsyncDisposable> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1_000)"], {
    env: { ...process.env, ...inspectable },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const inspector = await openInspector({ stderr: () => text });
  return {
    ...inspector,
    async [Symbol.asyncDispose]() {
      inspector[Symbol.dispose]();
      child.kill("SIGKILL");
    },
  };
}

suite("a look into another process", () => {
  test("evaluates there, and says what was thrown there", async () => {
    await using process = await idleProcess();
    assert.deepEqual(await process.evaluate("[1, { two: [2] }]"), [1, { two: [2] }]);
    await assert.rejects(process.evaluate("nobody.knows"), /nobody is not defined/);
  });

  test("counts what is alive, and not what was", async () => {
    await using process = await idleProcess();
    const living = (): Promise<number> => process.overAll("globalThis.Leak.prototype", "(all) => all.length");
    await process.evaluate("globalThis.Leak = class {}; globalThis.kept = [new Leak(), new Leak(), new Leak()]; 0");
    assert.equal(await living(), 3);
    await process.evaluate("kept.pop(); 0");
    assert.equal(await living(), 2);
  });

  test("moves the wall clock and no other", async () => {
    await using process = await idleProcess();
    const dayMs = 86_400_000;
    const monotonic = (): Promise<number> => process.evaluate("performance.now()");
    const before = await monotonic();
    for (const aheadMs of [dayMs, -dayMs, 0]) {
      await shiftClock(process, aheadMs);
      const seen = await process.evaluate<number[]>("[Date.now(), new Date().getTime(), Date.parse(Date())]");
      for (const ms of seen) assert.ok(Math.abs(ms - Date.now() - aheadMs) < 5_000, `${ms - Date.now()} ms`);
      assert.deepEqual(
        await process.evaluate("[new Date(5).getTime(), new Date() instanceof Date, Date.UTC(1970, 0)]"),
        [5, true, 0],
      );
    }
    assert.ok((await monotonic()) - before < 60_000);
  });
});
