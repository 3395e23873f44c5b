import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeC1 } from "../../test/fakes/c1-client.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { watchLoops } from "../../test/helpers/loop-watcher.ts";
import { until } from "../../test/helpers/until.ts";
import { createGate, everything, noCounts, startWorker, untilAborted } from "../../test/helpers/worker.ts";

const hourMs = 60 * 60_000;

function setUp() {
  const clock = createVirtualClock();
  return { clock, c1: new FakeC1(clock), watcher: watchLoops(clock) };
}

/** A promise that nothing settles, like that of a loop that has died. */
const dead = (): Promise<never> => Promise.withResolvers<never>().promise;

suite("the loops of the worker", () => {
  test("are in time while C1 answers, at its slowest pace", async () => {
    const { clock, c1, watcher } = setUp();
    c1.nextPollMs = 24 * hourMs;
    await using _running = startWorker({ c1, clock, loops: watcher.loops });
    assert.deepEqual(await watcher.pass(hourMs), []);
    assert.deepEqual(watcher.of("poll")?.name, "poll");
  });

  test("are in time while C1 is away, before and after Hello", async () => {
    const { clock, c1, watcher } = setUp();
    c1.fail("hello", "unavailable", { times: 20 });
    await using running = startWorker({ c1, clock, loops: watcher.loops });
    assert.deepEqual(await watcher.pass(hourMs), []);
    assert.equal(running.worker.status().lastErrorCode, "unavailable");
    await c1.called("getTask", 1);
    c1.fail("getTask", "deadline_exceeded", { times: 200 });
    assert.deepEqual(await watcher.pass(hourMs), []);
    const { lastErrorCode, pollFailingForMs = 0 } = running.worker.status();
    assert.equal(lastErrorCode, "deadline_exceeded");
    assert.ok(pollFailingForMs > 0.9 * hourMs, `${pollFailingForMs}`);
  });

  test("rest while another instance polls, and while every slot is taken; heartbeats go on", async () => {
    const standby = setUp();
    const turn = { mine: () => false, wait: untilAborted, over: () => undefined };
    await using _standby = startWorker({ ...standby, turn, loops: standby.watcher.loops });
    assert.deepEqual(await standby.watcher.pass(hourMs), []);
    assert.equal(standby.watcher.of("poll")?.allowedMs, undefined);

    const { clock, c1, watcher } = setUp();
    const gate = createGate();
    const handlers = { sync_full: () => gate.opened.then(() => ({ counts: noCounts, bytes: 0 })) };
    await using _running = startWorker({ c1, clock, handlers, concurrency: 1, loops: watcher.loops });
    const id = c1.enqueue({ type: "sync_full", input: everything });
    await c1.called("heartbeat", 2);
    assert.deepEqual(await watcher.pass(hourMs), []);
    assert.equal(watcher.of("poll")?.allowedMs, undefined);
    assert.ok(watcher.of("heartbeat")?.allowedMs);
    gate.open();
    await c1.report(id);
    await until(() => watcher.of("heartbeat") === undefined, "the end of the heartbeats");
  });

  test("are over when the worker has ended, however it ended", async () => {
    const good = setUp();
    await using stopped = startWorker({ ...good, loops: good.watcher.loops });
    await good.c1.called("getTask", 1);
    stopped.stop();
    await stopped.ended;
    assert.deepEqual(good.watcher.loops.read(), []);
    const bad = setUp();
    bad.c1.fail("hello", "unauthenticated");
    await using refused = startWorker({ ...bad, loops: bad.watcher.loops });
    await assert.rejects(refused.ended);
    assert.deepEqual(bad.watcher.loops.read(), []);
  });

  // These workers never end; they are left to themselves with their clock stopped.
  for (const [method, loop] of [
    ["hello", "poll"],
    ["getTask", "poll"],
    ["heartbeat", "heartbeat"],
  ] as const) {
    test(`a ${method} that never settles is noticed`, async () => {
      const { clock, c1, watcher } = setUp();
      if (method !== "heartbeat") c1[method] = dead;
      startWorker({ clock, c1, handlers: { sync_full: dead }, loops: watcher.loops });
      if (method === "heartbeat") {
        c1.enqueue({ type: "sync_full", input: everything });
        await c1.called("heartbeat", 1);
        c1.heartbeat = dead;
      }
      assert.deepEqual(await watcher.pass(5 * 60_000), []);
      assert.deepEqual(await watcher.pass(2 * 60_000), [loop]);
      clock.freeze();
    });
  }

  test("a sleep that never ends is noticed", async () => {
    const { clock, c1, watcher } = setUp();
    startWorker({ clock: { ...clock, sleep: dead }, c1, loops: watcher.loops });
    await c1.called("getTask", 1);
    assert.deepEqual(await watcher.pass(2 * 60_000), ["poll"]);
    clock.freeze();
  });
});
