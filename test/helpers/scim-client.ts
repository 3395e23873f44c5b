import assert from "node:assert/strict";
import type { Clock } from "../../src/baton/clock.ts";
import { Secret } from "../../src/baton/secret.ts";
import { type StatusCode, StatusError } from "../../src/baton/status-error.ts";
import type { ResponseEvent } from "../../src/http/client.ts";
import { createRateLimiter } from "../../src/http/rate-limiter.ts";
import type { RetryEvent } from "../../src/http/throttled-client.ts";
import { createTransport } from "../../src/http/transport.ts";
import { createTrust } from "../../src/http/trust.ts";
import { createScimClient, type ScimClient } from "../../src/scim/client.ts";
import { createTestClock } from "./clock.ts";

/** Never aborts. */
export const forever = new AbortController().signal;

/** What the settings are called in messages of a client under test. */
export const scimNames = { endpoint: "THE_ENDPOINT", token: "THE_TOKEN", requestsPerMinute: "THE_RATE" };

export interface TestScimClientOptions {
  readonly endpoint: string;
  readonly token: string;
  /** Default: a test clock on which a minute takes 60 ms. */
  readonly clock?: Clock;
  /** Default 100,000. */
  readonly requestsPerMinute?: number;
  /** Real time for one answer, in milliseconds. Default 10 s. */
  readonly totalTimeoutMs?: number;
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** More authorities to trust, in PEM. */
  readonly trust?: readonly string[];
  /** On the client's clock. Default 10 minutes. */
  readonly maxScanAgeMs?: number;
  /** Told the time on the client's clock, in milliseconds, right before each request. */
  readonly onTicket?: (atMs: number) => void;
  /** Told how each request was answered. */
  readonly onResponse?: (event: ResponseEvent) => void;
}

/** A client as the daemon makes it. Disposing closes its connections. */
export interface TestScimClient extends Disposable {
  readonly client: ScimClient;
  readonly retries: readonly RetryEvent[];
}

/** Makes a SCIM client for the server at `endpoint`, four requests at once. */
export function createTestScimClient(options: TestScimClientOptions): TestScimClient {
  const { clock = createTestClock(), endpoint, onTicket } = options;
  const retries: RetryEvent[] = [];
  const transport = createTransport({
    userAgent: "test-agent/1",
    proxy: {},
    trust: createTrust(options.trust ?? []),
    connectTimeoutMs: 2_000,
  });
  const token = new Secret(options.token);
  const client = createScimClient({
    endpoint,
    token: () => token,
    transport,
    limiter: createRateLimiter({
      requestsPerMinute: options.requestsPerMinute ?? 100_000,
      concurrency: 4,
      maxPauseMs: 5 * 60_000,
      clock,
      onWait: () => onTicket?.(clock.monotonicMs()),
    }),
    limits: {
      totalTimeoutMs: options.totalTimeoutMs ?? 10_000,
      maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024,
    },
    clock,
    random: () => 0.5,
    names: scimNames,
    maxScanAgeMs: options.maxScanAgeMs ?? 10 * 60_000,
    onResponse: options.onResponse,
    onRetry: (event) => retries.push(event),
  });
  return { client, retries, [Symbol.dispose]: () => transport.close() };
}

/**
 * Asserts that `promise` rejects with a StatusError of this code whose message matches and holds neither an e-mail address,
 * percent-encoded ones included, nor any of `secrets`.
 */
export async function failsWith(
  promise: Promise<unknown>,
  code: StatusCode,
  message: RegExp,
  secrets: readonly string[] = [],
): Promise<StatusError> {
  const result: unknown = await promise.catch((error: unknown) => error);
  assert.ok(result instanceof StatusError, `it did not fail with a StatusError: ${JSON.stringify(result)}`);
  assert.match(result.message, message);
  assert.equal(result.code, code, result.message);
  assert.doesNotMatch(result.message, /@|%40/i);
  for (const secret of secrets) assert.ok(!result.message.includes(secret), "the message holds a secret");
  return result;
}
