import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import type { IssuedCertificate } from "./tls.ts";

/** A server of a test's own on 127.0.0.1; disposing closes every connection. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https://localhost:port` with a certificate. */
  readonly url: string;
  readonly port: number;
  readonly server: Server;
}

/** Starts `listener` on a free port. */
export async function serve(listener: RequestListener, certificate?: IssuedCertificate): Promise<TestServer> {
  const server =
    certificate === undefined
      ? createServer(listener)
      : createTlsServer({ cert: certificate.certPem, key: certificate.keyPem }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: certificate === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    port,
    server,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What a proxy was asked for: `host:port`, and the Proxy-Authorization header. */
export interface Tunnel {
  readonly target: string;
  readonly authorization: string | undefined;
}

export interface TestProxy extends TestServer {
  readonly tunnels: readonly Tunnel[];
}

/** How a proxy answers CONNECT: opens the tunnel, refuses with a status, or says nothing. */
export type ProxyBehaviour = "open" | "silent" | number;

/** Starts a proxy that understands CONNECT and nothing else; every name is resolved to 127.0.0.1. */
export async function serveProxy(
  behaviour: ProxyBehaviour = "open",
  certificate?: IssuedCertificate,
): Promise<TestProxy> {
  const tunnels: Tunnel[] = [];
  const open = new Set<Duplex>();
  const base = await serve((_request, response) => response.writeHead(405).end(), certificate);
  base.server.on("connect", (request: IncomingMessage, client: Duplex) => {
    tunnels.push({ target: request.url ?? "", authorization: request.headers["proxy-authorization"] });
    open.add(client);
    client.on("error", () => client.destroy());
    if (behaviour === "silent") return;
    if (typeof behaviour === "number") {
      client.end(`HTTP/1.1 ${behaviour} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    open.add(upstream);
    upstream.on("error", () => client.destroy());
  });
  return {
    url: base.url,
    port: base.port,
    server: base.server,
    tunnels,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await base[Symbol.asyncDispose]();
    },
  };
}
