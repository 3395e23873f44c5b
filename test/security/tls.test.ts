import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SecureVersion } from "node:tls";
import { type Certificate, grpcCodes } from "../fakes/c1-server.ts";
import { startCursorServer } from "../fakes/cursor-server.ts";
import { startScimServer } from "../fakes/scim-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { createTestCa, type IssuedCertificate, selfSigned } from "../helpers/tls.ts";
import { openTlsFront } from "../helpers/tls-front.ts";
import { until } from "../helpers/until.ts";
import { team } from "../integration/account-scene.ts";
import { accountEnv, createTask, startAccountStage } from "../integration/account-stage.ts";
import { printed, processEnv, startStandIns, syncTask } from "../integration/scene.ts";
import { inScratch, writePem } from "./scratch.ts";

const limit = { timeout: 60_000 };
const dayMs = 24 * 60 * 60 * 1000;
// What an operator in a hurry sets. Nothing of it may help, neither here nor in a process of its own. At its usual level OpenSSL
// itself would refuse what the connector has to refuse.
const switchesOff = {
  NODE_TLS_REJECT_UNAUTHORIZED: "0",
  NODE_OPTIONS: "--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0",
};
Object.assign(process.env, { NODE_TLS_REJECT_UNAUTHORIZED: switchesOff.NODE_TLS_REJECT_UNAUTHORIZED });

const ca = await createTestCa();
const stranger = await createTestCa("nobody trusts this one");
const own = ["localhost", "127.0.0.1"];
const daysFromNow = (from: number, to: number) => ({
  fromMs: Date.now() + from * dayMs,
  toMs: Date.now() + to * dayMs,
});

interface BadPort {
  readonly what: string;
  /** How the stand-in of C1 presents the same. */
  readonly c1: Certificate;
  readonly certificate: IssuedCertificate;
  readonly version?: SecureVersion;
  /** What the operator reads. */
  readonly says: RegExp;
}

const badPorts: readonly BadPort[] = [
  {
    what: "a certificate for another host",
    c1: "wrong-host",
    certificate: ca.issue(["somewhere-else.invalid"]),
    says: /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate/,
  },
  {
    what: "an expired certificate",
    c1: "expired",
    certificate: ca.issue(own, daysFromNow(-2, -1)),
    says: /CERT_HAS_EXPIRED|expired/,
  },
  {
    what: "a certificate of the future",
    c1: "early",
    certificate: ca.issue(own, daysFromNow(1, 2)),
    says: /CERT_NOT_YET_VALID|not yet valid/,
  },
  {
    what: "a self-signed certificate",
    c1: "self-signed",
    certificate: selfSigned(own),
    says: /SELF_SIGNED_CERT|self-signed/,
  },
  {
    what: "a certificate of an unknown authority",
    c1: "untrusted",
    certificate: stranger.issue(own),
    says: /UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to verify/,
  },
  {
    what: "TLS 1.1 at most",
    c1: "right",
    certificate: ca.issue(own),
    version: "TLSv1.1",
    says: /TLS 1\.2 or newer|protocol version|EPROTO/,
  },
];

suite("TLS is verified, and nothing switches that off", { concurrency: 2 }, () => {
  for (const { what, certificate, version, says } of badPorts) {
    test(`Cursor with ${what}: refused before the key is sent`, limit, () =>
      inScratch(async (cwd) => {
        await using cursor = await startCursorServer({ team: { active: 2, removed: 0 } });
        await using front = await openTlsFront(Number(new URL(cursor.url).port), certificate, version);
        const env = {
          BATON_CURSOR_API_KEY: cursor.apiKey,
          BATON_CURSOR_BASE_URL: `https://localhost:${front.port}`,
          SSL_CERT_FILE: await writePem(cwd, ca.caPem),
          ...switchesOff,
        };
        await using run = await spawnConnector(["--file", "team.c1z"], env, { cwd });
        const { code, stderr } = await run.ended;
        assert.equal(code, 14, stderr);
        assert.match(stderr, says);
        assert.ok(front.connections > 0);
        assert.deepEqual([front.received(), cursor.requests.length], ["", 0]);
      }),
    );

    test(`SCIM with ${what}: refused before the token is sent`, limit, async () => {
      await using stage = await startAccountStage({ c1: { ca }, cursor: { members: team } });
      const { c1, scim } = stage;
      await using front = await openTlsFront(Number(new URL(scim.endpoint).port), certificate, version);
      const endpoint = `https://localhost:${front.port}${new URL(scim.endpoint).pathname}`;
      const env = { ...accountEnv(stage, endpoint), ...switchesOff };
      await using daemon = await spawnConnector([], processEnv(stage, env));
      c1.enqueue(createTask("new@example.com"));
      await printed(daemon, "a call to the SCIM directory failed and is repeated");
      assert.match(daemon.stderr(), says);
      assert.ok(!daemon.stderr().includes(scim.token));
      assert.ok(front.connections > 0);
      assert.deepEqual([front.received(), scim.requests.length], ["", 0]);
      daemon.kill("SIGKILL");
      await daemon.ended;
    });
  }

  for (const { what, c1: presented, version, says } of badPorts) {
    test(`C1 with ${what}: neither an assertion nor a token is sent`, limit, async () => {
      await using stage = await startStandIns({ c1: { ca } });
      const { c1 } = stage;
      c1.network.present(presented, version);
      await using daemon = await spawnConnector([], { ...processEnv(stage), ...switchesOff });
      await printed(daemon, "C1 cannot be reached yet");
      assert.match(daemon.stderr(), says);
      assert.equal(c1.token.requests.length + c1.calls("Hello").length, 0);
      c1.network.present("right");
      await until(() => c1.calls("GetTask").some(({ code }) => code === grpcCodes.OK), "a poll that was answered");
      const [, token = "none"] = c1.calls("Hello").at(-1)?.authorization?.split(" ") ?? [];
      // The same for gRPC, with a token in hand: the connection is cut, and the next port is a bad one.
      c1.network.present(presented, version);
      const { totalConnections } = c1.network;
      c1.network.dropAll();
      await until(() => c1.network.totalConnections > totalConnections, "another connection");
      await printed(daemon, "C1 could not be asked for work");
      const polls = c1.calls("GetTask").length;
      await until(() => c1.network.totalConnections > totalConnections + 1, "one more connection");
      assert.equal(c1.calls("GetTask").length, polls, "a poll went through a bad port");
      assert.ok(!daemon.stderr().includes(token));
    });
  }

  for (const name of ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]) {
    test(`a private authority in ${name} is trusted by all three connections`, limit, () =>
      inScratch(async (cwd) => {
        await using stage = await startStandIns({ c1: { ca }, cursor: { certificate: ca.issue(own) } });
        const { c1 } = stage;
        await using scim = await startScimServer({ certificate: ca.issue(own) });
        const { SSL_CERT_FILE: _other, ...rest } = processEnv(stage);
        const env = {
          ...rest,
          [name]: await writePem(cwd, ca.caPem),
          BATON_PROVISIONING: "true",
          BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
          BATON_CURSOR_SCIM_TOKEN: scim.token,
        };
        await using daemon = await spawnConnector([], env);
        const end = await c1.awaitFinish(c1.enqueue(syncTask));
        assert.equal(end.ok, true, end.message + daemon.stderr());
        await until(() => scim.requests.length > 0, "a request to the directory");
        await using bare = await spawnConnector([], rest);
        await printed(bare, "C1 cannot be reached yet");
        assert.match(bare.stderr(), /certificate/);
      }),
    );
  }
});
