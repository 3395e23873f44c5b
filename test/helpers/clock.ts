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
  /** Moves both clocks forward at once without waiting; sleeps that are under way keep their end. */
  advance(ms: number): void;
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
  return {
    sleeps,
    nowMs: () => Date.now() + advancedMs,
    monotonicMs: () => (performance.now() - startMs) * factor + advancedMs,
    async sleep(ms, signal) {
      sleeps.push(ms);
      try {
        await delay(ms / factor, undefined, { signal });
      } catch {
        throw StatusError.from(signal.reason);
      }
    },
    advance(ms) {
      advancedMs += ms;
    },
  };
}

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/**
 * Makes a clock that stands still while code runs and jumps to the next end of a sleep as soon as the event loop has
 * nothing else at hand: a minute passes in no time and two readings without a sleep between them are equal. `nowMs` begins
 * at the real time. For code whose only waiting is `sleep`; with sockets in play use `createTestClock`.
 */
export function createVirtualClock(): TestClock {
  const epochMs = Date.now();
  const sleeps: number[] = [];
  const sleepers = new Set<Sleeper>();
  let elapsedMs = 0;

  function jump(): void {
    const wakeAtMs = Math.min(...[...sleepers].map((sleeper) => sleeper.wakeAtMs));
    elapsedMs = Math.max(elapsedMs, wakeAtMs);
    for (const sleeper of sleepers) if (sleeper.wakeAtMs <= elapsedMs) sleeper.wake();
  }

  return {
    sleeps,
    nowMs: () => epochMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    async sleep(ms, signal) {
      sleeps.push(ms);
      if (signal.aborted) throw StatusError.from(signal.reason);
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const sleeper: Sleeper = { wakeAtMs: elapsedMs + ms, wake };
      sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
      const pump = setInterval(() => setImmediate(jump), 0);
      try {
        await promise;
      } finally {
        clearInterval(pump);
        sleepers.delete(sleeper);
        signal.removeEventListener("abort", wake);
      }
      if (signal.aborted) throw StatusError.from(signal.reason);
    },
    advance(ms) {
      elapsedMs += ms;
    },
  };
}
