/** The gRPC status names and their numbers (gRPC core `statuscodes`); C1 is told these in the end. */
export const statusCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
} as const;

/** Name of a gRPC status. */
export type StatusCode = keyof typeof statusCodes;

const namesByNumber = new Map<number, StatusCode>(
  Object.entries(statusCodes).map(([name, number]) => [number, name as StatusCode]),
);

/** The name of a gRPC status number; numbers outside the standard are `unknown`. */
export function statusCodeName(number: number): StatusCode {
  return namesByNumber.get(number) ?? "unknown";
}

/** What an upstream said about its rate limit; travels to C1 as a `RateLimitDescription` detail. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: Date;
}

export interface StatusErrorOptions {
  readonly cause?: unknown;
  /** Whether C1 may hand the same task out again. Default: every code that is not final by nature. */
  readonly retryable?: boolean;
  /** Milliseconds that the other side asked us to wait before the next attempt. */
  readonly retryAfterMs?: number;
  readonly rateLimit?: RateLimit;
}

const finalCodes: ReadonlySet<StatusCode> = new Set([
  "invalid_argument",
  "not_found",
  "already_exists",
  "permission_denied",
  "failed_precondition",
  "out_of_range",
  "unimplemented",
  "unauthenticated",
]);

/**
 * The one error of this program: a gRPC code plus one clean line that names what happened, to what, and what to do next.
 * The message is shown to people and sent to C1, so it never carries a secret or a raw upstream body.
 */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: StatusCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly rateLimit: RateLimit | undefined;

  constructor(code: StatusCode, message: string, options: StatusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? !finalCodes.has(code);
    this.retryAfterMs = options.retryAfterMs;
    this.rateLimit = options.rateLimit;
  }

  /** The gRPC number of `code`; also the exit code of a one-shot run that ends with this error. */
  get number(): number {
    return statusCodes[this.code];
  }

  /** Same error with another verdict on whether C1 may retry it. */
  withRetryable(retryable: boolean): StatusError {
    if (retryable === this.retryable) return this;
    return new StatusError(this.code, this.message, {
      cause: this.cause,
      retryable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      ...(this.rateLimit === undefined ? {} : { rateLimit: this.rateLimit }),
    });
  }

  /**
   * Turns anything caught into a StatusError. An abort becomes the abort's own reason when that is a StatusError,
   * otherwise `cancelled`; a time-out signal becomes `deadline_exceeded`; a full disk becomes `resource_exhausted`;
   * everything else is `internal`, because a known condition is never reported as `unknown`.
   */
  static from(reason: unknown): StatusError {
    if (reason instanceof StatusError) return reason;
    if (!(reason instanceof Error)) return new StatusError("internal", `unexpected failure: ${String(reason)}`);
    if (reason.cause instanceof StatusError && reason.name === "AbortError") return reason.cause;
    if (reason.name === "AbortError") return new StatusError("cancelled", "the work was cancelled", { cause: reason });
    if (reason.name === "TimeoutError") return new StatusError("deadline_exceeded", reason.message, { cause: reason });
    if (isDiskFull(reason)) {
      return new StatusError("resource_exhausted", "no space left in the temporary directory: make it larger", {
        cause: reason,
        retryable: true,
      });
    }
    return new StatusError("internal", `unexpected failure: ${reason.message}`, { cause: reason });
  }
}

/** Node reports a full disk as ENOSPC, SQLite as errcode 13 (SQLITE_FULL). */
function isDiskFull(error: Error): boolean {
  if ("code" in error && error.code === "ENOSPC") return true;
  return "errcode" in error && error.errcode === 13;
}

/** Throws the signal's reason as a StatusError when it has aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw StatusError.from(signal.reason);
}
