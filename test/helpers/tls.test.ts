import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, isIP } from "node:net";
import { suite, test } from "node:test";
import { connect, createServer } from "node:tls";
import { createTestCa, type IssuedCertificate, selfSigned } from "./tls.ts";

const dayMs = 24 * 60 * 60 * 1000;

suite("test certificate authority", () => {
  test("Node reads both certificates, and the chain verifies", async () => {
    const ca = await createTestCa();
    const root = new X509Certificate(ca.caPem);
    const leaf = new X509Certificate(ca.issue(["localhost", "127.0.0.1", "::1"]).certPem);
    assert.equal(root.ca, true);
    assert.equal(leaf.ca, false);
    assert.equal(leaf.checkIssued(root), true);
    assert.equal(leaf.verify(root.publicKey), true);
    assert.equal(leaf.subjectAltName, "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  });

  test("a client that trusts the authority connects; others and other names do not", async () => {
    const ca = await createTestCa();
    const leaf = ca.issue(["localhost", "c1.test"]);
    assert.equal(await handshake(leaf, "localhost", ca.caPem), "connected");
    assert.equal(await handshake(leaf, "c1.test", ca.caPem), "connected");
    assert.equal(await handshake(leaf, "other.test", ca.caPem), "ERR_TLS_CERT_ALTNAME_INVALID");
    const stranger = await createTestCa();
    assert.equal(await handshake(leaf, "localhost", stranger.caPem), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  });

  test("a certificate holds as long as it says", async () => {
    const ca = await createTestCa();
    const now = Date.now();
    const old = ca.issue(["localhost"], { fromMs: now - 2 * dayMs, toMs: now - dayMs });
    assert.equal(await handshake(old, "localhost", ca.caPem), "CERT_HAS_EXPIRED");
    const early = ca.issue(["localhost"], { fromMs: now + dayMs, toMs: now + 2 * dayMs });
    assert.equal(await handshake(early, "localhost", ca.caPem), "CERT_NOT_YET_VALID");
  });

  test("a certificate that vouches for itself is trusted by nobody else", async () => {
    const ca = await createTestCa();
    assert.equal(await handshake(selfSigned(["localhost"]), "localhost", ca.caPem), "DEPTH_ZERO_SELF_SIGNED_CERT");
  });
});

/** "connected", or the code with which a client of `trusted` refused the server's certificate. */
async function handshake(
  { certPem, keyPem }: IssuedCertificate,
  servername: string,
  trusted: string,
): Promise<unknown> {
  const server = createServer({ cert: certPem, key: keyPem }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1", servername: isIP(servername) ? "" : servername, ca: trusted });
  try {
    await once(socket, "secureConnect");
    return "connected";
  } catch (reason) {
    return reason instanceof Error && "code" in reason ? reason.code : reason;
  } finally {
    socket.destroy();
    server.close();
  }
}
