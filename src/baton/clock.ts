import { setTimeout as delay } from "node:timers/promises";
import { StatusError } from "./status-error.ts";

/** The only source of time: everything that waits or reads a clock takes one of these. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Milliseconds on a clock that never jumps; only differences mean anything. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, { signal });
    } catch {
      throw StatusError.from(signal.reason);
    }
  },
};

/** A pseudo-random number in [0, 1); a parameter so that tests can fix it. */
export type Random = () => number;

/** `ms` spread evenly over ±`share` (0.2 = ±20 %), so that many daemons do not act at the same instant. */
export function jitter(ms: number, share: number, random: Random): number {
  return ms * (1 - share + 2 * share * random());
}
