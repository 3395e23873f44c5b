import type { Clock } from "../baton/clock.ts";
import type { LoopName, Loops } from "../baton/loops.ts";

/** How one loop stands. */
export interface LoopAge {
  readonly name: LoopName;
  /** Milliseconds since it last moved, or since it began to rest. */
  readonly ageMs: number;
  /** Milliseconds within which it had to move; `undefined` while it rests. */
  readonly allowedMs: number | undefined;
}

/** Watches loops and tells their ages. */
export interface LoopAges extends Loops {
  /** Every loop that has begun and not ended, in the order of beginning. */
  read(): readonly LoopAge[];
}

/** On top of what a loop promises: a busy machine, or a step of the sync that keeps the process busy, is no dead loop. */
const slackMs = 60_000;

/** Ages by the clock that never jumps, so that neither a corrected clock nor a suspended machine looks like a dead loop. */
export function createLoopAges(clock: Clock): LoopAges {
  const loops = new Map<object, { name: LoopName; movedMs: number; promisedMs: number | undefined }>();
  return {
    enter(name) {
      const key = {};
      const moved = (promisedMs: number | undefined): void => {
        loops.set(key, { name, movedMs: clock.monotonicMs(), promisedMs });
      };
      moved(0);
      return {
        within: (ms) => moved(ms),
        resting: () => moved(undefined),
        [Symbol.dispose]: () => void loops.delete(key),
      };
    },
    read: () =>
      [...loops.values()].map(({ name, movedMs, promisedMs }) => ({
        name,
        ageMs: clock.monotonicMs() - movedMs,
        allowedMs: promisedMs === undefined ? undefined : promisedMs + slackMs,
      })),
  };
}
