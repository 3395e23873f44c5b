import type { IncomingMessage, ServerResponse } from "node:http";
import { type BodyPace, breakOff, sendBody } from "../helpers/send-body.ts";

/** Which requests a scripted answer waits for. */
export interface RequestMatcher {
  readonly method?: string;
  /** Tried on the path as it was recorded. */
  readonly path?: RegExp;
  /** Tried on the decoded query without its question mark; empty where there is none. */
  readonly query?: RegExp;
}

/** How one request is answered instead of rightly. */
export interface FaultAnswer extends BodyPace {
  /** How many requests in a row this applies to (1; Infinity for all from now on). */
  readonly times?: number;
  /** Left in the queue until such a request comes. Default: any request. */
  readonly on?: RequestMatcher;
  readonly status?: number;
  /** Added to the answer, also to a right one. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Put on the connection as it is in place of a whole answer, which is then closed. */
  readonly raw?: string | Uint8Array;
  /** Answers 307 (or `status`) to this address. */
  readonly redirectTo?: string;
  /** With `status`, `body`, `json`, `raw` or `redirectTo`: the work is done all the same before this is answered. */
  readonly afterEffect?: true;
  /** Never answers, and does nothing. */
  readonly hang?: true;
  /** Resets the connection without an answer and without doing anything. */
  readonly reset?: true;
  /** Does the work, then never answers. */
  readonly hangAfterEffect?: true;
  /** Does the work, then resets the connection without an answer. */
  readonly resetAfterEffect?: true;
  /** Waits before the work, in milliseconds; the work is done even when the caller is gone by then. */
  readonly delayMs?: number;
}

/** Says how a request is answered for which nothing is laid out; `undefined` for rightly. `target` is path, `?` and query. */
export type ImproviseFault = (method: string, target: string) => FaultAnswer | undefined;

/** Answers that are laid out and wait for their requests. */
export interface FaultScript {
  add(answers: readonly FaultAnswer[]): void;
  /** Takes the first answer that is for this request, or has one improvised. */
  take(method: string, path: string, query?: URLSearchParams): FaultAnswer | undefined;
  /** Forgets what is left. */
  clear(): void;
}

/** An empty script. */
export function createFaultScript(improvise?: ImproviseFault): FaultScript {
  const queue: { answer: FaultAnswer; left: number }[] = [];
  return {
    add(answers) {
      queue.push(...answers.map((answer) => ({ answer, left: answer.times ?? 1 })));
    },
    take(method, path, query) {
      const search = decodeURIComponent(query?.toString().replaceAll("+", " ") ?? "");
      const at = queue.findIndex(
        ({ answer: { on } }) =>
          (on?.method ?? method) === method && (on?.path?.test(path) ?? true) && (on?.query?.test(search) ?? true),
      );
      const found = queue[at];
      if (found === undefined) return improvise?.(method, `${path}?${search}`);
      found.left -= 1;
      if (found.left <= 0) queue.splice(at, 1);
      return found.answer;
    },
    clear() {
      queue.length = 0;
    },
  };
}

/** An answer before it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body piece by piece; nothing is an empty body. */
  readonly body?: Iterable<string>;
}

/** One request and what may be done with it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: FaultAnswer | undefined;
  /** Does what was asked for. `undefined` drops the connection. */
  work(): Promise<Reply | undefined>;
  /** Told before the answer goes out. */
  onStatus(status: number): void;
  /** Told when everything that the fault says has happened. */
  onPlayed(): void;
  /** Breaks the connection; by default with a reset where it has no TLS. False when there is none any more. */
  readonly drop?: () => boolean;
}

/** Answers one request rightly, or as its fault says. */
export async function answerExchange(exchange: Exchange): Promise<void> {
  const { request, response, fault, work, onStatus } = exchange;
  const drop = exchange.drop ?? (() => dropSocket(request));
  const played = (hasHappened: boolean): void => {
    if (hasHappened) exchange.onPlayed();
  };
  if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  const isThere = !response.destroyed;
  if (fault?.hang === true) return played(isThere);
  if (fault?.reset === true) return played(drop());
  const own = ownReply(fault);
  const right = own === undefined || fault?.afterEffect === true ? await work() : own;
  // A server that refuses has done nothing of which the answer could be lost.
  const isDone = !comesAfter(fault) || (right !== undefined && right.status < 400);
  if (fault?.hangAfterEffect === true) return played(isDone);
  if (right === undefined) return void drop();
  if (fault?.resetAfterEffect === true) return played(drop() && isDone);
  if (fault?.raw !== undefined) {
    request.socket.end(fault.raw);
    return played(isThere && isDone);
  }
  const reply = own ?? right;
  onStatus(reply.status);
  response.writeHead(reply.status, { ...reply.headers, ...fault?.headers });
  const isPaced = reply.body === undefined ? hasNoPace(fault) : await sendBody(response, reply.body, fault);
  if (reply.body === undefined) response.end();
  played(isThere && isDone && isPaced);
}

/** Whether the fault says that the work is done, and its answer lost or replaced. */
function comesAfter(fault: FaultAnswer | undefined): boolean {
  return (fault?.afterEffect ?? fault?.hangAfterEffect ?? fault?.resetAfterEffect) === true;
}

function hasNoPace(fault: FaultAnswer | undefined): boolean {
  return fault?.cutAfterBytes === undefined && fault?.slowBody === undefined;
}

function dropSocket({ socket }: IncomingMessage): boolean {
  const isThere = !socket.destroyed;
  breakOff(socket);
  return isThere;
}

function ownReply(fault: FaultAnswer | undefined): Reply | undefined {
  if (fault === undefined) return undefined;
  const { redirectTo, body, json, raw, status } = fault;
  if (raw !== undefined) return { status: 0 };
  if (redirectTo !== undefined) return { status: status ?? 307, headers: { location: redirectTo } };
  if (status === undefined && body === undefined && json === undefined) return undefined;
  return {
    status: status ?? 200,
    headers: { "content-type": "application/json" },
    body: [body ?? JSON.stringify(json ?? {})],
  };
}

/** The whole body of a request as text. */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** A body as parsed JSON; as it is where it is none; `undefined` where there is none. */
export function parsedOrText(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
