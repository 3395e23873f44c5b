import type { Clock } from "../baton/clock.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { type ExchangeLimits, exchange, type HttpResponse, type WireRequest } from "./exchange.ts";
import { isLoopback } from "./proxy.ts";
import { httpStatusError } from "./status.ts";
import type { Transport } from "./transport.ts";

/** A call to one upstream, in its terms. */
export interface HttpRequest<T> {
  /** Name of the call in metrics and messages; from a small closed set, never with an id in it. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Appended to the base URL; begins with a slash, parts already percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  /** Instead of base URL, path and query: an address that the upstream itself gave. It must have the base URL's origin. */
  readonly address?: URL;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Media type of `json`; default `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Media types for the Accept header; default `application/json`. */
  readonly accept?: string;
  /** Statuses outside 2xx that `decode` understands; all others are errors. */
  readonly expectStatus?: ReadonlySet<number>;
  /**
   * Whether sending it twice does no harm. Default: GET, PUT and DELETE may be repeated, POST and PATCH may not; say true
   * for a POST that only reads and for a PATCH to an absolute value.
   */
  readonly repeatable?: boolean;
  /** Turns the answer into the result; throws a StatusError when it is not what was asked for. */
  decode(response: HttpResponse): T;
}

/** Sends calls to one upstream. */
export interface HttpClient {
  /**
   * Resolves with what `decode` made of the answer. Rejects with a StatusError: the status mapped by `codeOfHttpStatus`,
   * whatever `exchange` rejects with, or what `decode` threw; with the signal's reason on abort.
   */
  send<T>(request: HttpRequest<T>, signal: AbortSignal): Promise<T>;
}

/** How one attempt ended, for metrics: with the status of an answer, or with the code of the failure to get one. */
export interface ResponseEvent {
  readonly operation: string;
  readonly status: number | undefined;
  readonly code: StatusCode | undefined;
  readonly durationMs: number;
}

export interface HttpClientOptions {
  /** Absolute address, `https:`, or `http:` to this machine; a path in it is kept. */
  readonly baseUrl: string;
  readonly transport: Transport;
  readonly limits: ExchangeLimits;
  readonly clock: Clock;
  /**
   * Value of the Authorization header, asked for at each attempt so that a new credential counts at once. May throw a
   * StatusError that says what is wrong with the credential.
   */
  readonly authorization?: (() => string) | undefined;
  /** A better message for an error answer, in the upstream's own terms; without one the message is generic. */
  readonly explain?: ((response: HttpResponse, operation: string) => string | undefined) | undefined;
  readonly onResponse?: ((event: ResponseEvent) => void) | undefined;
}

/**
 * Makes a client that sends each call exactly once: no retry, no rate limit, no redirect. Only a call that is refused with 401
 * and whose credential was replaced meanwhile is sent once more, under the new one; the first was not carried out. Throws
 * `invalid_argument` when the base URL would send credentials unencrypted over a network.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { clock, limits, transport } = options;
  const base = checkBaseUrl(options.baseUrl);
  const { origin } = new URL(base);

  function toWire<T>(request: HttpRequest<T>): WireRequest {
    const url = request.address ?? new URL(`${base}${request.path}`);
    // The credential goes to one origin only, whatever an upstream says.
    if (url.origin !== origin) {
      throw new StatusError("internal", `${request.operation} would leave ${new URL(base).host}: nothing was sent`);
    }
    if (request.query !== undefined) url.search = encodeQuery(request.query);
    const authorization = options.authorization?.();
    return {
      url,
      method: request.method,
      headers: {
        accept: request.accept ?? "application/json",
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.json === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
        ...request.headers,
      },
      body: request.json === undefined ? undefined : JSON.stringify(request.json),
    };
  }

  function check<T>(request: HttpRequest<T>, response: HttpResponse): void {
    const { host, status } = response;
    if ((status >= 200 && status <= 299) || request.expectStatus?.has(status) === true) return;
    const message =
      options.explain?.(response, request.operation) ?? `${host} answered HTTP ${status} to ${request.operation}`;
    throw httpStatusError(response, message, clock.nowMs());
  }

  async function sendOnce<T>(request: HttpRequest<T>, wire: WireRequest, signal: AbortSignal): Promise<HttpResponse> {
    const startedMs = clock.monotonicMs();
    const report = (status: number | undefined, code: StatusCode | undefined): void =>
      options.onResponse?.({
        operation: request.operation,
        status,
        code,
        durationMs: clock.monotonicMs() - startedMs,
      });
    try {
      const response = await exchange(wire, transport, limits, signal);
      report(response.status, undefined);
      return response;
    } catch (reason) {
      const error = StatusError.from(reason);
      report(undefined, error.code);
      throw error;
    }
  }

  return {
    async send(request, signal) {
      const wire = toWire(request);
      let response = await sendOnce(request, wire, signal);
      if (response.status === 401) {
        const renewed = toWire(request);
        const changed = renewed.headers["authorization"] !== wire.headers["authorization"];
        if (changed) response = await sendOnce(request, renewed, signal);
      }
      check(request, response);
      return request.decode(response);
    },
  };
}

/** Blanks as %20: not every server reads a plus sign as one. */
function encodeQuery(query: Readonly<Record<string, string | number>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
}

function checkBaseUrl(text: string): string {
  const url = URL.parse(text);
  const usable = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!usable) {
    throw new StatusError("invalid_argument", "the base URL is not an address like https://host or https://host/path");
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new StatusError("invalid_argument", `the base URL at ${url.host} must begin with https://`);
  }
  return url.href.replace(/\/+$/, "");
}
