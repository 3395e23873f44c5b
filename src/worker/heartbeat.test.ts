import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeC1 } from "../../test/fakes/c1-client.ts";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import { everything } from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { HeartbeatOutcome } from "./hooks.ts";

const never = new AbortController().signal;

/** A sync task that has been handed out, and what is needed to beat for it. */
async function handedSync() {
  const clock = createVirtualClock();
  const c1 = new FakeC1(clock);
  const id = c1.enqueue({ type: "sync_full", input: everything });
  await c1.hello("", undefined, never);
  await c1.getTask(never);
  const outcomes: HeartbeatOutcome[] = [];
  const hooks = { onHeartbeat: (outcome: HeartbeatOutcome) => void outcomes.push(outcome) };
  return { clock, c1, id, outcomes, deps: { c1, clock, random: () => 0.5, log: createRecordingLogger(), hooks } };
}

suite("heartbeat", () => {
  for (const [given, interval] of [
    [undefined, 30_000],
    [0, 30_000],
    [100, 1_000],
    [-1, 1_000],
    [7_000, 7_000],
    [600_000, 300_000],
  ] as const) {
    test(`H1 next_heartbeat ${given ?? "absent"} means ${interval} ms`, async () => {
      const { c1, clock, id, deps } = await handedSync();
      c1.nextHeartbeatMs = given;
      await using heartbeat = await startHeartbeat(id, deps, never);
      await c1.called("heartbeat", 3);
      assert.equal(heartbeat?.signal.aborted, false);
      assert.deepEqual(clock.sleeps.slice(0, 2), [interval, interval]);
    });
  }

  test("H2 cancelled at the first heartbeat: nobody wants the task", async () => {
    const { c1, id, deps, outcomes } = await handedSync();
    c1.cancel(id);
    assert.equal(await startHeartbeat(id, deps, never), undefined);
    assert.deepEqual(outcomes, ["cancelled"]);
  });

  test("the first heartbeat is tried again three times", async () => {
    const { c1, id, deps, outcomes } = await handedSync();
    c1.fail("heartbeat", "unavailable", { times: 3 });
    await using heartbeat = await startHeartbeat(id, deps, never);
    assert.notEqual(heartbeat, undefined);
    assert.deepEqual(outcomes, ["error", "error", "error", "ok"]);
  });

  test("a first heartbeat that keeps failing, or is refused, drops the task", async () => {
    const outage = await handedSync();
    outage.c1.fail("heartbeat", "unavailable", { times: 9 });
    assert.equal(await startHeartbeat(outage.id, outage.deps, never), undefined);
    assert.equal(outage.outcomes.length, 4);

    const refused = await handedSync();
    refused.c1.fail("heartbeat", "not_found");
    assert.equal(await startHeartbeat(refused.id, refused.deps, never), undefined);
    assert.equal(refused.outcomes.length, 1);
  });

  test("the first heartbeat ends with the parent's reason", async () => {
    const { c1, id, deps } = await handedSync();
    c1.hang("heartbeat");
    const parent = new AbortController();
    const starting = startHeartbeat(id, deps, parent.signal);
    await c1.called("heartbeat", 1);
    const reason = new StatusError("unavailable", "connector shutting down");
    parent.abort(reason);
    await assert.rejects(starting, reason);
  });

  test("H3 a later cancel aborts with CANCELLED, retryable", async () => {
    const { c1, id, deps } = await handedSync();
    await using heartbeat = await startHeartbeat(id, deps, never);
    c1.cancel(id);
    await until(() => heartbeat?.signal.aborted === true, "the abort");
    const reason = StatusError.from(heartbeat?.signal.reason);
    assert.deepEqual([reason.code, reason.retryable, heartbeat?.unwanted], ["cancelled", true, true]);
  });

  test("H4 eight failures in a row are borne, with shorter waits, and success starts the count over", async () => {
    const { c1, clock, id, deps } = await handedSync();
    c1.nextHeartbeatMs = 60_000;
    await using heartbeat = await startHeartbeat(id, deps, never);
    for (const _ of [1, 2]) {
      const before = c1.callsOf("heartbeat").length;
      c1.fail("heartbeat", "unavailable", { times: 8 });
      await c1.called("heartbeat", before + 10);
    }
    assert.equal(heartbeat?.signal.aborted, false);
    assert.deepEqual(clock.sleeps.slice(0, 10), [60_000, ...Array(8).fill(10_000), 60_000]);
  });

  test("H4 the ninth failure in a row aborts with UNAVAILABLE, retryable", async () => {
    const { c1, id, deps, outcomes } = await handedSync();
    await using heartbeat = await startHeartbeat(id, deps, never);
    c1.fail("heartbeat", "deadline_exceeded", { times: 9 });
    await until(() => heartbeat?.signal.aborted === true, "the abort");
    const reason = StatusError.from(heartbeat?.signal.reason);
    assert.deepEqual([reason.code, reason.retryable], ["unavailable", true]);
    assert.match(reason.message, /9 heartbeats in a row failed \(deadline_exceeded\)/);
    assert.equal(outcomes.filter((outcome) => outcome === "error").length, 9);
  });

  for (const code of ["not_found", "failed_precondition", "permission_denied"] as const) {
    test(`H4 ${code} means that the lease is gone and aborts at once`, async () => {
      const { c1, id, deps } = await handedSync();
      await using heartbeat = await startHeartbeat(id, deps, never);
      c1.fail("heartbeat", code);
      await until(() => heartbeat?.signal.aborted === true, "the abort");
      assert.equal(StatusError.from(heartbeat?.signal.reason).code, "unavailable");
      assert.equal(c1.callsOf("heartbeat").length, 2);
    });
  }

  test("heartbeats go on after the parent has aborted, and end with disposal", async () => {
    const { c1, id, deps } = await handedSync();
    const parent = new AbortController();
    const heartbeat = await startHeartbeat(id, deps, parent.signal);
    parent.abort();
    const before = c1.callsOf("heartbeat").length;
    await c1.called("heartbeat", before + 2);
    assert.equal(heartbeat?.unwanted, false);
    await heartbeat?.[Symbol.asyncDispose]();
    const after = c1.callsOf("heartbeat").length;
    await deps.clock.sleep(100_000, never);
    assert.equal(c1.callsOf("heartbeat").length, after);
  });

  test("H5 disposal does not wait for a heartbeat without an answer", async () => {
    const { c1, id, deps, outcomes } = await handedSync();
    const heartbeat = await startHeartbeat(id, deps, never);
    c1.hang("heartbeat");
    await c1.called("heartbeat", 2);
    await heartbeat?.[Symbol.asyncDispose]();
    assert.equal(heartbeat?.signal.aborted, false);
    assert.deepEqual(outcomes, ["ok"]);
  });
});
