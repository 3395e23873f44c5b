import assert from "node:assert/strict";
import type { UploadRecord } from "../../fakes/c1-server.ts";
import type { Before, Interruption, Signal } from "./interrupt.ts";
import type { Told } from "./sweep-scenario.ts";

/** What is right at a point. */
export interface Verdict {
  readonly signal: Signal;
  /** What a process that was asked to stop may have told C1. */
  readonly mayTell: readonly Told[];
  /** How many reports C1 may have of a process that was killed. */
  readonly reports: readonly number[];
}

/** Checks what holds for every task and every point. */
export function judgeEnds({ before, after }: Interruption, { signal, mayTell, reports }: Verdict): void {
  if (signal === "SIGKILL") judgeKilled(before, reports);
  else judgeStopped(before, mayTell);
  assert.deepEqual(after.sweptTo ?? [], [], "the second process has swept what the first one left");
}

/** What the process told C1. */
export function told({ finishes }: Before): Told {
  const [finish] = finishes;
  if (finish === undefined) return "nothing";
  if (finish.ok) return "done";
  assert.deepEqual(
    [finish.code, finish.nonRetryable, finish.message],
    [14, false, "connector shutting down"],
    "the only failure that a stop may be reported as",
  );
  return "given back";
}

/** Sync files that C1 took. */
export function accepted(
  uploads: readonly UploadRecord[],
  wanted: UploadRecord["kind"] = "c1z",
): readonly UploadRecord[] {
  return uploads.filter(({ ok, kind }) => ok && kind === wanted);
}

function judgeStopped(before: Before, mayTell: readonly Told[]): void {
  assert.deepEqual([before.end.code, before.end.signal], [0, null], before.end.stderr);
  assert.deepEqual(before.leavings, [], "a process that was asked to stop leaves nothing behind");
  assert.ok(before.finishes.length <= 1, `${before.finishes.length} reports of one task`);
  const what = told(before);
  assert.ok(mayTell.includes(what), `C1 was told "${what}", not ${mayTell.join(" or ")}`);
  if (what === "given back") assert.equal(before.changed, false, "what is given back has changed nothing");
  if (what !== "done") assert.deepEqual(accepted(before.uploads), [], "what is not done has uploaded nothing");
}

/** What a killed process leaves is its own private directory and nothing else. */
function judgeKilled({ end, finishes, leavings }: Before, reports: readonly number[]): void {
  assert.equal(end.signal, "SIGKILL", end.stderr);
  for (const leaving of leavings) assert.match(leaving, /^baton-cursor-sync-[A-Za-z0-9]{6}$/);
  assert.ok(reports.includes(finishes.length), `${finishes.length} reports before it was killed`);
}
