import type { Clock, Random } from "./clock.ts";
import { type StatusCode, StatusError } from "./status-error.ts";

/** How often and how patiently to repeat. Delays in milliseconds. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** A wait that the other side asks for is honoured up to this; a longer one ends the retrying. */
  readonly maxRetryAfterMs: number;
  readonly retryOn: ReadonlySet<StatusCode>;
  /** No wait is shorter than this share of its ceiling (0): for work that is worth outlasting a short outage. */
  readonly leastShare?: number;
  /** Ceiling of the first wait where it is to be another than `initialDelayMs`: a first failure is seldom an outage. */
  readonly firstDelayMs?: number;
}

export interface RetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Told before each wait. */
  readonly onRetry?: (error: StatusError, attempt: number, delayMs: number) => void;
}

/**
 * The wait before attempt `attempt + 1` (attempts count from 1), or `undefined` when there must not be another one.
 * Full jitter over an exponential ceiling, or over what `leastShare` leaves of it; the other side's own wait wins.
 */
export function retryDelayMs(
  error: StatusError,
  attempt: number,
  policy: RetryPolicy,
  random: Random,
): number | undefined {
  if (attempt >= policy.attempts || !policy.retryOn.has(error.code)) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= policy.maxRetryAfterMs ? error.retryAfterMs : undefined;
  }
  const exponential = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (attempt - 1));
  const ceiling = attempt === 1 ? (policy.firstDelayMs ?? exponential) : exponential;
  const least = policy.leastShare ?? 0;
  return ceiling * (least + (1 - least) * random());
}

/** Runs `attempt` until it succeeds or the policy gives up; throws the last error. Ends at once when `signal` aborts. */
export async function withRetry<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  policy: RetryPolicy,
  deps: RetryDeps,
  signal: AbortSignal,
): Promise<T> {
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(number);
    } catch (reason) {
      const error = StatusError.from(reason);
      const delayMs = signal.aborted ? undefined : retryDelayMs(error, number, policy, deps.random);
      if (delayMs === undefined) throw error;
      deps.onRetry?.(error, number, delayMs);
      await deps.clock.sleep(delayMs, signal);
    }
  }
}
