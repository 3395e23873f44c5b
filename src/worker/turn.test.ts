import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import { createGate, everything, noCounts, type RunningWorker, startWorker } from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";
import type { PollTurn } from "./turn.ts";

interface Switch extends PollTurn {
  give(): void;
  /** Ends the turn; `abort` also gives up the question under way. */
  take(abort?: boolean): void;
}

function createSwitch(mine: boolean): Switch {
  const waiting = new Set<() => void>();
  let over = new AbortController();
  let aborts = false;
  return {
    mine: () => mine,
    over: () => (aborts ? over.signal : undefined),
    wait(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.add(resolve);
      signal.addEventListener("abort", () => reject(StatusError.from(signal.reason)), { once: true });
      return promise;
    },
    give() {
      mine = true;
      over = new AbortController();
      for (const wake of waiting) wake();
    },
    take(abort = false) {
      mine = false;
      aborts = abort;
      if (abort) over.abort(new StatusError("aborted", "not your turn"));
    },
  };
}

const polls = ({ c1 }: RunningWorker) => c1.callsOf("getTask").length;
const pass = ({ clock }: RunningWorker, ms: number) => clock.sleep(ms, new AbortController().signal);

suite("turns of several instances", () => {
  test("who has no turn says Hello, asks for nothing and stands by", async () => {
    await using running = startWorker({ turn: createSwitch(false) });
    await pass(running, 3_600_000);
    assert.equal(running.c1.callsOf("hello").length, 1);
    assert.equal(polls(running), 0);
    assert.equal(running.worker.status().state, "standby");
  });

  test("it asks as soon as its turn comes", async () => {
    const turn = createSwitch(false);
    await using running = startWorker({ turn });
    await pass(running, 60_000);
    turn.give();
    await running.c1.called("getTask", 3);
    assert.equal(running.worker.status().state, "polling");
    assert.deepEqual(running.events.slice(0, 3), ["state polling", "state standby", "state polling"]);
  });

  test("when its turn ends it finishes what it has and asks no more", async () => {
    const turn = createSwitch(true);
    const gate = createGate();
    await using running = startWorker({
      turn,
      handlers: {
        async sync_full() {
          await gate.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const id = running.c1.enqueue({ type: "sync_full", input: everything });
    await until(() => running.worker.status().running.length === 1, "a task at work");
    turn.take();
    const before = polls(running);
    await pass(running, 600_000);
    assert.ok(polls(running) <= before + 1);
    assert.equal(running.worker.status().state, "standby");
    gate.open();
    assert.equal((await running.c1.report(id)).outcome.ok, true);
  });

  test("a standby that stops ends at once and well", async () => {
    await using running = startWorker({ turn: createSwitch(false) });
    await until(() => running.worker.status().state === "standby", "standby");
    running.stop();
    await running.ended;
    assert.deepEqual(running.events, ["state polling", "state standby", "state draining", "state stopped"]);
  });

  test("polls that failed before it stood by do not make a standby unready", async () => {
    const turn = createSwitch(true);
    await using running = startWorker({ turn });
    await running.c1.called("getTask", 2);
    running.c1.fail("getTask", "unavailable", { times: 3 });
    await until(() => running.worker.status().pollFailingSinceMs !== undefined, "a failing poll");
    turn.take();
    await until(() => running.worker.status().state === "standby", "standby");
    assert.equal(running.worker.status().pollFailingSinceMs, undefined);
  });

  test("a question under way is given up when the turn says so, and is no failure", async () => {
    const turn = createSwitch(true);
    turn.take(true);
    turn.give();
    const clock = createVirtualClock();
    await using running = startWorker({ turn, clock });
    await running.c1.called("getTask", 1);
    running.c1.hang("getTask");
    await running.c1.called("getTask", 2);
    turn.take(true);
    await until(() => running.worker.status().state === "standby", "standby");
    assert.ok(!running.events.some((event) => event.startsWith("poll") && event !== "poll empty"));
    turn.give();
    await running.c1.called("getTask", 3);
  });

  test("tasks that were fetched but not begun are still done", async () => {
    const turn = createSwitch(true);
    const gate = createGate();
    await using running = startWorker({
      turn,
      batched: true,
      concurrency: 1,
      handlers: {
        async sync_full() {
          await gate.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const ids = [1, 2].map(() => running.c1.enqueue({ type: "sync_full", input: everything }));
    await until(() => running.worker.status().queued === 1, "a task in the queue");
    turn.take();
    gate.open();
    for (const id of ids) assert.equal((await running.c1.report(id)).outcome.ok, true);
  });
});
