import PQueue from "p-queue";
import type { Clock } from "../baton/clock.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";

export interface RateLimiterOptions {
  /** At most this many attempts begin within any 60 seconds (a sliding window, not a bucket that refills). */
  readonly requestsPerMinute: number;
  /** At most this many attempts run at once. */
  readonly concurrency: number;
  /** A pause that the other side asks for is kept up to this many milliseconds. */
  readonly maxPauseMs: number;
  readonly clock: Clock;
  /** Told for each attempt, before it begins, how long it waited for its turn, in milliseconds. */
  readonly onWait?: ((waitedMs: number) => void) | undefined;
  /** Told when an answer made all attempts pause, with the length of the pause in milliseconds. */
  readonly onPause?: ((pauseMs: number) => void) | undefined;
}

/** A rate budget as it stands at one moment, for people. */
export interface RateBudget {
  readonly requestsPerMinute: number;
  /** Attempts that began within the last 60 seconds. */
  readonly used: number;
  /** Attempts that wait for their turn. */
  readonly waiting: number;
  /** Milliseconds until the end of a pause that the other side asked for; 0 when there is none. */
  readonly pauseLeftMs: number;
}

/** The rate budget that all calls to one upstream share. */
export interface RateLimiter {
  /**
   * Runs `attempt` when it is its turn; first come, first served. An attempt that rejects with a StatusError carrying
   * `retryAfterMs` pauses every later one. Rejects as `attempt` does, and at once with the signal's reason on abort.
   */
  run<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Lets no attempt begin for the next `pauseMs` milliseconds; a longer pause that is under way stays. */
  pause(pauseMs: number): void;
  /** What is spent and who waits; looking changes nothing. */
  budget(): RateBudget;
}

const windowMs = 60_000;

/** Makes a limiter with its whole budget unspent. It holds no timer while nobody waits. */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { clock, requestsPerMinute } = options;
  const queue = new PQueue({ concurrency: options.concurrency });
  // When each of the last n attempts began and, once it has, ended: a ring in which attempt k waits until k - n is a minute old.
  const begins = new Float64Array(requestsPerMinute).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let waiting = 0;

  // p-queue's own interval is not used: it reads the wall clock, and it counts an attempt before a pause, not after it.
  async function takeTicket(signal: AbortSignal): Promise<number> {
    for (;;) {
      const nowMs = clock.monotonicMs();
      const freeAtMs = Math.max(pausedUntilMs, (begins[next] ?? nowMs) + windowMs);
      if (freeAtMs <= nowMs) {
        const ticket = next;
        begins[ticket] = nowMs;
        next = (next + 1) % requestsPerMinute;
        return ticket;
      }
      await clock.sleep(freeAtMs - nowMs, signal);
    }
  }

  function pause(pauseMs: number): void {
    const cappedMs = Math.min(pauseMs, options.maxPauseMs);
    pausedUntilMs = Math.max(pausedUntilMs, clock.monotonicMs() + cappedMs);
    options.onPause?.(cappedMs);
  }

  /** `onTurn` is called when the attempt begins, not when it is given up before. */
  async function attemptInTurn<T>(
    attempt: () => Promise<T>,
    askedAtMs: number,
    onTurn: () => void,
    signal: AbortSignal,
  ): Promise<T> {
    const ticket = await takeTicket(signal);
    onTurn();
    options.onWait?.(clock.monotonicMs() - askedAtMs);
    try {
      return await attempt();
    } catch (reason) {
      const error = StatusError.from(reason);
      if (error.retryAfterMs !== undefined) pause(error.retryAfterMs);
      throw error;
    } finally {
      // It reached the other side at some time until now: from here on its minute is certain there as well.
      begins[ticket] = clock.monotonicMs();
    }
  }

  return {
    pause,
    async run(attempt, signal) {
      throwIfAborted(signal);
      const askedAtMs = clock.monotonicMs();
      let waits = true;
      const stopWaiting = (): void => {
        if (waits) waiting -= 1;
        waits = false;
      };
      waiting += 1;
      try {
        return await queue.add(() => attemptInTurn(attempt, askedAtMs, stopWaiting, signal), { signal });
      } catch (reason) {
        throw StatusError.from(reason);
      } finally {
        stopWaiting();
      }
    },
    budget() {
      const nowMs = clock.monotonicMs();
      const isRecent = (beginMs: number | undefined): boolean => beginMs !== undefined && beginMs > nowMs - windowMs;
      let used = 0;
      // From the last one backwards, because a lifted limit makes the ring long.
      while (used < requestsPerMinute && isRecent(begins.at(next - 1 - used))) used += 1;
      return { requestsPerMinute, used, waiting, pauseLeftMs: Math.max(0, pausedUntilMs - nowMs) };
    },
  };
}
