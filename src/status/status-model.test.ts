import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { StatusModel, type WorkerFacts } from "./status-model.ts";

const about = { version: "1.2.3", revision: "abc", hostId: "pod-1", showsPeople: false };
const counts = { resourceTypes: 2, usersActive: 4, usersDisabled: 1, roles: 3, entitlements: 3, grants: 4 };

function setUp() {
  const clock = createVirtualClock();
  const model = new StatusModel({ clock, about, clean: (text) => text.replaceAll("secret", "[redacted]") });
  const worker: { facts: WorkerFacts } = {
    facts: { state: "polling", lastPollSuccessMs: clock.nowMs(), pollFailingSinceMs: undefined },
  };
  model.attach({
    worker: () => worker.facts,
    credentials: () => [{ name: "cursor_api", inUse: true, problem: undefined }],
    c1Host: () => "acme.conductor.one",
    problem: () => "a secret is missing",
  });
  return { clock, model, worker };
}

suite("status model", () => {
  test("before anything is known it is starting, with empty lists", () => {
    const clock = createVirtualClock();
    const view = new StatusModel({ clock, about, clean: (text) => text }).view();
    assert.deepEqual(view, {
      about: { ...about, startedMs: clock.nowMs() },
      connection: {
        state: "starting",
        host: undefined,
        lastPollMs: undefined,
        nextPollMs: undefined,
        failingSinceMs: undefined,
        problem: undefined,
      },
      tasks: { running: [], more: 0, queued: 0 },
      syncs: [],
      changes: { kind: "none", reason: "No sync has been accepted since the start." },
      budgets: [],
      credentials: [],
      problems: [],
    });
  });

  test("the connection, cleaned; the next poll only while it polls", () => {
    const { clock, model, worker } = setUp();
    worker.facts = { ...worker.facts, nextPollMs: clock.nowMs() + 1234 };
    assert.deepEqual(model.view().connection, {
      state: "polling",
      host: "acme.conductor.one",
      lastPollMs: clock.nowMs(),
      nextPollMs: clock.nowMs() + 1200,
      failingSinceMs: undefined,
      problem: "a [redacted] is missing",
    });
    worker.facts = { ...worker.facts, state: "draining" };
    assert.equal(model.view().connection.nextPollMs, undefined);
  });

  test("a sync from its start to its row", () => {
    const { clock, model, worker } = setUp();
    model.workerHooks.onTaskStart("sync_full", "t1");
    worker.facts = { ...worker.facts, running: [{ id: "t1", type: "sync_full", startedMs: clock.nowMs() }], queued: 2 };
    assert.equal(model.view().tasks.running[0]?.phase, undefined);
    model.syncHooks.onPhaseStart("grants");
    model.syncHooks.onProgress("grants", counts);
    const { queued, running } = model.view().tasks;
    assert.equal(queued, 2);
    assert.deepEqual([running[0]?.phase, running[0]?.counts?.grants], ["grants", 4]);
    model.syncHooks.onAccepted({ counts, bytes: 77 });
    model.workerHooks.onTaskDone({ id: "t1", type: "sync_full", outcome: "success", error: undefined, durationMs: 5 });
    const [row] = model.view().syncs;
    assert.deepEqual([row?.outcome, row?.bytes, row?.counts?.users, row?.changes], ["success", 77, 4, undefined]);
  });

  test("other tasks are shown while they run and leave no row; of very many, ten are shown", () => {
    const { model, worker } = setUp();
    model.workerHooks.onTaskStart("create_account", "t1");
    const running = Array.from({ length: 12 }, (_, n) => ({ id: `${n}`, type: "create_account", startedMs: n }));
    worker.facts = { ...worker.facts, running };
    assert.deepEqual([model.view().tasks.running.length, model.view().tasks.more], [10, 2]);
    const error = new StatusError("internal", "no");
    model.workerHooks.onTaskDone({ id: "t1", type: "create_account", outcome: "failure", error, durationMs: 5 });
    assert.deepEqual(model.view().syncs, []);
  });

  test("budgets as they are when one looks, a pause as the time at which it ends", () => {
    const { clock, model } = setUp();
    const facts = { requestsPerMinute: 15, used: 3, waiting: 1, pauseLeftMs: 0 };
    model.addBudget("Cursor", () => facts);
    const row = { name: "Cursor", requestsPerMinute: 15, used: 3, waiting: 1 };
    assert.deepEqual(model.view().budgets, [{ ...row, pausedUntilMs: undefined }]);
    facts.pauseLeftMs = 60_000;
    assert.deepEqual(model.view().budgets, [{ ...row, pausedUntilMs: clock.nowMs() + 60_000 }]);
  });

  test("its listener hears of everything that happens, until it is taken away", () => {
    const { model } = setUp();
    let heard = 0;
    model.listen(() => {
      heard += 1;
    });
    model.workerHooks.onState();
    model.workerHooks.onPoll();
    model.workerHooks.onTaskStart("hello", "t");
    model.log.child({}).warn("odd");
    model.credentialHooks.onPending("c1", true);
    model.syncHooks.onPhaseStart("types");
    assert.equal(heard, 6);
    model.listen(undefined);
    model.workerHooks.onPoll();
    assert.equal(heard, 6);
  });

  test("the lists that are long are the same arrays while nothing has changed", () => {
    const { model } = setUp();
    model.log.error("odd");
    const [one, other] = [model.view(), model.view()];
    assert.equal(one.syncs, other.syncs);
    assert.equal(one.problems, other.problems);
    assert.equal(one.changes, other.changes);
  });
});
