import { once } from "node:events";
import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { serve } from "./http-server.ts";

/** One call that came through, or did not. Times in milliseconds on a clock that never jumps. */
export interface GatewayCall {
  readonly atMs: number;
  readonly answeredMs: number | undefined;
  readonly status: number | undefined;
  /** The wait that a refused call was told, in seconds. */
  readonly retryAfterS: number | undefined;
}

/** A gateway in front of a server that refuses every third call with 429. */
export interface ThrottlingGateway extends AsyncDisposable {
  /** The server's own address, seen through the gateway. */
  readonly endpoint: string;
  /** Every call, in the order of arrival. */
  readonly calls: readonly GatewayCall[];
}

type Recorded = { -readonly [K in keyof GatewayCall]: GatewayCall[K] };

/** Whoever may ask five times gets through in the end, even if all refusals of a call hit the same one of several who make it. */
const refusalsPerCall = 3;

/**
 * Starts a gateway in front of `target`. A third of all calls is refused and told to wait for `retryAfterS(n)` seconds, `n`
 * counting the refusals from 1; who calls is not looked at.
 */
export async function startThrottlingGateway(
  target: string,
  retryAfterS: (refusal: number) => number,
): Promise<ThrottlingGateway> {
  const { origin, pathname } = new URL(target);
  const calls: Recorded[] = [];
  const refusedBefore = new Map<string, number>();
  let refusals = 0;

  /** A refusal that is due waits for a call that may still be refused, so that it is a third in the long run. */
  function mustRefuse(key: string): boolean {
    const before = refusedBefore.get(key) ?? 0;
    if (refusals >= Math.floor(calls.length / 3) || before >= refusalsPerCall) return false;
    refusedBefore.set(key, before + 1);
    return true;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call: Recorded = {
      atMs: performance.now(),
      answeredMs: undefined,
      status: undefined,
      retryAfterS: undefined,
    };
    calls.push(call);
    const body = await buffer(request);
    if (mustRefuse(`${request.method} ${request.url} ${body}`)) {
      refusals += 1;
      call.retryAfterS = retryAfterS(refusals);
      response.writeHead(429, { "retry-after": String(call.retryAfterS) }).end();
    } else {
      const { status, type, body: answered } = await forward(origin, request, body);
      response.writeHead(status, type === undefined ? {} : { "content-type": type }).end(answered);
    }
    call.status = response.statusCode;
    call.answeredMs = performance.now();
  }

  const server = await serve((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return { endpoint: server.url + pathname, calls, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function forward(
  origin: string,
  request: IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly type: string | undefined; readonly body: Buffer }> {
  const { connection: _, host: __, ...headers } = request.headers;
  // A kept connection may be closed by the server just when it is used again.
  const outgoing = ask(origin + request.url, { method: request.method, headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const { statusCode = 0, headers: answered } = response;
  return { status: statusCode, type: answered["content-type"], body: await buffer(response) };
}
