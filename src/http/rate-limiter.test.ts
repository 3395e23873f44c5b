import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { logScope, withLogScope } from "../baton/log-scope.ts";
import { StatusError } from "../baton/status-error.ts";
import { createRateLimiter } from "./rate-limiter.ts";

const forever = new AbortController().signal;
const minuteMs = 60_000;

function setUp({ requestsPerMinute = 1000, concurrency = 100, maxPauseMs = 5 * minuteMs } = {}) {
  const clock = createVirtualClock();
  const waits: number[] = [];
  const pauses: number[] = [];
  const limiter = createRateLimiter({
    requestsPerMinute,
    concurrency,
    maxPauseMs,
    clock,
    onWait: (ms) => waits.push(ms),
    onPause: (ms) => pauses.push(ms),
  });
  const begins: number[] = [];
  const attempt = async (): Promise<void> => {
    begins.push(clock.monotonicMs());
  };
  return { clock, limiter, waits, pauses, begins, attempt };
}

suite("rate limiter", () => {
  test("never more than n attempts begin within any minute", async () => {
    const { attempt, begins, limiter } = setUp({ requestsPerMinute: 3 });
    await Promise.all(Array.from({ length: 8 }, () => limiter.run(attempt, forever)));
    assert.equal(begins.length, 8);
    for (let at = 3; at < begins.length; at += 1) {
      assert.ok(begins[at]! - begins[at - 3]! >= minuteMs, `attempt ${at} began too early`);
    }
  });

  test("attempts within the budget do not wait", async () => {
    const { attempt, clock, limiter, waits } = setUp({ requestsPerMinute: 5 });
    for (let count = 0; count < 5; count += 1) await limiter.run(attempt, forever);
    assert.deepEqual(clock.sleeps, []);
    assert.equal(waits.length, 5);
  });

  test("an attempt runs in the log scope of whoever asked for it, not of whoever made way for it", async () => {
    const { limiter } = setUp({ concurrency: 1 });
    const asked = ["a", "b", "c"].map((taskId) =>
      withLogScope({ taskId }, () => limiter.run(async () => logScope(), forever)),
    );
    assert.deepEqual(await Promise.all(asked), [{ taskId: "a" }, { taskId: "b" }, { taskId: "c" }]);
  });

  test("the window slides: tickets come back one by one, a minute after each was taken", async () => {
    const { attempt, clock, limiter } = setUp({ requestsPerMinute: 2 });
    await limiter.run(attempt, forever);
    clock.advance(40_000);
    await limiter.run(attempt, forever);
    clock.advance(20_000);
    await limiter.run(attempt, forever);
    assert.deepEqual(clock.sleeps, []);
    const stopped = new AbortController();
    const fourth = limiter.run(attempt, stopped.signal);
    await waitUntil(() => clock.sleeps.length === 1);
    assert.deepEqual(clock.sleeps, [40_000]);
    stopped.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(fourth, { code: "cancelled", message: "enough" });
  });

  test("at most m attempts run at once, in the order of asking", async () => {
    const { limiter } = setUp({ concurrency: 2 });
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const runs = [0, 1, 2, 3, 4, 5].map((id) =>
      limiter.run(async () => {
        order.push(id);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return id;
      }, forever),
    );
    assert.deepEqual(await Promise.all(runs), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    assert.equal(most, 2);
  });

  test("a wait that one answer asks for pauses every later attempt", async () => {
    const { attempt, begins, clock, limiter, pauses } = setUp();
    const throttled = new StatusError("unavailable", "slow down", { retryAfterMs: 30_000 });
    await assert.rejects(
      limiter.run(() => Promise.reject(throttled), forever),
      { message: "slow down" },
    );
    const pausedAtMs = clock.monotonicMs();
    await Promise.all([limiter.run(attempt, forever), limiter.run(attempt, forever)]);
    assert.deepEqual(pauses, [30_000]);
    for (const began of begins) assert.ok(began - pausedAtMs >= 30_000);
  });

  test("a pause hits attempts that already wait for a slot, and does not spend their tickets", async () => {
    const { attempt, begins, limiter } = setUp({ concurrency: 1, requestsPerMinute: 2 });
    const first = limiter.run(
      () => Promise.reject(new StatusError("unavailable", "x", { retryAfterMs: 90_000 })),
      forever,
    );
    const later = [limiter.run(attempt, forever), limiter.run(attempt, forever)];
    await assert.rejects(first);
    await Promise.all(later);
    // Both tickets of the new minute are there when the pause ends.
    assert.deepEqual(begins, [90_000, 90_000]);
  });

  test("a pause is capped, and a shorter one does not end a longer one", async () => {
    const { attempt, begins, clock, limiter, pauses } = setUp({ maxPauseMs: 50_000 });
    limiter.pause(3_600_000);
    limiter.pause(10);
    const startedMs = clock.monotonicMs();
    await limiter.run(attempt, forever);
    assert.deepEqual(pauses, [50_000, 10]);
    assert.ok(begins[0]! - startedMs >= 50_000);
  });

  test("errors without a wait pause nothing", async () => {
    const { attempt, clock, limiter, pauses } = setUp();
    await assert.rejects(
      limiter.run(() => Promise.reject(new Error("boom")), forever),
      { code: "internal" },
    );
    await limiter.run(attempt, forever);
    assert.deepEqual([pauses, clock.sleeps], [[], []]);
  });

  test("abort ends a wait for a slot, for a ticket, and during a pause, with the signal's reason", async () => {
    const { attempt, begins, limiter } = setUp({ concurrency: 1 });
    const controller = new AbortController();
    limiter.pause(60_000);
    const waiting = [limiter.run(attempt, controller.signal), limiter.run(attempt, controller.signal)];
    controller.abort(new StatusError("unavailable", "shutting down"));
    for (const run of waiting) await assert.rejects(run, { code: "unavailable", message: "shutting down" });
    await assert.rejects(limiter.run(attempt, controller.signal), { message: "shutting down" });
    assert.deepEqual(begins, []);
  });

  test("an aborted attempt frees its slot", async () => {
    const { attempt, begins, limiter } = setUp({ concurrency: 1 });
    const controller = new AbortController();
    const stuck = limiter.run(() => new Promise<void>(() => undefined), controller.signal);
    const next = limiter.run(attempt, forever);
    controller.abort(new StatusError("cancelled", "stop"));
    await assert.rejects(stuck, { code: "cancelled" });
    await next;
    assert.equal(begins.length, 1);
  });

  test("the wait is reported, waiting for a slot included", async () => {
    const { clock, limiter, waits } = setUp({ concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    const first = limiter.run(() => gate.promise, forever);
    const second = limiter.run(() => Promise.resolve(), forever);
    await waitUntil(() => waits.length === 1);
    clock.advance(5_000);
    gate.resolve();
    await Promise.all([first, second]);
    assert.deepEqual(waits, [0, 5_000]);
  });

  test("the budget tells what is used within the last minute, who waits, and how long a pause still is", async () => {
    const { attempt, clock, limiter } = setUp({ requestsPerMinute: 3, concurrency: 1 });
    assert.deepEqual(limiter.budget(), { requestsPerMinute: 3, used: 0, waiting: 0, pauseLeftMs: 0 });
    await limiter.run(attempt, forever);
    clock.advance(20_000);
    await limiter.run(attempt, forever);
    assert.deepEqual(limiter.budget(), { requestsPerMinute: 3, used: 2, waiting: 0, pauseLeftMs: 0 });
    clock.advance(40_000);
    assert.equal(limiter.budget().used, 1);
    limiter.pause(90_000);
    clock.advance(30_000);
    assert.deepEqual(limiter.budget(), { requestsPerMinute: 3, used: 0, waiting: 0, pauseLeftMs: 60_000 });
    clock.advance(60_000);
    assert.equal(limiter.budget().pauseLeftMs, 0);
  });

  test("the budget counts who waits for a slot or a ticket, not who is served, failed or gave up", async () => {
    const { clock, limiter } = setUp({ requestsPerMinute: 2, concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    const first = limiter.run(() => gate.promise, forever);
    const second = limiter.run(() => Promise.reject(new Error("boom")), forever);
    const stopped = new AbortController();
    const third = limiter.run(() => Promise.resolve(), stopped.signal);
    await waitUntil(() => limiter.budget().used === 1);
    assert.equal(limiter.budget().waiting, 2);
    gate.resolve();
    await Promise.all([first, assert.rejects(second)]);
    await waitUntil(() => clock.sleeps.length === 1);
    assert.equal(limiter.budget().waiting, 1);
    stopped.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(third);
    assert.deepEqual([limiter.budget().waiting, limiter.budget().used], [0, 2]);
  });
});

async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
