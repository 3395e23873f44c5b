import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeC1 } from "../../test/fakes/c1-client.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import {
  accountAnswer,
  createGate,
  everything,
  noCounts,
  startWorker,
  untilAborted,
} from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";

const listFeeds = { type: "list_event_feeds", input: {} } as const;

suite("start-up", () => {
  test("P1 Hello UNAVAILABLE five times, then OK: waits 1, 2, 4, 8, 16 s and asks for nothing before", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    c1.fail("hello", "unavailable", { times: 5 });
    await using running = startWorker({ c1, clock });
    await c1.called("getTask", 1);
    assert.deepEqual(clock.sleeps.slice(0, 5), [1_000, 2_000, 4_000, 8_000, 16_000]);
    assert.deepEqual(
      c1.calls.slice(0, 7).map(({ method }) => method),
      [...Array(6).fill("hello"), "getTask"],
    );
    assert.equal(running.worker.status().state, "polling");
  });

  test("P1 the wait for Hello grows to 5 min and stays there", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    c1.fail("hello", "deadline_exceeded", { times: 12 });
    await using _running = startWorker({ c1, clock });
    await c1.called("getTask", 1);
    assert.deepEqual(clock.sleeps.slice(8, 12), [256_000, 300_000, 300_000, 300_000]);
  });

  for (const code of [
    "unauthenticated",
    "permission_denied",
    "invalid_argument",
    "unimplemented",
    "failed_precondition",
    "not_found",
  ] as const) {
    test(`P2 Hello ${code} ends the worker with that code after one call`, async () => {
      const clock = createVirtualClock();
      const c1 = new FakeC1(clock);
      c1.fail("hello", code);
      await using running = startWorker({ c1, clock });
      await assert.rejects(running.ended, { code });
      assert.equal(c1.calls.length, 1);
      assert.equal(running.worker.status().state, "stopped");
    });
  }

  test("S1 stop during the Hello back-off ends at once and well", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    c1.fail("hello", "unavailable", { times: 3 });
    await using running = startWorker({ c1, clock });
    await c1.called("hello", 2);
    running.stop();
    await running.ended;
    assert.equal(c1.callsOf("getTask").length, 0);
    assert.deepEqual(running.events, ["state draining", "state stopped"]);
  });

  test("S1 stop while Hello has no answer ends at once and well", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    c1.hang("hello");
    await using running = startWorker({ c1, clock });
    await c1.called("hello", 1);
    running.stop();
    await running.ended;
  });
});

suite("polling", () => {
  test("P5 next_poll is followed: a floor when absent, 2 s as asked, 10 min cut to 5", async () => {
    await using running = startWorker();
    const { c1 } = running;
    c1.nextPolls.push(undefined, 0, -1, 2_000, 600_000);
    await c1.called("getTask", 6);
    const at = c1.callsOf("getTask").map(({ atMs }) => atMs);
    const waits = at.slice(1, 6).map((atMs, index) => atMs - (at[index] ?? 0));
    assert.deepEqual(waits, [1_000, 1_000, 1_000, 2_000, 300_000]);
  });

  test("P6 poll errors back off 1, 4, 9 … 60 s, never end the worker, and an answer starts over", async () => {
    await using running = startWorker();
    const { c1, clock } = running;
    await c1.called("getTask", 1);
    const codes = ["unavailable", "resource_exhausted", "internal", "unauthenticated"] as const;
    for (const code of [...codes, ...codes, "unavailable"] as const) c1.fail("getTask", code);
    await c1.called("getTask", 11);
    c1.fail("getTask", "unavailable");
    await c1.called("getTask", 13);
    assert.deepEqual(
      clock.sleeps.slice(1, 12),
      [1_000, 4_000, 9_000, 16_000, 25_000, 36_000, 49_000, 60_000, 60_000, 1_000, 1_000],
    );
    assert.ok(running.events.includes("poll unauthenticated"));
    assert.equal(running.worker.status().state, "polling");
  });

  test("the status tells since when polls fail, and that they succeed again", async () => {
    await using running = startWorker();
    const { c1, worker } = running;
    await c1.called("getTask", 2);
    assert.equal(worker.status().pollFailingSinceMs, undefined);
    const { lastPollSuccessMs } = worker.status();
    c1.fail("getTask", "unavailable", { times: 3 });
    await c1.called("getTask", 5);
    const { pollFailingSinceMs } = worker.status();
    assert.ok(pollFailingSinceMs !== undefined && pollFailingSinceMs >= (lastPollSuccessMs ?? Number.NaN));
    await c1.called("getTask", 6);
    await until(() => worker.status().pollFailingSinceMs === undefined, "a good poll");
  });

  test("the status tells when the next poll is due", async () => {
    await using running = startWorker();
    const { c1, clock, worker } = running;
    await c1.called("getTask", 1);
    c1.fail("getTask", "unavailable", { times: 4 });
    await c1.called("getTask", 5);
    await until(() => clock.sleeps.at(-1) === 16_000, "the wait after the fourth failure");
    const inMs = worker.status().nextPollMs - clock.nowMs();
    assert.ok(inMs > 0 && inMs <= 16_000, `${inMs}`);
  });

  test("P7 no task is no work", async () => {
    await using running = startWorker();
    await running.c1.called("getTask", 5);
    assert.equal(running.c1.callsOf("finishTask").length, 0);
    assert.equal(running.events.filter((event) => event === "poll empty").length >= 4, true);
  });

  test("P8 never more tasks at once than slots, and no poll while all slots are busy", async () => {
    let current = 0;
    let most = 0;
    const gate = createGate();
    await using running = startWorker({
      concurrency: 2,
      handlers: {
        list_event_feeds: async () => {
          current += 1;
          most = Math.max(most, current);
          await gate.opened;
          current -= 1;
          return undefined;
        },
      },
    });
    const { c1, clock } = running;
    const ids = [1, 2, 3, 4, 5].map(() => c1.enqueue(listFeeds));
    await until(() => current === 2, "two tasks at work");
    const polls = c1.callsOf("getTask").length;
    await clock.sleep(600_000, new AbortController().signal);
    assert.equal(c1.callsOf("getTask").length, polls);
    gate.open();
    for (const id of ids) assert.deepEqual((await c1.report(id)).outcome, { ok: true });
    assert.equal(most, 2);
  });

  test("P10 a poll without an answer does not stop the heartbeats of a running sync", async () => {
    await using running = startWorker({ handlers: { sync_full: (_, { signal }) => untilAborted(signal) } });
    const { c1 } = running;
    const id = c1.enqueue({ type: "sync_full", input: everything });
    await until(() => running.events.includes("start sync_full"), "the sync");
    c1.hang("getTask");
    const polls = c1.callsOf("getTask").length;
    await c1.called("heartbeat", 12);
    assert.ok(c1.callsOf("getTask").length <= polls + 1);
    assert.equal(c1.reports(id).length, 0);
  });

  test("P12 two workers on one C1: each task is done once", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    let executions = 0;
    const handlers = {
      list_event_feeds: async () => {
        executions += 1;
        return undefined;
      },
    };
    await using _first = startWorker({ c1, clock, handlers });
    await using _second = startWorker({ c1, clock, handlers });
    const ids = Array.from({ length: 20 }, () => c1.enqueue(listFeeds));
    for (const id of ids) await c1.report(id);
    assert.equal(executions, 20);
  });
});

suite("polling for several tasks", () => {
  test("P9 duplicates in a batch and tasks that run already are done once, and C1 is told exactly what runs", async () => {
    const gate = createGate();
    await using running = startWorker({
      batched: true,
      concurrency: 3,
      handlers: {
        list_event_feeds: async () => {
          await gate.opened;
          return undefined;
        },
      },
    });
    const { c1 } = running;
    const [first, second] = [c1.enqueue(listFeeds), c1.enqueue(listFeeds)];
    // The same id twice in one answer.
    c1.enqueue({ ...listFeeds, id: second });
    await c1.called("getTasks", 2);
    c1.redeliver(first);
    await c1.called("getTasks", 4);
    const requests = c1.callsOf("getTasks").map(({ request }) => request);
    assert.deepEqual(requests[0], { pageSize: 6, knownTaskIds: [] });
    assert.deepEqual(requests[1], { pageSize: 4, knownTaskIds: [first, second] });
    gate.open();
    await c1.report(first);
    await c1.report(second);
    assert.equal(running.done.length, 2);
  });

  test("P9 with 60 slots no page is larger than 100", async () => {
    await using running = startWorker({ batched: true, concurrency: 60 });
    const ids = Array.from({ length: 250 }, () => running.c1.enqueue(listFeeds));
    for (const id of ids) await running.c1.report(id);
    assert.ok(running.c1.callsOf("getTasks").every(({ request }) => (request?.pageSize ?? 0) <= 100));
  });

  test("P8 fetched tasks wait here for their slot, and nothing is fetched while any waits", async () => {
    const gate = createGate();
    await using running = startWorker({
      batched: true,
      concurrency: 2,
      handlers: {
        list_event_feeds: async () => {
          await gate.opened;
          return undefined;
        },
      },
    });
    const { c1, clock, worker } = running;
    for (let n = 0; n < 6; n += 1) c1.enqueue(listFeeds);
    await until(() => worker.status().running.length === 2, "two tasks at work");
    await clock.sleep(600_000, new AbortController().signal);
    assert.equal(worker.status().queued, 2);
    assert.equal(c1.callsOf("getTasks").length, 1);
    gate.open();
    await until(() => running.done.length === 6, "all tasks");
  });

  test("S1 fetched tasks that had no slot yet are given back at stop", async () => {
    await using running = startWorker({
      batched: true,
      concurrency: 1,
      handlers: { list_event_feeds: (_, { signal }) => untilAborted(signal) },
    });
    const { c1, worker } = running;
    const [atWork, waiting] = [c1.enqueue(listFeeds), c1.enqueue(listFeeds)];
    await until(() => worker.status().queued === 1, "a queued task");
    running.stop();
    const { outcome } = await c1.report(waiting);
    assert.ok(!outcome.ok);
    assert.deepEqual([outcome.error.code, outcome.error.retryable], ["unavailable", true]);
    assert.equal(c1.reports(atWork).length, 0);
  });
});

suite("the same task again", () => {
  test("T3 while it runs: ignored", async () => {
    const gate = createGate();
    let executions = 0;
    await using running = startWorker({
      handlers: {
        list_event_feeds: async () => {
          executions += 1;
          await gate.opened;
          return undefined;
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue(listFeeds);
    await until(() => executions === 1, "the task");
    c1.redeliver(id);
    const polls = c1.callsOf("getTask").length;
    await c1.called("getTask", polls + 3);
    gate.open();
    await c1.report(id);
    assert.equal(executions, 1);
  });

  test("T3 after its report was taken: done again", async () => {
    await using running = startWorker();
    const { c1 } = running;
    const id = c1.enqueue(listFeeds);
    await c1.report(id);
    c1.redeliver(id);
    await until(() => c1.reports(id).length === 2, "a second report");
    assert.equal(running.done.length, 2);
  });

  test("T3 after a report that was never acknowledged: reported again, not done again", async () => {
    await using running = startWorker();
    const { c1 } = running;
    c1.fail("finishTask", "unavailable", { times: 5 });
    const id = c1.enqueue(listFeeds);
    await c1.called("finishTask", 5);
    await until(() => running.done.length === 1, "the end of the task");
    assert.equal(c1.reports(id).length, 0);
    c1.redeliver(id);
    await until(() => c1.reports(id).length === 1, "the report");
    assert.equal(running.done.length, 1);
  });
});

suite("shutdown", () => {
  test("S1 stop while idle ends at once, with a poll under way too", async () => {
    await using running = startWorker();
    await running.c1.called("getTask", 1);
    running.c1.hang("getTask");
    await running.c1.called("getTask", 2);
    running.stop();
    await running.ended;
    assert.deepEqual(
      running.events.filter((event) => event.startsWith("state")),
      ["state polling", "state draining", "state stopped"],
    );
  });

  test("S1 a collecting sync ends at stop and is reported UNAVAILABLE, retryable", async () => {
    await using running = startWorker({ handlers: { sync_full: (_, { signal }) => untilAborted(signal) } });
    const { c1 } = running;
    const id = c1.enqueue({ type: "sync_full", input: everything });
    await c1.called("heartbeat", 2);
    running.stop();
    await running.ended;
    const { outcome } = await c1.report(id);
    assert.ok(!outcome.ok);
    assert.equal(outcome.error.message, "connector shutting down");
    assert.deepEqual([outcome.error.code, outcome.error.retryable], ["unavailable", true]);
  });

  test("S1 a sync that uploads may finish after stop, and its heartbeats go on", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        sync_full: async (_, run) => {
          run.enterGracePhase();
          await gate.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue({ type: "sync_full", input: everything });
    await c1.called("heartbeat", 2);
    running.stop();
    const before = c1.callsOf("heartbeat").length;
    await c1.called("heartbeat", before + 2);
    const polls = c1.callsOf("getTask").length;
    gate.open();
    await running.ended;
    assert.deepEqual((await c1.report(id)).outcome, { ok: true });
    assert.equal(c1.callsOf("getTask").length, polls);
  });

  test("S1 other tasks may finish after stop", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        create_account: async () => {
          await gate.opened;
          return accountAnswer;
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue({
      type: "create_account",
      input: { accountInfo: undefined, resourceTypeId: "", credentials: "absent" },
    });
    await until(() => running.events.includes("start create_account"), "the task");
    running.stop();
    gate.open();
    await running.ended;
    assert.deepEqual((await c1.report(id)).outcome, { ok: true, answer: accountAnswer });
  });

  test("S1 the end of the grace ends everything, reported UNAVAILABLE and retryable, provisioning too", async () => {
    await using running = startWorker({
      handlers: {
        sync_full: async (_, run) => {
          run.enterGracePhase();
          return await untilAborted(run.signal);
        },
        create_account: (_, { signal }) => untilAborted(signal),
      },
    });
    const { c1 } = running;
    const ids = [
      c1.enqueue({ type: "sync_full", input: everything }),
      c1.enqueue({
        type: "create_account",
        input: { accountInfo: undefined, resourceTypeId: "", credentials: "absent" },
      }),
    ];
    await until(() => running.worker.status().running.length === 2, "both tasks");
    running.stop();
    await running.clock.sleep(20_000, new AbortController().signal);
    assert.equal(running.worker.status().state, "draining");
    running.abort();
    await running.ended;
    for (const id of ids) {
      const { outcome } = await c1.report(id);
      assert.ok(!outcome.ok);
      assert.deepEqual([outcome.error.code, outcome.error.retryable], ["unavailable", true]);
    }
  });

  test("S1 reports go on for 30 s after the grace, then the worker ends", async () => {
    await using running = startWorker({
      handlers: { create_account: (_, { signal }) => untilAborted(signal) },
    });
    const { c1, clock } = running;
    c1.enqueue({
      type: "create_account",
      input: { accountInfo: undefined, resourceTypeId: "", credentials: "absent" },
    });
    await until(() => running.worker.status().running.length === 1, "the task");
    c1.fail("finishTask", "unavailable", { times: 20 });
    running.stop();
    const abortedAt = clock.monotonicMs();
    running.abort();
    await assert.rejects(running.ended, { code: "unavailable", message: /could not be told .* 1 task/ });
    assert.equal(clock.monotonicMs() - abortedAt, 30_000);
    assert.ok(c1.callsOf("finishTask").length >= 3);
  });

  test("S1 a handler that does not listen is left behind when the reporting time is over", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        create_account: async () => {
          await gate.opened;
          return accountAnswer;
        },
      },
    });
    running.c1.enqueue({
      type: "create_account",
      input: { accountInfo: undefined, resourceTypeId: "", credentials: "absent" },
    });
    await until(() => running.worker.status().running.length === 1, "the task");
    running.stop();
    running.abort();
    await assert.rejects(running.ended, { code: "unavailable", message: /could not be told .* 1 task/ });
    assert.ok(running.log.lines.some(({ level, message }) => level === "error" && message.includes("did not end")));
    gate.open();
  });

  test("S1 a task that arrives together with stop is given back untouched", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    const getTask = c1.getTask.bind(c1);
    c1.getTask = async (signal) => {
      const answer = await getTask(signal);
      running.stop();
      return answer;
    };
    const id = c1.enqueue({ type: "delete_resource", input: { resourceId: undefined } });
    await using running = startWorker({ c1, clock });
    await running.ended;
    const { outcome } = await c1.report(id);
    assert.ok(!outcome.ok);
    assert.deepEqual([outcome.error.code, outcome.error.retryable], ["unavailable", true]);
  });

  test("abort alone stops polling too", async () => {
    await using running = startWorker();
    await running.c1.called("getTask", 2);
    running.abort();
    await running.ended;
  });

  test("a failure that is not C1's ends the worker, rather than leaving it without a poll loop", async () => {
    const clock = createVirtualClock();
    const c1 = new FakeC1(clock);
    c1.fail("getTask", "unavailable");
    const broken = { ...clock, sleep: () => Promise.reject(new StatusError("internal", "the clock is broken")) };
    await using running = startWorker({ c1, clock: broken });
    await assert.rejects(running.ended, /the clock is broken/);
  });
});
