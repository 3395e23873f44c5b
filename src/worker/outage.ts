import type { Clock } from "../baton/clock.ts";

/** Whether C1 answers polls, and for how long it has not. */
export interface Outage {
  /** Wall-clock milliseconds of the first failure; `undefined` while there is none. */
  sinceMs(): number | undefined;
  /** How long ago that was, whatever happened to the wall clock. */
  forMs(): number | undefined;
  /** Another failure; returns how many in a row that makes. */
  failed(): number;
  /** The failures are over; returns how many there were, 0 when there were none, and how long they lasted. */
  end(): { readonly failures: number; readonly outageMs: number };
}

/** None yet. */
export function createOutage(clock: Clock): Outage {
  let first: { readonly ms: number; readonly monotonicMs: number } | undefined;
  let failures = 0;
  const forMs = () => first && clock.monotonicMs() - first.monotonicMs;
  return {
    sinceMs: () => first?.ms,
    forMs,
    failed() {
      first ??= { ms: clock.nowMs(), monotonicMs: clock.monotonicMs() };
      failures += 1;
      return failures;
    },
    end() {
      const ended = { failures, outageMs: Math.round(forMs() ?? 0) };
      first = undefined;
      failures = 0;
      return ended;
    },
  };
}
