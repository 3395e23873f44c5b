import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, isIP } from "node:net";
import { suite, test } from "node:test";
import { connect, createServer } from "node:tls";
import { createTestCa } from "./tls.ts";

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
    const { certPem, keyPem } = ca.issue(["localhost", "c1.test"]);
    const server = createServer({ cert: certPem, key: keyPem }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const handshake = async (servername: string, trusted: string | undefined): Promise<unknown> => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        servername: isIP(servername) ? "" : servername,
        ...(trusted === undefined ? {} : { ca: trusted }),
      });
      try {
        await once(socket, "secureConnect");
        return "connected";
      } catch (reason) {
        return reason instanceof Error && "code" in reason ? reason.code : reason;
      } finally {
        socket.destroy();
      }
    };
    try {
      assert.equal(await handshake("localhost", ca.caPem), "connected");
      assert.equal(await handshake("c1.test", ca.caPem), "connected");
      assert.equal(await handshake("other.test", ca.caPem), "ERR_TLS_CERT_ALTNAME_INVALID");
      assert.equal(await handshake("localhost", (await createTestCa()).caPem), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    } finally {
      server.close();
    }
  });
});
