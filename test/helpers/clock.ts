import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";

export interface TestClockOptions {
  /** How many times faster than real time sleeps pass: 1000 turns a minute into 60 ms. Default 1000. */
  readonly factor?: number;
}

/** A clock whose sleeps are real but short, and remembered. */
export interface TestClock extends Clock {
  /** Every duration asked of `sleep`, in milliseconds, in the order of asking, aborted ones included. */
  readonly sleeps: readonly number[];
  /** The same time, for those whose sleeps are of no interest: they are not remembered. */
  readonly unheard: Clock;
  /** Moves both clocks forward at once without waiting; sleeps that are under way keep their end. */
  advance(ms: number): void;
  /** Moves only the clock that never jumps: the wall clock is held against others' when tokens are made. */
  advanceMonotonic(ms: number): void;
}

/**
 * Makes a clock for tests. `sleep(ms)` waits `ms / factor`; `monotonicMs` runs `factor` times faster than real time, so
 * that a loop which sleeps until an instant finds that instant reached. `nowMs` is the real wall clock (plus `advance`),
 * because tokens and certificates are checked by others against real time.
 */
export function createTestClock({ factor = 1000 }: TestClockOptions = {}): TestClock {
  const startMs = performance.now();
  const sleeps: number[] = [];
  let advancedMs = 0;
  let monotonicMs = 0;
  const unheard: Clock = {
    nowMs: () => Date.now() + advancedMs,
    monotonicMs: () => (performance.now() - startMs) * factor + advancedMs + monotonicMs,
    async sleep(ms, signal) {
      try {
        await delay(ms / factor, undefined, { signal });
      } catch {
        throw StatusError.from(signal.reason);
      }
    },
  };
  return {
    ...unheard,
    sleeps,
    unheard,
    sleep(ms, signal) {
      sleeps.push(ms);
      return unheard.sleep(ms, signal);
    },
    advance(ms) {
      advancedMs += ms;
    },
    advanceMonotonic(ms) {
      monotonicMs += ms;
    },
  };
}
