import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { CredentialsRefused } from "./rejection.ts";

/** An access token and what to do with it. */
export interface AccessToken {
  /** The value of the `authorization` header. A secret. */
  readonly authorization: string;
  /** From here on a new token is asked for. Milliseconds, as everything here on a clock that never jumps. */
  readonly refreshAtMs: number;
  /** From here on C1 refuses it. */
  readonly expiresAtMs: number;
}

/** A token is replaced this long before it expires. */
const earlyMs = 10_000;
/** Life of a token whose answer names none: long enough not to ask before every call. */
const fallbackLifeMs = 30_000;
/** Shorter lives would mean a request per call, longer ones a date that nothing can show. */
const minLifeMs = 1_000;
const maxLifeMs = 24 * 3_600_000;
const maxBodyBytes = 64 * 1024;

/**
 * Reads the answer of the token endpoint (RFC 6749 section 5.1). A refusal of the credentials is final
 * (`unauthenticated`, `permission_denied`, `not_found`); every other status is `unavailable` or `deadline_exceeded` and
 * an unreadable 200 is `internal`, all retryable, because something between us and C1 may have answered in its place.
 * `nowMs` is the monotonic clock: a life is a span, and a token stays good when somebody sets the wall clock.
 */
export function readTokenResponse(
  response: { readonly status: number; readonly body: Uint8Array },
  host: string,
  nowMs: number,
): AccessToken {
  if (response.status !== 200) throw refusal(response.status, host);
  const answer = parseObject(response.body);
  if (answer === undefined) throw unreadable(host, "it is not a JSON object");
  const token = answer["access_token"];
  if (typeof token !== "string" || token === "") throw unreadable(host, "access_token is missing or empty");
  const authorization = `${scheme(answer["token_type"])} ${token}`;
  // Anything else could not be sent as a header, or would end it.
  if (!/^[\x20-\x7e]+$/.test(authorization)) throw unreadable(host, "the token has characters that no header may hold");
  const lifeMs = life(answer["expires_in"]);
  return {
    authorization,
    // A life of only a few seconds still serves more than one call.
    refreshAtMs: nowMs + Math.max(lifeMs - earlyMs, lifeMs / 3),
    expiresAtMs: nowMs + lifeMs,
  };
}

const refusals: ReadonlyMap<number, readonly [StatusCode, string]> = new Map([
  [
    400,
    [
      "unauthenticated",
      "check BATON_CLIENT_ID and BATON_CLIENT_SECRET, and that this machine's clock is right within two minutes",
    ],
  ],
  [
    401,
    [
      "unauthenticated",
      "check BATON_CLIENT_ID and BATON_CLIENT_SECRET (were they rotated or revoked in C1?), and this machine's clock",
    ],
  ],
  [403, ["permission_denied", "check in C1 that the connector's credential still exists and is allowed to connect"]],
  [404, ["not_found", "check the host inside BATON_CLIENT_ID (between @ and /); it does not serve C1 tokens"]],
]);

function refusal(status: number, host: string): StatusError {
  const what = `${host} issued no access token (HTTP ${status})`;
  const [code, hint] = refusals.get(status) ?? [];
  if (code !== undefined) return new CredentialsRefused(code, `${what}: ${hint}`);
  const passing = status === 408 ? "deadline_exceeded" : "unavailable";
  return new StatusError(passing, `${what}: it is asked again with growing pauses`);
}

function unreadable(host: string, why: string): StatusError {
  return new StatusError(
    "internal",
    `${host} answered the token request in a form that is not C1's (${why}): check for a proxy or portal in between`,
  );
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (body.length > maxBodyBytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const knownSchemes: ReadonlyMap<string, string> = new Map([
  ["", "Bearer"],
  ["bearer", "Bearer"],
  ["mac", "MAC"],
  ["basic", "Basic"],
]);

/** Known types are spelled as servers expect them; any other is used as it came. */
function scheme(tokenType: unknown): string {
  const type = typeof tokenType === "string" ? tokenType : "";
  return knownSchemes.get(type.toLowerCase()) ?? type;
}

function life(expiresIn: unknown): number {
  const seconds = typeof expiresIn === "string" ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== "number" || Number.isNaN(seconds) || seconds <= 0) return fallbackLifeMs;
  return Math.min(maxLifeMs, Math.max(minLifeMs, seconds * 1000));
}
