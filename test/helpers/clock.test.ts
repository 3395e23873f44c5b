import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError } from "../../src/baton/status-error.ts";
import { createTestClock } from "./clock.ts";

suite("test clock", () => {
  test("a sleep is remembered, is short, and moves the monotonic clock by what was asked", async () => {
    const clock = createTestClock({ factor: 1000 });
    const before = clock.monotonicMs();
    const startedMs = performance.now();
    await clock.sleep(20_000, new AbortController().signal);
    assert.deepEqual(clock.sleeps, [20_000]);
    assert.ok(performance.now() - startedMs < 5_000);
    // Timers may fire a millisecond early, which is a second at this factor.
    assert.ok(clock.monotonicMs() - before >= 18_000);
  });

  test("an aborted sleep rejects with the signal's reason", async () => {
    const clock = createTestClock({ factor: 1 });
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort(new StatusError("unavailable", "stopping"));
    await assert.rejects(sleeping, { code: "unavailable", message: "stopping" });
  });

  test("advance moves both clocks", () => {
    const clock = createTestClock({ factor: 1 });
    const [now, monotonic] = [clock.nowMs(), clock.monotonicMs()];
    clock.advance(5_000);
    assert.ok(clock.nowMs() - now >= 5_000);
    assert.ok(clock.monotonicMs() - monotonic >= 5_000);
  });

  test("the clock that never jumps can be moved alone", () => {
    const clock = createTestClock({ factor: 1 });
    const [now, monotonic] = [clock.nowMs(), clock.monotonicMs()];
    clock.advanceMonotonic(3_600_000);
    assert.ok(clock.nowMs() - now < 3_600_000);
    assert.ok(clock.monotonicMs() - monotonic >= 3_600_000);
  });
});
