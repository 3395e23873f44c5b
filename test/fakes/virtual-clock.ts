import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/baton/clock.ts";
import { StatusError, throwIfAborted } from "../../src/baton/status-error.ts";

/** Time that passes only when nobody has anything else to do, and then at once: exact, and for work in memory only. */
export interface VirtualClock extends Clock {
  /** Every duration asked of `sleep`, in the order of asking. */
  readonly sleeps: readonly number[];
  /** Stops time for good, so that whoever still sleeps does not keep the process busy. */
  freeze(): void;
  /** Moves time forward at once; sleeps that are under way keep their end. */
  advance(ms: number): void;
}

interface Sleeper {
  readonly wakeMs: number;
  readonly wake: () => void;
}

/** How many turns of the event loop pass without anybody waking before time moves on. */
const quietTurns = 8;

/** For tests of timing. Where real servers answer in real time, use `createTestClock` instead. */
export function createVirtualClock(): VirtualClock {
  const sleeps: number[] = [];
  const sleepers = new Set<Sleeper>();
  let nowMs = 0;
  let running = false;
  let frozen = false;

  async function run(): Promise<void> {
    running = true;
    while (sleepers.size > 0 && !frozen) {
      for (let turn = 0; turn < quietTurns; turn += 1) await setImmediate();
      const [next] = [...sleepers].sort((a, b) => a.wakeMs - b.wakeMs);
      if (next === undefined) continue;
      nowMs = Math.max(nowMs, next.wakeMs);
      next.wake();
    }
    running = false;
  }

  return {
    sleeps,
    nowMs: () => 1_750_000_000_000 + nowMs,
    monotonicMs: () => nowMs,
    freeze() {
      frozen = true;
    },
    async sleep(ms, signal) {
      sleeps.push(ms);
      throwIfAborted(signal);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { wakeMs: nowMs + ms, wake };
      function wake(): void {
        sleepers.delete(sleeper);
        signal.removeEventListener("abort", onAbort);
        resolve();
      }
      function onAbort(): void {
        sleepers.delete(sleeper);
        reject(StatusError.from(signal.reason));
      }
      signal.addEventListener("abort", onAbort, { once: true });
      sleepers.add(sleeper);
      if (!running) run().catch(reject);
      return promise;
    },
    advance(ms) {
      nowMs += ms;
    },
  };
}
