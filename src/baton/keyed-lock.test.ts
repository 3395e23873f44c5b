import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createKeyedLock } from "./keyed-lock.ts";
import { StatusError } from "./status-error.ts";

const never = new AbortController().signal;

/** Work that goes on until it is told to end, and says how often it runs. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const state = { runs: 0 };
  const run = (): Promise<string> => {
    state.runs += 1;
    return promise;
  };
  return { run, state, end: resolve, fail: reject };
}

suite("keyed lock", () => {
  test("the same key: one after the other, in the order of asking", async () => {
    const lock = createKeyedLock();
    const order: string[] = [];
    const once = async (name: string): Promise<void> => {
      order.push(`${name} begins`);
      await setImmediate();
      order.push(`${name} ends`);
    };
    await Promise.all(["a", "b", "c"].map((name) => lock.run("key", () => once(name), never)));
    assert.deepEqual(order, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  test("other keys do not wait", async () => {
    const lock = createKeyedLock();
    const long = work();
    const running = lock.run("ada", long.run, never);
    assert.equal(await lock.run("bob", async () => "done", never), "done");
    long.end("at last");
    assert.equal(await running, "at last");
  });

  test("a failure reaches its caller and lets the next one in", async () => {
    const lock = createKeyedLock();
    const first = work();
    const failing = lock.run("key", first.run, never);
    const next = lock.run("key", async () => "next", never);
    first.fail(new StatusError("unavailable", "no"));
    await assert.rejects(failing, { code: "unavailable" });
    assert.equal(await next, "next");
  });

  test("whoever gives up waiting rejects at once, is never run and lets nobody in", async () => {
    const lock = createKeyedLock();
    const [first, second, third] = [work(), work(), work()];
    const patience = new AbortController();
    const running = lock.run("key", first.run, never);
    const waiting = lock.run("key", second.run, patience.signal);
    patience.abort(new StatusError("unavailable", "connector shutting down"));
    await assert.rejects(waiting, { code: "unavailable", message: "connector shutting down" });

    const late = lock.run("key", third.run, never);
    await setImmediate();
    assert.deepEqual([first.state.runs, second.state.runs, third.state.runs], [1, 0, 0]);
    first.end("first");
    third.end("third");
    assert.deepEqual([await running, await late], ["first", "third"]);
  });

  test("a signal that has aborted before: not run", async () => {
    const lock = createKeyedLock();
    const one = work();
    await assert.rejects(lock.run("key", one.run, AbortSignal.abort(new StatusError("cancelled", "no"))), {
      code: "cancelled",
    });
    assert.equal(one.state.runs, 0);
    assert.equal(await lock.run("key", async () => "free", never), "free");
  });
});
