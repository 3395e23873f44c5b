import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { type AnswerForm, hostRefusal, type Refusal, refuse, refuseConnection } from "./refusal.ts";

/** What one listener bears. The defaults are far above what probes, scrapers and browsers need. */
export interface ServerLimits {
  /** Milliseconds for the headers of a request, counted from the connection or the end of the request before. */
  readonly headerMs: number;
  /** Milliseconds for a whole request. */
  readonly requestMs: number;
  /** Milliseconds that a connection without a request stays open; longer than the usual time between two scrapes. */
  readonly keepAliveMs: number;
  /** Milliseconds without a byte in either direction; longer than the slowest answer. */
  readonly silentMs: number;
  readonly connections: number;
  /** Requests of one connection that wait for their answers at the same time. */
  readonly pipelined: number;
  /** Request line and headers together. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

export const defaultLimits: ServerLimits = {
  headerMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 65_000,
  silentMs: 75_000,
  connections: 64,
  pipelined: 8,
  headerBytes: 8 * 1024,
  bodyBytes: 1024,
};

/** Node looks for late requests so often. */
const checkMs = 500;

/**
 * An HTTP server that keeps to the limits, except that of bodies, which the listener sees to. What it refuses by itself is worded
 * by `form`, in place of Node's answers without a body.
 */
export function createLimitedServer(limits: ServerLimits, form: AnswerForm, listener: RequestListener): Server {
  const server = createServer({
    headersTimeout: limits.headerMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(checkMs, limits.headerMs),
    maxHeaderSize: limits.headerBytes,
    requireHostHeader: false,
  });
  server.timeout = limits.silentMs;
  const connections = new Connections(limits.connections);
  server.on("connection", (socket: Socket) => connections.add(socket));
  server.on("request", (request, response) => {
    const { socket } = request;
    const underWay = connections.begin(socket);
    // The refusal ends the connection; what was sent behind it gets no answer, and what is still to come is not read.
    if (underWay > limits.pipelined + 1) return;
    if (underWay > limits.pipelined) socket.pause();
    response.once("close", () => connections.end(socket));
    const refusal = underWay > limits.pipelined ? tooMany(limits) : hostRefusal(request);
    if (refusal === undefined) listener(request, response);
    else refuse(response, refusal, form);
  });
  server.on("checkExpectation", (_request, response) =>
    refuse(response, { status: 417, reason: "no expectation but 100-continue is met" }, form),
  );
  server.on("connect", (_request, socket) =>
    refuseConnection(socket, { status: 405, reason: "this is no proxy", headers: { allow: "GET" } }, form),
  );
  return server;
}

function tooMany({ pipelined }: ServerLimits): Refusal {
  return { status: 429, reason: `${pipelined} requests of this connection wait for their answers already` };
}

/**
 * The open connections. One too many costs the one that has been idle for longest, not the newcomer; and where more than half of
 * them wait for answers, the one that has done so for longest, so that answers which nobody reads leave room for who comes. So
 * whoever holds connections open can't shut the probes out.
 */
class Connections {
  readonly #most: number;
  /** In the order of their last use, with how many requests of each are under way. */
  readonly #open = new Map<Socket, number>();

  constructor(most: number) {
    this.#most = most;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#most) this.#oldest()?.destroy();
    this.#open.set(socket, 0);
    socket.once("close", () => this.#open.delete(socket));
  }

  /** A request has come; returns how many of its connection are under way, this one included. */
  begin(socket: Socket): number {
    const underWay = (this.#open.get(socket) ?? 0) + 1;
    this.#open.set(socket, underWay);
    return underWay;
  }

  end(socket: Socket): void {
    const underWay = this.#open.get(socket);
    if (underWay === undefined) return;
    this.#open.delete(socket);
    if (!socket.destroyed) this.#open.set(socket, underWay - 1);
  }

  #oldest(): Socket | undefined {
    const open = [...this.#open].filter(([socket]) => !socket.destroyed);
    const busy = open.filter(([, underWay]) => underWay > 0);
    const idle = open.filter(([, underWay]) => underWay === 0);
    const [oldest] = busy.length > this.#most / 2 || idle.length === 0 ? busy : idle;
    return oldest?.[0];
  }
}
