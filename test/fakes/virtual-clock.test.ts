import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError } from "../../src/baton/status-error.ts";
import { createVirtualClock } from "./virtual-clock.ts";

suite("virtual clock", () => {
  const forever = new AbortController().signal;

  test("time stands still while code runs, and passes at once when it sleeps", async () => {
    const clock = createVirtualClock();
    const startedMs = performance.now();
    assert.equal(clock.monotonicMs(), 0);
    await clock.sleep(3_600_000, forever);
    assert.equal(clock.monotonicMs(), 3_600_000);
    assert.ok(performance.now() - startedMs < 5_000);
  });

  test("sleepers wake in the order of their ends", async () => {
    const clock = createVirtualClock();
    const woken: [number, number][] = [];
    const sleep = async (ms: number): Promise<void> => {
      await clock.sleep(ms, forever);
      woken.push([ms, clock.monotonicMs()]);
    };
    await Promise.all([sleep(30), sleep(10), sleep(20)]);
    assert.deepEqual(woken, [
      [10, 10],
      [20, 20],
      [30, 30],
    ]);
  });

  test("an aborted sleep rejects with the signal's reason and moves nothing", async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort(new StatusError("unavailable", "stopping"));
    await assert.rejects(sleeping, { code: "unavailable", message: "stopping" });
    assert.equal(clock.monotonicMs(), 0);
  });

  test("advance moves it without a sleep", () => {
    const clock = createVirtualClock();
    clock.advance(5_000);
    assert.equal(clock.monotonicMs(), 5_000);
  });
});
