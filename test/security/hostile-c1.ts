import { once } from "node:events";
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import type { IssuedCertificate } from "../helpers/tls.ts";

/** A control plane that answers what it likes. The strict stand-in could not send such things. */
export interface HostileC1 extends AsyncDisposable {
  /** `localhost:<port>` */
  readonly apiHost: string;
  /** Paths of the calls that came, in order. */
  readonly calls: readonly string[];
}

export interface HostileAnswers {
  token(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a call whose path ends with `/GetTask`; every other call gets an empty message. */
  poll(stream: ServerHttp2Stream): void;
}

/** Answers tokens that live for ten minutes. */
export function plainToken(_request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ access_token: "a".repeat(32), token_type: "Bearer", expires_in: 600 }));
}

/** Sends `messages`, each with its compression flag, and status 0. */
export function sendMessages(stream: ServerHttp2Stream, encoding: string, messages: Iterable<Buffer>): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc+proto", "grpc-encoding": encoding },
    { waitForTrailers: true },
  );
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  for (const message of messages) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt8(encoding === "identity" ? 0 : 1, 0);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(prefix);
    stream.write(message);
  }
  stream.end();
}

/** Starts it on a free port of this machine, over TLS. */
export async function startHostileC1(certificate: IssuedCertificate, answers: HostileAnswers): Promise<HostileC1> {
  const calls: string[] = [];
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const http1 = createHttp1Server((request, response) => answers.token(request, response));
  const http2 = createHttp2Server();
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
  });
  http2.on("stream", (stream, headers) => {
    const path = String(headers[":path"]);
    calls.push(path);
    stream.on("error", () => undefined);
    stream.resume();
    if (path.endsWith("/GetTask")) answers.poll(stream);
    else sendMessages(stream, "identity", [Buffer.alloc(0)]);
  });
  const server = createServer(
    { cert: certificate.certPem, key: certificate.keyPem, ALPNProtocols: ["h2", "http/1.1"] },
    (socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", socket);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    apiHost: `localhost:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
