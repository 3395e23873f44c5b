import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createServer, type SecureVersion, type TLSSocket } from "node:tls";
import type { IssuedCertificate } from "./tls.ts";

/** A TLS port before a server that speaks plain text on this machine. */
export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** What clients sent through TLS, in the clear. Empty as long as nobody trusted the certificate. */
  received(): string;
  /** Handshakes that were begun. */
  readonly connections: number;
}

/** Opens the port. With `version` it speaks that version of TLS alone. */
export async function openTlsFront(
  targetPort: number,
  certificate: IssuedCertificate,
  version?: SecureVersion,
): Promise<TlsFront> {
  const sockets = new Set<TLSSocket>();
  const received: Buffer[] = [];
  let connections = 0;
  const server = createServer({
    cert: certificate.certPem,
    key: certificate.keyPem,
    // OpenSSL 3 allows what is older than TLS 1.2 at its lowest security level only.
    ...(version && { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" }),
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    const target = connect(targetPort, "127.0.0.1");
    socket.on("data", (bytes: Buffer) => received.push(bytes));
    socket.pipe(target).pipe(socket);
    socket.on("error", () => target.destroy());
    target.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(received).toString("latin1"),
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
