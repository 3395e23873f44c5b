import type { Clock, Random } from "../../baton/clock.ts";
import type { RetryPolicy } from "../../baton/retry.ts";
import type { Secret } from "../../baton/secret.ts";
import { StatusError } from "../../baton/status-error.ts";
import { createHttpClient, type HttpClient, type ResponseEvent } from "../../http/client.ts";
import type { ExchangeLimits } from "../../http/exchange.ts";
import type { RateLimiter } from "../../http/rate-limiter.ts";
import { createThrottledClient, type RetryEvent } from "../../http/throttled-client.ts";
import type { Transport } from "../../http/transport.ts";
import { explainFailure } from "./errors.ts";

export interface AdminApiDeps {
  /** The team's key, asked for at each attempt. */
  readonly apiKey: () => Secret;
  /** Address of the Admin API, without a path unless a gateway adds one. */
  readonly baseUrl: string;
  readonly transport: Transport;
  /** The budget that all calls to the Admin API share. */
  readonly limiter: RateLimiter;
  readonly limits: ExchangeLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly onResponse?: ((event: ResponseEvent) => void) | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** For somebody who waits at a terminal: two more attempts within seconds, and no wait that Cursor asks for. */
  readonly hasty?: boolean;
}

const retryPolicy: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 1_000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 5 * 60_000,
  retryOn: new Set(["unavailable", "deadline_exceeded"]),
};

const hastyPolicy: RetryPolicy = { ...retryPolicy, attempts: 3, maxDelayMs: 5_000, maxRetryAfterMs: 5_000 };

/** Makes a client of Cursor's Admin API: authorised, within the rate budget, with retries, and with errors an operator can act on. */
export function createAdminApi(deps: AdminApiDeps): HttpClient {
  const { clock, limiter, random } = deps;
  const client = createHttpClient({
    baseUrl: deps.baseUrl,
    transport: deps.transport,
    limits: deps.limits,
    clock,
    authorization: () => basicAuthorization(deps.apiKey()),
    explain: explainFailure,
    onResponse: deps.onResponse,
  });
  const policy = deps.hasty === true ? hastyPolicy : retryPolicy;
  return createThrottledClient({ client, limiter, policy, clock, random, onRetry: deps.onRetry });
}

/** HTTP Basic with the key as user name and an empty password (https://cursor.com/docs/api, "Authentication"). */
function basicAuthorization(apiKey: Secret): string {
  // The newline at the end of a mounted file is no part of the key.
  const key = apiKey.reveal().trim();
  if (key === "" || /[\s:]/.test(key)) {
    throw new StatusError(
      "unauthenticated",
      "BATON_CURSOR_API_KEY is empty or has white space or a colon inside: give the key exactly as Cursor's dashboard showed it",
    );
  }
  return `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
}
