import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, before, suite, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { createTestCa } from "../../../test/helpers/tls.ts";
import { until } from "../../../test/helpers/until.ts";
import { systemClock } from "../../baton/clock.ts";
import { createTransport } from "../../http/transport.ts";
import { createTrust } from "../../http/trust.ts";
import type { Finding } from "./finding.ts";
import { checkPlace } from "./network.ts";

const never = new AbortController().signal;

async function check(url: string, caPem: string, signal = never, httpsProxy?: string): Promise<readonly Finding[]> {
  const trust = createTrust(caPem === "" ? [] : [caPem]);
  const proxy = { httpsProxy };
  const transport = createTransport({ userAgent: "t/1", proxy, trust, connectTimeoutMs: 5_000 });
  try {
    const place = { name: "SCIM", url: new URL(url), tellsTime: false };
    return await checkPlace(place, { transport, trust, proxy, clock: systemClock }, signal);
  } finally {
    transport.close();
  }
}

/** Listens on a free port of `host`; disposing ends it. */
async function listen(server: Server, host: string) {
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

const shown = (findings: readonly Finding[]): string[] => findings.map(({ detail, status }) => `${status} ${detail}`);

suite("the check-up of a place", () => {
  const warnings: string[] = [];
  const hear = ({ message }: Error): void => void warnings.push(message);
  before(() => process.on("warning", hear));
  after(() => process.off("warning", hear));

  for (const [host, shownHost] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "[::1]"],
  ] as const) {
    test(`${host} with a certificate for this address: TLS is right, and no name is sent`, async () => {
      const ca = await createTestCa();
      const { certPem, keyPem } = ca.issue([host]);
      await using listening = await listen(createTlsServer({ cert: certPem, key: keyPem }), host);
      const findings = shown(await check(`https://${shownHost}:${listening.port}`, ca.caPem));
      assert.deepEqual(findings[0], `ok ${host} has 1 address(es)`);
      assert.match(findings[1] ?? "", /TLSv1\.3, certificate good for 0 days$/);
      // Node warns, once in a process, of an address as a server name.
      assert.deepEqual(warnings, []);
    });
  }

  test("an address with a certificate for another one is refused", async () => {
    const ca = await createTestCa();
    const { certPem, keyPem } = ca.issue(["127.0.0.2"]);
    await using listening = await listen(createTlsServer({ cert: certPem, key: keyPem }), "127.0.0.1");
    const findings = await check(`https://127.0.0.1:${listening.port}`, ca.caPem);
    assert.match(findings[1]?.detail ?? "", /^no connection to .* \(ERR_TLS_CERT_ALTNAME_INVALID\)$/);
    assert.match(findings[1]?.fix ?? "", /the certificate is for another name/);
  });

  test("an abort ends the wait for a server that says nothing", { timeout: 5_000 }, async () => {
    const stop = new AbortController();
    const met: unknown[] = [];
    const silent = createServer((socket) => {
      met.push(socket);
      socket.on("error", () => undefined).resume();
    });
    await using listening = await listen(silent, "127.0.0.1");
    const checked = check(`https://127.0.0.1:${listening.port}`, "", stop.signal);
    await until(() => met.length === 1, "a connection");
    stop.abort();
    assert.equal((await checked).at(-1)?.status, "failed");
  });

  test("an abort before the name is looked up ends it too", async () => {
    const findings = await check("https://localhost:1", "", AbortSignal.abort());
    assert.deepEqual(
      findings.map(({ name, status }) => `${status} ${name}`),
      ["failed SCIM: name"],
    );
  });

  test("a proxy address that cannot be used is a finding", async () => {
    const findings = await check("https://scim.example.com", "", never, "ftp://user:canary@proxy");
    assert.deepEqual(
      findings.map(({ name, status }) => `${status} ${name}`),
      ["failed SCIM: proxy"],
    );
    assert.doesNotMatch(JSON.stringify(findings), /canary/);
  });
});
