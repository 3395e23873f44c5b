import { once } from "node:events";
import { request as ask, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "./http-server.ts";

/** One request that reached the proxy. */
export interface ScimProxyRequest {
  /** Milliseconds on a clock that never jumps. */
  readonly atMs: number;
  readonly method: string;
  /** The path below the SCIM base, such as `/Users`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** As it was sent; empty without one. */
  readonly body: string;
  /** What was answered; `undefined` while nothing was. */
  readonly status: number | undefined;
}

/** How one request is answered instead of by the server. Nothing but `times` or `method` set: it is forwarded. */
export interface ScimProxyAnswer {
  /** How many requests in a row this applies to (1; Infinity for all from now on). */
  readonly times?: number;
  /** Only requests with this method. */
  readonly method?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Never answer, and do not forward. */
  readonly hang?: true;
  /** Reset the connection without an answer, and do not forward. */
  readonly reset?: true;
  /** Forward, then reset the connection instead of answering: the server has acted and the client cannot know. */
  readonly loseAnswer?: true;
  /** Wait before anything else, in milliseconds. */
  readonly delayMs?: number;
}

/** A recording reverse proxy in front of one SCIM server. It does not look at tokens; the server does. */
export interface ScimProxy extends AsyncDisposable {
  /** The server's SCIM base, seen through the proxy. */
  readonly url: string;
  readonly requests: readonly ScimProxyRequest[];
  /** Lays out how the next requests are answered; what was laid out before comes first. */
  script(...answers: readonly ScimProxyAnswer[]): void;
  /** Answers in this order again and again whenever the script is empty: `repeat({ times: 2 }, { status: 429 })`. */
  repeat(...answers: readonly ScimProxyAnswer[]): void;
  /** Forgets the requests and every answer laid out. */
  clear(): void;
}

type Recorded = { -readonly [K in keyof ScimProxyRequest]: ScimProxyRequest[K] };

interface Laid {
  readonly answer: ScimProxyAnswer;
  left: number;
}

interface State {
  readonly target: URL;
  readonly requests: Recorded[];
  readonly script: Laid[];
  readonly cycle: Laid[];
}

/** Starts a proxy on a free port of 127.0.0.1 in front of the SCIM base that `target` names. */
export async function startScimProxy(target: { readonly url: string }): Promise<ScimProxy> {
  const state: State = { target: new URL(target.url), requests: [], script: [], cycle: [] };
  const server = await serve((request, response) => {
    answer(state, request, response).catch(() => response.destroy());
  });
  return {
    url: server.url + state.target.pathname,
    requests: state.requests,
    script: (...answers) => void state.script.push(...answers.map(lay)),
    repeat: (...answers) => void state.cycle.push(...answers.map(lay)),
    clear() {
      for (const list of [state.requests, state.script, state.cycle]) list.length = 0;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const lay = (answer: ScimProxyAnswer): Laid => ({ answer, left: answer.times ?? 1 });

/** The first answer that applies. A used up one leaves the script; in the cycle it goes to the end. */
function take({ script, cycle }: State, method: string): ScimProxyAnswer | undefined {
  for (const list of [script, cycle]) {
    const at = list.findIndex(({ answer }) => answer.method === undefined || answer.method === method);
    const laid = list[at];
    if (laid === undefined) continue;
    laid.left -= 1;
    if (laid.left <= 0) list.splice(at, 1);
    if (laid.left <= 0 && list === cycle) cycle.push(lay(laid.answer));
    return laid.answer;
  }
  return undefined;
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const body = await buffer(request);
  const recorded: Recorded = {
    atMs: performance.now(),
    method: request.method ?? "",
    path: url.pathname.startsWith(state.target.pathname)
      ? url.pathname.slice(state.target.pathname.length)
      : url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: body.toString(),
    status: undefined,
  };
  state.requests.push(recorded);
  const scripted = take(state, recorded.method);
  if (scripted?.delayMs !== undefined) await sleep(scripted.delayMs);
  if (scripted?.hang === true) return;
  if (scripted?.reset === true) {
    request.socket.resetAndDestroy();
    return;
  }
  if (scripted?.status !== undefined || scripted?.body !== undefined || scripted?.json !== undefined) {
    recorded.status = scripted.status ?? 200;
    const text = scripted.body ?? (scripted.json === undefined ? "" : JSON.stringify(scripted.json));
    response.writeHead(recorded.status, { "content-type": "application/scim+json", ...scripted.headers }).end(text);
    return;
  }
  const forwarded = await forward(state.target, request, body);
  if (scripted?.loseAnswer === true) {
    request.socket.resetAndDestroy();
    return;
  }
  recorded.status = forwarded.status;
  const headers = { ...relocated(forwarded.headers, state.target, request.headers.host), ...scripted?.headers };
  response.writeHead(forwarded.status, headers).end(forwarded.body);
}

interface Forwarded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function forward(target: URL, request: IncomingMessage, body: Buffer): Promise<Forwarded> {
  const { connection: _, ...headers } = request.headers;
  const outgoing = ask({
    host: target.hostname,
    port: target.port,
    method: request.method,
    path: request.url,
    headers,
    // A kept connection may be closed by the server just when it is used again.
    agent: false,
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
}

/** Headers of the connection are its own, and a Location on the server is one on the proxy. Bodies stay as they are. */
function relocated(headers: IncomingHttpHeaders, target: URL, host: string | undefined): IncomingHttpHeaders {
  const { connection: _, "keep-alive": __, "transfer-encoding": ___, location, ...rest } = headers;
  return location === undefined ? rest : { ...rest, location: location.replace(target.origin, `http://${host}`) };
}
