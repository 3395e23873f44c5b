import { type Clock, jitter, type Random } from "../baton/clock.ts";

/** When to poll again. Failures are counted from the last answer. */
export interface PollSchedule {
  /** Milliseconds until the next poll is due; 0 when it is due now. */
  dueInMs(): number;
  /** C1 answered: `nextPollMs` as it sent it, `tookWork` when it gave a task that was taken. */
  answered(nextPollMs: number | undefined, tookWork: boolean): void;
  /** C1 did not answer. Returns the wait in milliseconds. */
  failed(): number;
}

const longestPollMs = 5 * 60_000;
/** C1 may leave the pace to us (an absent, zero or negative `next_poll`), which must not become a hot loop. */
const idleFloorMs = 1_000;
const busyFloorMs = 100;
const longestBackoffMs = 60_000;
const jitterShare = 0.1;

/** First poll at once; then as C1 asks, between 100 ms and 5 min; after failures 1, 4, 9 … s up to 60 s. All ±10 %. */
export function createPollSchedule(clock: Clock, random: Random): PollSchedule {
  let dueMs = clock.monotonicMs();
  let failures = 0;
  const waitFor = (ms: number): number => {
    const waitMs = jitter(ms, jitterShare, random);
    dueMs = clock.monotonicMs() + waitMs;
    return waitMs;
  };
  return {
    dueInMs: () => Math.max(0, dueMs - clock.monotonicMs()),
    answered(nextPollMs, tookWork) {
      failures = 0;
      waitFor(pollIntervalMs(nextPollMs, tookWork));
    },
    failed() {
      failures += 1;
      return waitFor(Math.min(failures ** 2 * 1_000, longestBackoffMs));
    },
  };
}

function pollIntervalMs(nextPollMs: number | undefined, tookWork: boolean): number {
  if (nextPollMs === undefined || nextPollMs <= 0) return tookWork ? busyFloorMs : idleFloorMs;
  return Math.min(Math.max(nextPollMs, busyFloorMs), longestPollMs);
}
