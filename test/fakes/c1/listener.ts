import { once } from "node:events";
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureVersion, type TlsOptions } from "node:tls";
import { type GrpcAnswer, type GrpcCall, serveGrpc } from "./grpc.ts";
import type { Recorder } from "./recorder.ts";
import type { TokenEndpoint } from "./token.ts";

/** How the port identifies itself. */
export interface TlsMode {
  readonly certPem: string;
  readonly keyPem: string;
  readonly maxVersion?: SecureVersion | undefined;
}

export interface Listener {
  /** The inner port that answers as the port does now. */
  port(): number;
  /** Applies to connections from now on; `undefined` makes the port answer in plain text. */
  setTls(mode: TlsMode | undefined): void;
  /**
   * Sends GOAWAY on every HTTP/2 connection and lets the running calls end. Returns what says whether there were any, and all
   * have ended.
   */
  goAway(): () => boolean;
  /** What clients sent while the port spoke plain text. */
  readonly plaintextReceived: Buffer;
  close(): Promise<void>;
}

/**
 * Opens the inner port: TLS whose ALPN chooses between the token endpoint (HTTP/1.1) and gRPC (h2). Who offers both, as Go's HTTP
 * client does, gets HTTP/1.1; gRPC clients offer h2 alone.
 */
export async function openListener(
  tls: TlsMode,
  token: TokenEndpoint,
  handle: (call: GrpcCall) => Promise<GrpcAnswer>,
  recorder: Recorder,
): Promise<Listener> {
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const received: Buffer[] = [];
  let plain = false;

  const http1 = createHttp1Server((request, response) => {
    token.handle(request, response).catch(() => request.socket.destroy());
  });
  const http2 = createHttp2Server();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => undefined);
  });
  http2.on("stream", (stream, headers) => {
    serveGrpc(stream, headers, handle).catch((reason: unknown) =>
      recorder.violation("fake", "handler", String(reason)),
    );
  });

  const secure = createTlsServer(tlsOptions(tls), (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    if (socket.alpnProtocol === "h2") http2.emit("connection", socket);
    else http1.emit("connection", socket);
  });
  secure.on("tlsClientError", (_error, socket) => socket.destroy());
  const plainServer = createTcpServer((socket) => answerPlain(socket, received));
  const securePort = await listen(secure);
  const plainPort = await listen(plainServer);

  return {
    port: () => (plain ? plainPort : securePort),
    setTls(mode) {
      plain = mode === undefined;
      if (mode !== undefined) secure.setSecureContext(tlsOptions(mode));
    },
    goAway() {
      const told = [...sessions];
      for (const session of told) session.close();
      return () => told.length > 0 && told.every(({ destroyed }) => destroyed);
    },
    get plaintextReceived() {
      return Buffer.concat(received);
    },
    async close() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await Promise.all([closeServer(secure), closeServer(plainServer)]);
    },
  };
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function tlsOptions(mode: TlsMode): TlsOptions {
  const { maxVersion = "TLSv1.3" } = mode;
  const old = maxVersion === "TLSv1" || maxVersion === "TLSv1.1";
  return {
    cert: mode.certPem,
    key: mode.keyPem,
    ALPNProtocols: ["http/1.1", "h2"],
    minVersion: old ? maxVersion : "TLSv1.2",
    maxVersion,
    ...(old ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
  };
}

/** A server that knows no TLS: keeps what it is sent and answers in plain HTTP. */
function answerPlain(socket: Socket, received: Buffer[]): void {
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    received.push(Buffer.from(bytes));
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}
