import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { createSyncLog, type SyncLog } from "./sync-log.ts";
import { type SyncPhase, syncPhases } from "./view.ts";

const counts = { resourceTypes: 2, usersActive: 900, usersDisabled: 97, roles: 3, entitlements: 3, grants: 900 };

const changes = { added: 1, removed: 2, roleChanges: 3 };

function setUp() {
  const clock = createVirtualClock();
  return { clock, log: createSyncLog(clock) };
}

function runPhases(log: SyncLog, phases: readonly SyncPhase[], ms = 1000): void {
  for (const phase of phases) {
    log.phaseStarted(phase);
    log.phaseEnded(phase, ms);
  }
}

function acceptedSync(log: SyncLog, id: string): void {
  log.started(id);
  runPhases(log, syncPhases);
  log.counted(counts);
  log.accepted(counts, 5000);
  log.compared(log.ended(id, { outcome: "success", error: undefined, durationMs: 7000 }), changes);
}

suite("sync log", () => {
  test("a sync that ended: when it began, how it ended, what it held", () => {
    const { clock, log } = setUp();
    clock.advance(7000);
    acceptedSync(log, "a");
    assert.deepEqual(log.rows(), [
      {
        startedMs: clock.nowMs() - 7000,
        durationMs: 7000,
        outcome: "success",
        code: undefined,
        bytes: 5000,
        counts: { users: 900, disabled: 97, roles: 3, entitlements: 3, grants: 900 },
        changes: { added: 1, removed: 2, roleChanges: 3 },
      },
    ]);
    assert.equal(log.progressOf("a"), undefined);
  });

  test("a sync that failed has its code and no figures; one that was cancelled has no code", () => {
    const { log } = setUp();
    log.started("a");
    log.phaseStarted("validate");
    log.ended("a", { outcome: "failure", error: new StatusError("unauthenticated", "no"), durationMs: 10 });
    log.started("b");
    log.ended("b", { outcome: "cancelled", error: new StatusError("cancelled", "no"), durationMs: 10 });
    const [cancelled, failed] = log.rows();
    assert.deepEqual([failed?.outcome, failed?.code, failed?.bytes], ["failure", "unauthenticated", undefined]);
    assert.deepEqual([cancelled?.outcome, cancelled?.code], ["cancelled", undefined]);
  });

  test("what changed is added to its own row when it is known, and is forgotten with the row", () => {
    const { log } = setUp();
    const ends = Array.from({ length: 51 }, (_, at) => {
      log.started(`${at}`);
      log.accepted(counts, at);
      return log.ended(`${at}`, { outcome: "success", error: undefined, durationMs: 1 });
    });
    const before = log.rows();
    log.compared(ends[1]!, changes);
    log.compared(ends[0]!, changes);
    assert.notEqual(log.rows(), before);
    assert.deepEqual(
      log
        .rows()
        .filter((row) => row.changes !== undefined)
        .map(({ bytes }) => bytes),
      [1],
    );
    assert.equal(log.rows().length, 50);
  });

  test("keeps the last 50", () => {
    const { log } = setUp();
    for (let at = 0; at < 60; at += 1) acceptedSync(log, `${at}`);
    assert.equal(log.rows().length, 50);
  });

  test("a second sync waits, and its end does not touch the one at work", () => {
    const { log } = setUp();
    log.started("first");
    log.started("second");
    log.phaseStarted("resources");
    assert.equal(log.progressOf("first")?.phase, "resources");
    assert.equal(log.progressOf("second"), undefined);
    log.ended("second", { outcome: "cancelled", error: undefined, durationMs: 10 });
    assert.equal(log.progressOf("first")?.phase, "resources");
    log.accepted(counts, 1);
    log.ended("first", { outcome: "success", error: undefined, durationMs: 20 });
    assert.deepEqual(
      log.rows().map(({ outcome, bytes }) => [outcome, bytes]),
      [
        ["success", 1],
        ["cancelled", undefined],
      ],
    );
  });

  test("progress grows from 0 to 1 through all phases and never falls, in a first sync and in a later one", () => {
    const { clock, log } = setUp();
    for (const id of ["first", "later"]) {
      log.started(id);
      const seen: number[] = [];
      for (const phase of syncPhases) {
        log.phaseStarted(phase);
        for (let step = 1; step <= 4; step += 1) {
          clock.advance(300);
          if (phase === "resources") log.counted({ ...counts, usersActive: 225 * step, grants: 0 });
          if (phase === "grants") log.counted({ ...counts, grants: 225 * step });
          seen.push(log.progressOf(id)?.progress ?? Number.NaN);
        }
        log.phaseEnded(phase, 1200);
        seen.push(log.progressOf(id)?.progress ?? Number.NaN);
      }
      assert.deepEqual(
        seen,
        seen.toSorted((one, other) => one - other),
      );
      assert.ok(seen[0]! < 0.2 && seen.at(-1) === 1, `${seen}`);
      log.accepted(counts, 1);
      log.ended(id, { outcome: "success", error: undefined, durationMs: 1 });
    }
  });

  test("a phase that takes far longer than the last time stays below its end", () => {
    const { clock, log } = setUp();
    acceptedSync(log, "a");
    log.started("b");
    log.phaseStarted("validate");
    clock.advance(3_600_000);
    const { progress = 1 } = log.progressOf("b") ?? {};
    assert.ok(progress > 0.1 && progress < 1 / 7, `${progress}`);
  });

  test("within a phase, rows are held against those of the last sync", () => {
    const { log } = setUp();
    acceptedSync(log, "a");
    log.started("b");
    runPhases(log, ["validate", "types"]);
    log.phaseStarted("resources");
    log.counted({ ...counts, usersActive: 450, usersDisabled: 47, grants: 0 });
    assert.equal(log.progressOf("b")?.progress, Math.round((2.5 / 7) * 1000) / 1000);
  });
});
