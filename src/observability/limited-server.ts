import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";

/** What one listener bears. The defaults are far above what probes and scrapers need. */
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
  headerBytes: 8 * 1024,
  bodyBytes: 1024,
};

/** Node looks for late requests so often. */
const checkMs = 500;

/** An HTTP server that keeps to the limits, except that of bodies, which the listener sees to. */
export function createLimitedServer(limits: ServerLimits, listener: RequestListener): Server {
  const server = createServer(
    {
      headersTimeout: limits.headerMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(checkMs, limits.headerMs),
      maxHeaderSize: limits.headerBytes,
    },
    listener,
  );
  server.timeout = limits.silentMs;
  limitConnections(server, limits.connections);
  return server;
}

/**
 * One connection too many costs the one that has been idle for longest, not the newcomer: whoever holds connections open can't
 * shut the probes out.
 */
function limitConnections(server: Server, most: number): void {
  // In the order of their last use; a request under way counts as use.
  const open = new Set<Socket>();
  const busy = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    if (open.size >= most) oldest(open, busy)?.destroy();
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("request", ({ socket }, response) => {
    busy.add(socket);
    response.once("close", () => {
      busy.delete(socket);
      if (open.delete(socket) && !socket.destroyed) open.add(socket);
    });
  });
}

function oldest(open: ReadonlySet<Socket>, busy: ReadonlySet<Socket>): Socket | undefined {
  for (const socket of open) if (!busy.has(socket) && !socket.destroyed) return socket;
  const [first] = open;
  return first;
}
