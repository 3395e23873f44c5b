import { StatusError } from "../baton/status-error.ts";
import type { HttpClient, HttpRequest } from "../http/client.ts";
import type { HttpResponse } from "../http/exchange.ts";
import { decodeJson } from "../http/json.ts";
import { createExplain, notScim, type SettingNames } from "./errors.ts";

/** A SCIM call; media types, redirects and the 415 rule are added here. */
export interface ScimCall<T>
  extends Pick<HttpRequest<T>, "method" | "path" | "query" | "json" | "headers" | "address"> {
  /** Closed set, see the verbs in errors.ts. */
  readonly operation: string;
  /** Statuses outside 2xx that `decode` understands. */
  readonly expect?: readonly number[];
  /** Whether sending it twice does no harm; default as for HTTP. */
  readonly repeatable?: boolean;
  decode(response: HttpResponse): T;
}

export interface ScimCalls {
  /** Rejects as `HttpClient.send` does, and with `failed_precondition` for a redirect to another origin. */
  send<T>(call: ScimCall<T>, signal: AbortSignal): Promise<T>;
}

/** RFC 7644 section 3.1; the second one because errors are often labelled as plain JSON. */
const accept = "application/scim+json, application/json;q=0.9";
const scimJson = "application/scim+json";
const plainJson = "application/json";
const maxRedirects = 3;
/** Only the last two keep method and body (RFC 7644 section 3.12); the others end the call. */
const redirects = [300, 301, 302, 303, 304, 305, 306, 307, 308];

type Received<T> = { readonly result: T } | { readonly redirect: string } | { readonly unsupportedType: true };

/** Makes calls through `client`, whose base URL is the endpoint. */
export function createScimCalls(client: HttpClient, endpoint: string, names: SettingNames): ScimCalls {
  // A server that refused the SCIM type once is not asked again.
  let contentType = scimJson;

  function toRequest<T>(call: ScimCall<T>): HttpRequest<Received<T>> {
    const { expect = [], decode, json, repeatable, ...rest } = call;
    return {
      ...rest,
      accept,
      ...(json === undefined ? {} : { json, contentType }),
      ...(repeatable === undefined ? {} : { repeatable }),
      expectStatus: new Set([
        ...redirects,
        ...(json === undefined || contentType === plainJson ? [] : [415]),
        ...expect,
      ]),
      decode(response) {
        if (response.status === 307 || response.status === 308) return { redirect: response.headers.location ?? "" };
        if (redirects.includes(response.status)) {
          throw new StatusError("failed_precondition", createExplain(names)(response, call.operation));
        }
        if (response.status === 415 && !expect.includes(415)) return { unsupportedType: true };
        return { result: decode(response) };
      },
    };
  }

  return {
    async send<T>(call: ScimCall<T>, signal: AbortSignal): Promise<T> {
      let current = call;
      for (let hops = 0; ; ) {
        const received = await client.send(toRequest(current), signal).catch(withHint);
        if ("result" in received) return received.result;
        if ("unsupportedType" in received) {
          contentType = plainJson;
          continue;
        }
        hops += 1;
        current = { ...withoutQuery(call), address: redirectTarget(received.redirect, current, hops) };
      }
    },
  };

  /** Pages are short: what is longer than the limit is hardly SCIM. */
  function withHint(reason: unknown): never {
    const error = StatusError.from(reason);
    if (error.code !== "resource_exhausted") throw error;
    throw new StatusError(
      error.code,
      `${error.message}, or check ${names.endpoint}: no SCIM server answers that much`,
      {
        cause: error,
      },
    );
  }

  /** The token goes to the configured origin only (RFC 7644 section 3.12 allows redirects with 307 and 308). */
  function redirectTarget<T>(location: string, from: ScimCall<T>, hops: number): URL {
    const base = from.address ?? new URL(`${endpoint}${from.path}`);
    const target = URL.parse(location, base.href);
    if (target !== null && target.origin === base.origin && hops <= maxRedirects) return target;
    const why =
      target === null || hops > maxRedirects ? "in a circle or to no address" : `to another server (${target.host})`;
    throw new StatusError(
      "failed_precondition",
      `the SCIM server at ${base.host} redirects ${why}, which is not followed so that ${names.token} goes nowhere else: check ${names.endpoint}`,
    );
  }
}

/** The target of a redirect carries the query that it wants. */
function withoutQuery<T>({ query: _query, ...call }: ScimCall<T>): ScimCall<T> {
  return call;
}

/** The body as JSON; throws `internal` with a hint where it is something else. */
export function readJson(response: HttpResponse, names: SettingNames): unknown {
  try {
    return decodeJson(response);
  } catch {
    throw notScim(response, names);
  }
}

/** Path of one user; ids may hold any character. */
export function userPath(id: string): string {
  return `/Users/${encodeURIComponent(id)}`;
}
