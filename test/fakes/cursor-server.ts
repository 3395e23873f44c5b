import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serve } from "../helpers/http-server.ts";
import type { IssuedCertificate } from "../helpers/tls.ts";
import { makeTeam, type TeamSize } from "./cursor/team.ts";

export { type MemberRow, makeTeam, type TeamSize } from "./cursor/team.ts";

/** One request that reached the server. */
export interface CursorRequest {
  /** Milliseconds on a clock that never jumps. */
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
  readonly accept: string | undefined;
  /** What was answered; `undefined` while nothing was. */
  readonly status: number | undefined;
}

/** How one request is answered instead of rightly. */
export interface CursorAnswer {
  /** How many requests in a row this applies to (1; Infinity for all from now on). */
  readonly times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Never answer. */
  readonly hang?: true;
  /** Reset the connection without an answer. */
  readonly reset?: true;
  /** Answer rightly, but stop and reset after so many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** Wait before answering, in milliseconds. */
  readonly delayMs?: number;
}

export interface CursorOptions {
  /** The key that is accepted (`key_` and 64 characters). */
  readonly apiKey?: string;
  /** Rows of the team, of any shape. Default: no rows. */
  readonly members?: readonly unknown[];
  /** A made-up team instead. */
  readonly team?: TeamSize;
  /** Answers in pages of this size, with a `pagination` object. */
  readonly pageSize?: number;
  /** Serves TLS on `localhost`. */
  readonly certificate?: IssuedCertificate;
}

/** A running stand-in of Cursor's Admin API. */
export interface CursorServer extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly requests: readonly CursorRequest[];
  setMembers(members: readonly unknown[]): void;
  setTeam(team: TeamSize): void;
  setPageSize(pageSize: number | undefined): void;
  /** Lays out how the next requests are answered; what was laid out before comes first. */
  script(...answers: readonly CursorAnswer[]): void;
}

type Recorded = { -readonly [K in keyof CursorRequest]: CursorRequest[K] };

interface State {
  readonly apiKey: string;
  readonly requests: Recorded[];
  readonly script: { answer: CursorAnswer; left: number }[];
  /** The rows from the given index on. */
  rows: (first: number) => Iterable<unknown>;
  pageSize: number | undefined;
}

/** Starts the Admin API on a free port of this machine. It refuses what the real one refuses. */
export async function startCursorServer(options: CursorOptions = {}): Promise<CursorServer> {
  const { members = [], team } = options;
  const state: State = {
    apiKey: options.apiKey ?? `key_${"0123456789abcdef".repeat(4)}`,
    requests: [],
    script: [],
    rows: (first) => (team === undefined ? members.slice(first) : makeTeam(team, first)),
    pageSize: options.pageSize,
  };
  const server = await serve((request, response) => {
    answer(state, request, response).catch(() => response.destroy());
  }, options.certificate);
  return {
    url: server.url,
    apiKey: state.apiKey,
    requests: state.requests,
    setMembers(rows) {
      state.rows = (first) => rows.slice(first);
    },
    setTeam(size) {
      state.rows = (first) => makeTeam(size, first);
    },
    setPageSize(pageSize) {
      state.pageSize = pageSize;
    },
    script(...answers) {
      state.script.push(...answers.map((each) => ({ answer: each, left: each.times ?? 1 })));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const recorded: Recorded = {
    atMs: performance.now(),
    method: request.method ?? "",
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    userAgent: request.headers["user-agent"],
    accept: request.headers.accept,
    status: undefined,
  };
  state.requests.push(recorded);
  const scripted = takeScripted(state);
  if (scripted?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, scripted.delayMs));
  if (scripted?.hang === true) return;
  if (scripted?.reset === true) {
    request.socket.resetAndDestroy();
    return;
  }
  const own = scripted?.status !== undefined || scripted?.body !== undefined || scripted?.json !== undefined;
  if (scripted !== undefined && own) {
    recorded.status = scripted.status ?? 200;
    const body = scripted.body ?? JSON.stringify(scripted.json ?? {});
    response.writeHead(recorded.status, { "content-type": "application/json", ...scripted.headers }).end(body);
    return;
  }
  const refusal = refuse(state, request, url);
  if (refusal !== undefined) {
    recorded.status = refusal.status;
    response.writeHead(refusal.status, { "content-type": "application/json" }).end(JSON.stringify(refusal.body));
    return;
  }
  recorded.status = 200;
  response.writeHead(200, { "content-type": "application/json", ...scripted?.headers });
  await sendBody(response, membersJson(state, url), scripted?.cutAfterBytes);
}

function takeScripted({ script }: State): CursorAnswer | undefined {
  const first = script[0];
  if (first === undefined) return undefined;
  first.left -= 1;
  if (first.left <= 0) script.shift();
  return first.answer;
}

interface Refusal {
  readonly status: number;
  readonly body: unknown;
}

/** What the real API answers to a request that is not right; the bodies have the shapes seen of it. */
function refuse({ apiKey }: State, request: IncomingMessage, url: URL): Refusal | undefined {
  const { authorization } = request.headers;
  if (authorization !== `Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`) {
    const sent = Buffer.from(authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    const message = sent.startsWith("user_") ? "Invalid Team API Key" : "Invalid API key";
    return { status: 401, body: { error: "Unauthorized", message } };
  }
  if (url.pathname !== "/teams/members") return { status: 404, body: { error: "Not Found", message: "no such route" } };
  if (request.method !== "GET") return { status: 405, body: { error: "Method Not Allowed", message: "use GET" } };
  return undefined;
}

/** The answer piece by piece, so that a large team is never one string. */
function* membersJson(state: State, url: URL): Generator<string> {
  const { pageSize } = state;
  const page = Number(url.searchParams.get("page") ?? "1");
  const first = pageSize === undefined ? 0 : (page - 1) * pageSize;
  let left = pageSize ?? Number.POSITIVE_INFINITY;
  let more = false;
  let separator = "";
  yield '{"teamMembers":[';
  for (const row of state.rows(first)) {
    more = left === 0;
    if (more) break;
    yield separator + JSON.stringify(row);
    separator = ",";
    left -= 1;
  }
  yield "]";
  if (pageSize !== undefined) yield `,"pagination":${JSON.stringify({ page, pageSize, hasNextPage: more })}`;
  yield "}";
}

const pieceLength = 64 * 1024;

async function sendBody(
  response: ServerResponse,
  pieces: Iterable<string>,
  cutAfterBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  let sent = 0;
  let buffer = "";
  const flush = async (): Promise<boolean> => {
    const bytes = Buffer.from(buffer);
    buffer = "";
    const part = bytes.subarray(0, Math.max(0, cutAfterBytes - sent));
    sent += part.length;
    if (!response.write(part)) await once(response, "drain");
    return part.length === bytes.length;
  };
  for (const piece of pieces) {
    buffer += piece;
    if (buffer.length < pieceLength) continue;
    if (!(await flush())) break;
  }
  if (buffer !== "" && !(await flush())) {
    response.socket?.resetAndDestroy();
    return;
  }
  if (sent >= cutAfterBytes) response.socket?.resetAndDestroy();
  else response.end();
}
