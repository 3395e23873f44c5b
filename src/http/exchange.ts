import type { IncomingHttpHeaders } from "node:http";
import got, { type Method, type Response } from "got";
import { timeLimit } from "../baton/clock.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import type { Transport } from "./transport.ts";
import { transportError } from "./transport-error.ts";

/** One HTTP request, ready to be put on the wire. */
export interface WireRequest {
  readonly url: URL;
  readonly method: Method;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface ExchangeLimits {
  /** Milliseconds from the first packet to the last byte of the answer. */
  readonly totalTimeoutMs: number;
  /** Longest answer that is read, in bytes after decompression. */
  readonly maxBodyBytes: number;
}

/** What came back, whatever its status. */
export interface HttpResponse {
  /** `host` or `host:port` that answered, for messages. */
  readonly host: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The decompressed body; of an error answer only the beginning. */
  readonly body: Buffer;
}

/** Error bodies are read for their message only; a proxy's page may be long. */
const maxErrorBodyBytes = 64 * 1024;

/**
 * Sends `request` once and reads the answer; no redirect is followed, nothing is repeated. Resolves with any status.
 * Rejects as `transportError` says when no whole answer came, with `deadline_exceeded` after `totalTimeoutMs`, with
 * `resource_exhausted` when the answer is too long, and with the signal's reason on abort.
 */
export async function exchange(
  request: WireRequest,
  transport: Transport,
  limits: ExchangeLimits,
  signal: AbortSignal,
): Promise<HttpResponse> {
  throwIfAborted(signal);
  const { host } = request.url;
  const { agents, proxy } = transport.route(request.url);
  using timeout = timeLimit(limits.totalTimeoutMs);
  using abort = untilDone([signal, timeout.signal]);
  const stream = got.stream(request.url, {
    method: request.method,
    headers: { "user-agent": transport.userAgent, ...request.headers },
    ...(request.body === undefined ? {} : { body: request.body }),
    agent: agents,
    timeout: { connect: transport.connectTimeoutMs, secureConnect: transport.connectTimeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    signal: abort.signal,
  });
  // Got may listen to its signal after the answer is read; what it then says must not end the process. The loop below hears all that matters.
  stream.on("error", () => undefined);
  // Got waits for a body with every method but these.
  if (request.body === undefined && request.method !== "GET" && request.method !== "HEAD") stream.end();
  try {
    return await receive(stream, host, limits.maxBodyBytes);
  } catch (thrown) {
    throwIfAborted(signal);
    if (thrown instanceof StatusError) throw thrown;
    if (!timeout.signal.aborted) throw transportError(thrown, host, proxy);
    const seconds = Math.round(limits.totalTimeoutMs / 1000);
    throw new StatusError("deadline_exceeded", `${host} did not finish its answer within ${seconds} s`);
  } finally {
    // An answer that came before all of the request was sent: got would leave the rest to itself, and the connection with it.
    if (!stream.writableFinished) stream.destroy();
  }
}

/**
 * A signal that follows `signals` until it is disposed. Got does not always take its listener away, and a signal that is joined
 * with one that lives as long as the process does would keep the request as long.
 */
function untilDone(signals: readonly AbortSignal[]): Disposable & { readonly signal: AbortSignal } {
  const own = new AbortController();
  const follow = (event: Event): void => {
    if (event.target instanceof AbortSignal) own.abort(event.target.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", follow, { once: true });
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      for (const signal of signals) signal.removeEventListener("abort", follow);
    },
  };
}

async function receive(
  stream: ReturnType<typeof got.stream>,
  host: string,
  maxBodyBytes: number,
): Promise<HttpResponse> {
  const heads: Response[] = [];
  stream.once("response", (response) => heads.push(response));
  const source: AsyncIterable<Buffer> = stream;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the stream and with it the connection.
    if (isError(heads[0])) {
      if (bytes >= maxErrorBodyBytes) break;
    } else if (bytes > maxBodyBytes) {
      throw tooLong(host, maxBodyBytes);
    }
  }
  const [head] = heads;
  if (head === undefined) throw new StatusError("unavailable", `the connection to ${host} ended without an answer`);
  return { host, status: head.statusCode, headers: head.headers, body: Buffer.concat(chunks, bytes) };
}

function isError(head: Response | undefined): boolean {
  return head !== undefined && head.statusCode >= 300;
}

function tooLong(host: string, maxBodyBytes: number): StatusError {
  const mib = Math.round((maxBodyBytes / (1024 * 1024)) * 10) / 10;
  return new StatusError(
    "resource_exhausted",
    `the answer of ${host} is longer than the limit of ${mib} MiB: raise it`,
  );
}
