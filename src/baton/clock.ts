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

/** A time that must not be exceeded. Disposing it lets the timer go. */
export interface TimeLimit extends Disposable {
  /** Aborts with a `TimeoutError` at the limit. */
  readonly signal: AbortSignal;
}

/**
 * Sets a limit of `ms` milliseconds of real time, which does not hold the process. Unlike that of `AbortSignal.timeout`, its
 * timer does not stay, with all that hangs on it, for the whole time after the work has ended.
 */
export function timeLimit(ms: number): TimeLimit {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(new DOMException(`not done within ${ms} ms`, "TimeoutError")), ms).unref();
  return { signal: ended.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** A pseudo-random number in [0, 1); a parameter so that tests can fix it. */
export type Random = () => number;

/** `ms` spread evenly over ±`share` (0.2 = ±20 %), so that many daemons do not act at the same instant. */
export function jitter(ms: number, share: number, random: Random): number {
  return ms * (1 - share + 2 * share * random());
}
