import type { IncomingHttpHeaders } from "node:http";
import { type RateLimit, type StatusCode, StatusError, type StatusErrorOptions } from "../baton/status-error.ts";

/** Wait after a 429 that names none, in milliseconds. */
const defaultThrottleMs = 60_000;

const codes: ReadonlyMap<number, StatusCode> = new Map<number, StatusCode>([
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [404, "not_found"],
  [408, "deadline_exceeded"],
  [409, "already_exists"],
  [429, "unavailable"],
  [501, "unimplemented"],
]);

/**
 * The gRPC code that an HTTP status is reported as, the same for every upstream (baton-sdk's `uhttp` maps alike). A
 * redirect that is not followed counts as a wrong address; what has no place here is `internal`, never `unknown`.
 */
export function codeOfHttpStatus(status: number): StatusCode {
  const code = codes.get(status);
  if (code !== undefined) return code;
  if (status >= 500 && status <= 599) return "unavailable";
  return status >= 300 && status <= 499 ? "invalid_argument" : "internal";
}

/**
 * A StatusError for an answer that is not a success. It carries the wait that the server asked for, and for a 429 a
 * rate-limit description too. `nowMs` is the wall clock, milliseconds since the epoch.
 */
export function httpStatusError(
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders },
  message: string,
  nowMs: number,
): StatusError {
  const throttled = answer.status === 429;
  const waitMs = parseRetryAfter(answer.headers["retry-after"], nowMs) ?? (throttled ? defaultThrottleMs : undefined);
  const options: StatusErrorOptions = {
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(throttled ? { rateLimit: rateLimitOf(answer.headers, nowMs + (waitMs ?? defaultThrottleMs)) } : {}),
  };
  return new StatusError(codeOfHttpStatus(answer.status), message, options);
}

/**
 * Milliseconds that a Retry-After header asks for: whole or decimal seconds, or an HTTP date (RFC 9110 section 10.2.3);
 * 0 for a date that has passed, `undefined` when the header is missing or unreadable. `nowMs` is the wall clock.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  // Every form of HTTP date has letters; without the zone, as in asctime dates, Node would read local time.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const atMs = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** Without usable headers: a limit of one, nothing left. */
function rateLimitOf(headers: IncomingHttpHeaders, resetAtMs: number): RateLimit {
  return {
    limit: wholeNumber(headers["x-ratelimit-limit"]) ?? 1,
    remaining: wholeNumber(headers["x-ratelimit-remaining"]) ?? 0,
    resetAt: new Date(resetAtMs),
  };
}

function wholeNumber(header: string | string[] | undefined): number | undefined {
  return typeof header === "string" && /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}
