import { randomBytes } from "node:crypto";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import { type Clock, timeLimit } from "../baton/clock.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import { signAssertion } from "./assertion.ts";
import { CredentialsRefused } from "./rejection.ts";
import { type AccessToken, readTokenResponse } from "./token-response.ts";

/** The bare answer to a form that was posted; redirects are not followed. */
export interface FormResponse {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Posts a form (application/x-www-form-urlencoded) over verified TLS. Resolves with whatever status the server gave;
 * rejects with `unavailable` or `deadline_exceeded` when there was no answer, and with the signal's reason on abort.
 */
export type PostForm = (
  url: string,
  form: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<FormResponse>;

export interface TokenSourceOptions {
  readonly credentials: C1Credentials;
  /** `host` or `host:port` that tokens are asked from; the audience still follows the client id. */
  readonly host: string;
  readonly postForm: PostForm;
  readonly clock: Clock;
  /** Milliseconds for one token request, connecting included. */
  readonly timeoutMs: number;
  /** Told when a new token came, with the wall-clock time at which it expires, in milliseconds since the epoch. */
  readonly onTokenExpiry?: ((expiryMs: number) => void) | undefined;
  /** Told about each token request: its outcome and how long it took. */
  readonly onRequest?: ((error: StatusError | undefined, durationMs: number) => void) | undefined;
  /** 16 fresh random bytes; a parameter so that tests can fix them. */
  readonly nonce?: () => Uint8Array;
}

/** Access tokens for C1, fetched when needed. */
export interface TokenSource {
  /**
   * A token that holds for a while yet; concurrent callers share one request. Rejects with `unauthenticated`,
   * `permission_denied` or `not_found` (all final) when C1 refuses the credentials, with a retryable error when it could
   * not be asked, and with the signal's reason on abort.
   */
  get(signal: AbortSignal): Promise<AccessToken>;
  /** Forgets `token` if it is still the current one, because C1 no longer accepts it. */
  invalidate(token: AccessToken): void;
}

interface Fetch {
  readonly result: Promise<AccessToken>;
  readonly abandon: AbortController;
  waiters: number;
}

/** Makes a source that has asked for nothing yet. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { clock } = options;
  let cached: AccessToken | undefined;
  let inFlight: Fetch | undefined;

  function start(): Fetch {
    const abandon = new AbortController();
    const result = requestToken(options, abandon.signal);
    const fetch: Fetch = { result, abandon, waiters: 0 };
    inFlight = fetch;
    const settle = (token?: AccessToken): void => {
      if (inFlight !== fetch) return;
      inFlight = undefined;
      cached = token;
    };
    result.then(settle, () => settle());
    return fetch;
  }

  return {
    async get(signal) {
      throwIfAborted(signal);
      if (cached !== undefined && clock.monotonicMs() < cached.refreshAtMs) return cached;
      const fetch = inFlight ?? start();
      fetch.waiters += 1;
      try {
        return await orAbort(fetch.result, signal);
      } finally {
        fetch.waiters -= 1;
        // Nobody waits any more: a request that is still open must not keep a stopping process alive.
        if (fetch.waiters === 0 && inFlight === fetch) {
          inFlight = undefined;
          fetch.abandon.abort(new StatusError("cancelled", "nobody waits for the token any more"));
        }
      }
    },
    invalidate(token) {
      if (cached === token) cached = undefined;
    },
  };
}

/**
 * The same source, for calls about tasks: refused credentials are `unauthenticated` whatever the token endpoint says, because
 * `permission_denied` and `not_found` of such a call would mean that C1 has taken the task back or knows its result.
 */
export function refusedAsUnauthenticated(tokens: TokenSource): TokenSource {
  return {
    ...tokens,
    async get(signal) {
      try {
        return await tokens.get(signal);
      } catch (reason) {
        if (!(reason instanceof CredentialsRefused)) throw reason;
        throw new CredentialsRefused("unauthenticated", reason.message, { cause: reason });
      }
    },
  };
}

async function requestToken(options: TokenSourceOptions, abandoned: AbortSignal): Promise<AccessToken> {
  const { clock, host } = options;
  using limit = timeLimit(options.timeoutMs);
  const signal = AbortSignal.any([abandoned, limit.signal]);
  const startedMs = clock.monotonicMs();
  try {
    const response = await post(options, signal);
    const nowMs = clock.monotonicMs();
    const token = readTokenResponse(response, host, nowMs);
    options.onRequest?.(undefined, nowMs - startedMs);
    options.onTokenExpiry?.(clock.nowMs() + token.expiresAtMs - nowMs);
    return token;
  } catch (reason) {
    const error = StatusError.from(reason);
    options.onRequest?.(error, clock.monotonicMs() - startedMs);
    throw error;
  }
}

async function post(options: TokenSourceOptions, signal: AbortSignal): Promise<FormResponse> {
  const { clock, credentials, host } = options;
  const nonce = options.nonce ?? (() => randomBytes(16));
  const form = {
    client_assertion: signAssertion(credentials, clock.nowMs(), nonce()),
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_id: credentials.clientId,
    grant_type: "client_credentials",
  };
  try {
    return await options.postForm(`https://${host}/auth/v1/token`, form, signal);
  } catch (reason) {
    throw unanswered(reason, options, signal);
  }
}

/**
 * Only an answer can be final: a host that is not found or a certificate that is not accepted may be right in a minute, and
 * a daemon that starts before its network must not give up.
 */
function unanswered(reason: unknown, { host, timeoutMs }: TokenSourceOptions, signal: AbortSignal): StatusError {
  const error = StatusError.from(signal.aborted ? signal.reason : reason);
  if (signal.aborted && error.code === "deadline_exceeded") {
    const seconds = Math.round(timeoutMs / 1000);
    return new StatusError(
      "deadline_exceeded",
      `${host} did not answer the token request within ${seconds} s: check that https://${host} can be reached from here`,
      { cause: reason },
    );
  }
  return error.retryable ? error : new StatusError("unavailable", error.message, { cause: error });
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(StatusError.from(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
