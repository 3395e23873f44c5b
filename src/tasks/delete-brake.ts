import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** Keeps a mistake upstream from emptying the team: so many deletions an hour, then no more. */
export interface DeleteBrake {
  /** Takes one deletion out of the budget. Throws `resource_exhausted`, final, when there is none left. */
  take(): void;
}

const hourMs = 60 * 60_000;

/** Counts within any 60 minutes, since the start of the process. */
export function createDeleteBrake(deletesPerHour: number, clock: Clock): DeleteBrake {
  let takenAtMs: readonly number[] = [];
  return {
    take() {
      const nowMs = clock.monotonicMs();
      takenAtMs = takenAtMs.filter((atMs) => nowMs - atMs < hourMs);
      if (takenAtMs.length >= deletesPerHour) throw brakeHolds(deletesPerHour, takenAtMs[0], nowMs);
      takenAtMs = [...takenAtMs, nowMs];
    },
  };
}

/** `oldestMs` is absent when no deletion is allowed at all. */
function brakeHolds(deletesPerHour: number, oldestMs: number | undefined, nowMs: number): StatusError {
  const message =
    oldestMs === undefined
      ? "BATON_MAX_DELETES_PER_HOUR is 0, so that no account is deleted; nothing was changed: raise it to allow deletions"
      : `${deletesPerHour} accounts may be deleted per hour and as many were; nothing was changed: see whether so many deletions are meant, then ask again in ${Math.ceil((oldestMs + hourMs - nowMs) / 60_000)} min or raise BATON_MAX_DELETES_PER_HOUR`;
  return new StatusError("resource_exhausted", message, { retryable: false });
}
