import type { Clock, Random } from "../baton/clock.ts";
import { type RetryPolicy, withRetry } from "../baton/retry.ts";
import type { StatusError } from "../baton/status-error.ts";
import type { HttpClient, HttpRequest } from "./client.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** One repetition that is about to be waited for. */
export interface RetryEvent {
  readonly operation: string;
  readonly error: StatusError;
  /** Number of the attempt that failed, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
}

export interface ThrottledClientOptions {
  readonly client: HttpClient;
  readonly limiter: RateLimiter;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * The same calls within a rate budget, those that may be repeated with retries. Retry is outside and the limiter inside, so
 * every attempt takes its own ticket and none jumps the queue.
 */
export function createThrottledClient(options: ThrottledClientOptions): HttpClient {
  const { client, clock, limiter, policy, random } = options;
  return {
    send(request, signal) {
      const once = () => limiter.run(() => client.send(request, signal), signal);
      if (!mayRepeat(request)) return once();
      const onRetry = (error: StatusError, attempt: number, delayMs: number): void =>
        options.onRetry?.({ operation: request.operation, error, attempt, delayMs });
      return withRetry(once, policy, { clock, random, onRetry }, signal);
    },
  };
}

function mayRepeat<T>(request: HttpRequest<T>): boolean {
  return request.repeatable ?? (request.method !== "POST" && request.method !== "PATCH");
}
