import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { type C1Server, grpcCodes } from "../fakes/c1-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { serveProxy } from "../helpers/http-server.ts";
import { createTestCa } from "../helpers/tls.ts";
import { until } from "../helpers/until.ts";
import { team } from "./account-scene.ts";
import { accountEnv, createTask, startAccountStage } from "./account-stage.ts";
import { logged, longWaits, printed, processEnv, setScene, startStandIns, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };
const pollFailed = "C1 could not be asked for work";
const helloFailed = "C1 cannot be reached yet";

/** Resolves when C1 has answered another `n` polls. */
function pollsAnswered(c1: C1Server, n: number): Promise<true> {
  const answered = (): number => c1.calls("GetTask").filter(({ code }) => code === grpcCodes.OK).length;
  const goal = answered() + n;
  return c1.until(() => answered() >= goal, undefined, `poll ${goal} answered`);
}

suite("authentication and transport", { concurrency: 3 }, () => {
  test(
    "A1 a port in the client id and BATON_C1_API_HOST: the audience has no port, both calls use the override",
    limit,
    async () => {
      await using scene = await setScene({ c1: { clientHost: "acme.example.com:8443" } });
      const { c1 } = scene;
      const { userAgent } = await c1.awaitCall("GetTask");
      const claims = c1.token.requests[0]?.assertion?.claims;
      assert.equal(claims?.["aud"], "acme.example.com");
      assert.deepEqual([claims?.["iss"], claims?.["sub"]], [c1.clientId, c1.clientId]);
      assert.ok(userAgent.startsWith(`${c1.clientId.split("@")[0]} baton-sdk-compatible/`), userAgent);
    },
  );

  for (const [status, exitCode] of [
    [401, 16],
    [403, 7],
  ] as const) {
    test(`A2 token ${status} at start: exit code ${exitCode} after one request`, limit, async () => {
      await using stage = await startStandIns();
      const { c1 } = stage;
      c1.token.failNext(status, 100);
      await using daemon = await spawnConnector([], processEnv(stage));
      const end = await daemon.ended;
      assert.equal(end.code, exitCode, end.stderr);
      assert.equal(c1.token.requests.length, 1);
      assert.equal(c1.calls("Hello").length, 0);
      assert.match(end.stderr, new RegExp(`baton-cursor: .*HTTP ${status}`));
      assert.equal(end.stdout, "");
      assert.deepEqual(daemon.leftovers(), []);
    });
  }

  test("A3 token 503, then a refused connection, at start: Hello's back-off and no exit", limit, async () => {
    await using scene = await setScene({ before: ({ token }) => token.failNext(503, 2) });
    const { c1, daemon } = scene;
    await c1.until(() => c1.token.requests.length === 2, undefined, "second token request");
    c1.network.refuse();
    await logged(daemon, helloFailed, 4);
    assert.deepEqual(daemon.clock.sleeps.slice(0, 4), [1000, 2000, 4000, 8000]);
    assert.equal(c1.calls("Hello").length, 0);
    await c1.network.accept();
    await c1.awaitHello("");
    await pollsAnswered(c1, 1);
  });

  test("A4 expires_in 15: refreshed about 10 s before expiry, one request at a time", limit, async () => {
    await using scene = await setScene({
      before: ({ token }) => {
        token.expiresIn = 15;
      },
      // Tokens age on the daemon's clock, so it has to go as fast as C1's.
      factor: 1,
      deadlines: { token: 500 },
      c1: { nextHeartbeatMs: 1000 },
    });
    const { c1, cursor, daemon } = scene;
    await pollsAnswered(c1, 2);
    daemon.clock.advance(2000);
    await pollsAnswered(c1, 5);
    assert.equal(c1.token.requests.length, 1, "a token with more than 10 s to live is used on");
    // From here on polls and heartbeats want a token at the same time, and its endpoint is slow.
    cursor.script({ hang: true });
    const sync = c1.enqueue(syncTask);
    await c1.until(() => c1.task(sync).beats > 0, undefined, "heartbeat");
    c1.token.hangNext(2);
    daemon.clock.advance(3100);
    await c1.until(() => c1.token.requests.length >= 4, undefined, "a request that is answered");
    await pollsAnswered(c1, 3);
    assert.equal(c1.token.maxConcurrent, 1);
    assert.equal(c1.token.requests.length, 4);
  });

  test(
    "A5 token expires mid-sync and mid-upload: the stream runs on, the next heartbeat uses a new token",
    limit,
    async () => {
      await using scene = await setScene({
        factor: 20,
        before: ({ token }) => {
          token.expiresIn = 30;
        },
      });
      const { c1, cursor, daemon } = scene;
      const beatsWithTokens = (): (string | undefined)[] =>
        c1.calls("Heartbeat").map(({ authorization }) => authorization);
      const anotherToken = (): Promise<true> => {
        const seen = new Set(beatsWithTokens());
        return c1.until(
          () => beatsWithTokens().some((token) => !seen.has(token)),
          undefined,
          "heartbeat with a new token",
        );
      };
      cursor.script({ delayMs: 500 });
      c1.script("UploadAsset", [{ chunkDelayMs: 500 }]);
      const sync = c1.enqueue(syncTask);
      await c1.until(() => c1.task(sync).beats > 0 && cursor.requests.length > 0, undefined, "collecting");
      const midSync = anotherToken();
      daemon.clock.advance(30_000);
      await midSync;
      assert.equal(cursor.requests[0]?.status, undefined, "Cursor had not answered yet");

      const uploading = await c1.awaitCall("UploadAsset");
      const midUpload = anotherToken();
      c1.token.revokeAll();
      daemon.clock.advance(30_000);
      await midUpload;
      assert.equal(uploading.endedMs, undefined, "the upload was under way");
      const end = await c1.awaitFinish(sync);
      assert.equal(end.ok, true, end.message);
      assert.equal(c1.calls("UploadAsset").length, 1);
    },
  );

  for (const status of [403, 404]) {
    test(
      `a token refused with ${status} for a moment is not C1 taking a task back: the sync goes on`,
      limit,
      async () => {
        await using scene = await setScene({ factor: 20 });
        const { c1, cursor, daemon } = scene;
        cursor.script({ delayMs: 1500 });
        const sync = c1.enqueue(syncTask);
        await c1.until(() => c1.task(sync).beats > 0 && cursor.requests.length > 0, undefined, "collecting");
        c1.token.failNext(status, 2);
        c1.token.revokeAll();
        const end = await c1.awaitFinish(sync);
        assert.equal(end.ok, true, end.message);
        assert.ok(daemon.logLines.some((line) => line.includes(`HTTP ${status}`)));
      },
    );

    test(`nor is it an acknowledgement of a report that may have been lost (${status})`, limit, async () => {
      await using scene = await setScene({ factor: 20 });
      const { c1 } = scene;
      c1.script("FinishTask", [{ error: grpcCodes.UNAVAILABLE }]);
      const sync = c1.enqueue(syncTask);
      await c1.until(() => c1.calls("FinishTask").length === 1, undefined, "the first report");
      // Polls ask for tokens too; the second report comes two seconds after the first.
      c1.token.failNext(status, 4);
      c1.token.revokeAll();
      assert.equal((await c1.awaitFinish(sync, 15_000)).ok, true);
      assert.equal(c1.calls("FinishTask").length, 2);
    });
  }

  test(
    "A6 UNAUTHENTICATED with a valid token: one retry with a fresh one, then the normal back-off",
    limit,
    async () => {
      await using scene = await setScene({
        factor: 20,
        before: ({ token }) => {
          token.expiresIn = 30;
        },
      });
      const { c1, daemon } = scene;
      await pollsAnswered(c1, 1);
      c1.token.revokeAll();
      await c1.until(() => c1.token.requests.length === 2, undefined, "second token");
      await pollsAnswered(c1, 2);
      const codes = c1.calls("GetTask").map(({ code }) => code);
      const refused = codes.indexOf(grpcCodes.UNAUTHENTICATED);
      assert.equal(codes[refused + 1], grpcCodes.OK);
      assert.equal(
        daemon.logLines.some((line) => line.includes(pollFailed)),
        false,
      );

      const before = c1.token.requests.length;
      c1.script("GetTask", [{ error: grpcCodes.UNAUTHENTICATED, times: 6 }]);
      await logged(daemon, pollFailed, 3);
      await pollsAnswered(c1, 1);
      assert.equal(c1.token.requests.length - before, 3, "one new token per failed poll");
      assert.deepEqual(longWaits(daemon), [1, 4, 9], `${daemon.clock.sleeps}`);
    },
  );

  for (const [tokenType, scheme] of [
    ["bearer", "Bearer"],
    ["", "Bearer"],
    [undefined, "Bearer"],
    ["Custom", "Custom"],
  ] as const) {
    test(`A7 token_type ${tokenType === undefined ? "absent" : `"${tokenType}"`}: ${scheme}`, limit, async () => {
      await using scene = await setScene({
        before: ({ token }) => {
          token.tokenType = tokenType;
        },
      });
      const { authorization } = await scene.c1.awaitHello("");
      assert.match(authorization ?? "", new RegExp(`^${scheme} [A-Za-z0-9_-]{32}$`));
    });
  }

  test("A8 empty token and garbage: tried again with Hello's back-off", limit, async () => {
    const answers = ['{"access_token":"","token_type":"Bearer","expires_in":600}', "<html>login</html>", "[]"];
    await using scene = await setScene({
      before: ({ token }) => {
        for (const answer of answers) token.answerNext(answer);
      },
    });
    const { c1, daemon } = scene;
    await pollsAnswered(c1, 1);
    assert.equal(c1.token.requests.length, answers.length + 1);
    assert.deepEqual(daemon.clock.sleeps.slice(0, 3), [1000, 2000, 4000]);
    assert.equal(c1.calls("Hello").length, 1);
  });

  test("A8 expires_in absent: the token is used for a while all the same", limit, async () => {
    await using scene = await setScene({
      before: ({ token }) => {
        token.expiresIn = undefined;
      },
      factor: 1,
    });
    const { c1, daemon } = scene;
    await pollsAnswered(c1, 10);
    assert.equal(c1.token.requests.length, 1);
    daemon.clock.advance(30_000);
    await pollsAnswered(c1, 2);
    assert.equal(c1.token.requests.length, 2);
  });

  for (const [what, clientId, clientSecret] of malformedCredentials()) {
    test(`A9 ${what}: exit code 2 at once, the value is not shown`, limit, async () => {
      await using stage = await startStandIns();
      const env = {
        BATON_CLIENT_ID: clientId ?? stage.c1.clientId,
        BATON_CLIENT_SECRET: clientSecret ?? stage.c1.clientSecret,
      };
      await using daemon = await spawnConnector([], processEnv(stage, env));
      const end = await daemon.ended;
      const printedAll = end.stdout + end.stderr;
      assert.equal(end.code, 2, printedAll);
      assert.match(end.stderr, clientId === undefined ? /client.secret/i : /client.id/i);
      for (const value of [clientId, clientSecret, clientSecret?.split(":").at(-1)]) {
        if (value !== undefined) assert.ok(!printedAll.includes(value), "the value is shown");
      }
      assert.equal(stage.c1.token.requests.length, 0);
    });
  }

  test(
    "A10 untrusted certificate, TLS 1.1 only, plain text at start: no assertion is sent, and it recovers",
    limit,
    async () => {
      await using scene = await setScene({ before: ({ network }) => network.present("untrusted") });
      const { c1, daemon } = scene;
      await logged(daemon, helloFailed, 1);
      c1.network.present("right", "TLSv1.1");
      await logged(daemon, helloFailed, 3);
      c1.network.speakPlaintext();
      await logged(daemon, helloFailed, 5);
      assert.equal(c1.token.requests.length, 0);
      const received = c1.network.plaintextReceived.toString("latin1");
      assert.notEqual(received, "");
      assert.ok(!/client_assertion|authorization|bearer/i.test(received));
      c1.network.present("right");
      await c1.awaitHello("");
    },
  );

  test("A10 a running daemon never sends its token to a port that cannot prove who it is", limit, async () => {
    await using scene = await setScene();
    const { c1, daemon } = scene;
    await pollsAnswered(c1, 1);
    const token = c1.calls("GetTask")[0]?.authorization?.split(" ")[1] ?? "";
    assert.notEqual(token, "");
    let failures = 0;
    for (const worsen of [
      () => c1.network.present("untrusted"),
      () => c1.network.present("wrong-host"),
      () => c1.network.present("right", "TLSv1.1"),
      () => c1.network.speakPlaintext(),
    ]) {
      worsen();
      const connections = c1.network.totalConnections;
      c1.network.dropAll();
      await until(() => c1.network.totalConnections > connections, "another try to connect");
      failures += 1;
      await logged(daemon, pollFailed, failures);
    }
    const polls = c1.calls("GetTask").length;
    await logged(daemon, pollFailed, failures + 2);
    assert.equal(c1.calls("GetTask").length, polls);
    assert.ok(!c1.network.plaintextReceived.includes(token));
    c1.network.present("right");
    await pollsAnswered(c1, 1);
  });

  test(
    "A11 bytes that C1 finds damaged: its TLS alert ends the connection, and polls go on over a new one",
    limit,
    async () => {
      await using scene = await setScene({ factor: 20 });
      const { c1, daemon } = scene;
      await pollsAnswered(c1, 1);
      // grpc-js keeps a connection that ended by an alert, and fails every call on it with INTERNAL.
      c1.network.corrupt("server");
      await logged(daemon, pollFailed, 1);
      const sync = c1.enqueue(syncTask);
      const end = await c1.awaitFinish(sync, 20_000);
      assert.equal(end.ok, true, end.message);
    },
  );

  test("A11 dropped connections, GOAWAY and a restart: the sync survives all of them", limit, async () => {
    await using scene = await setScene({ factor: 20 });
    const { c1, cursor, daemon } = scene;
    await pollsAnswered(c1, 1);
    c1.script("GetTask", [{ dropConnection: true }]);
    await logged(daemon, pollFailed, 1);
    await pollsAnswered(c1, 1);
    cursor.script({ delayMs: 1500 });
    c1.script("UploadAsset", [{ dropAtChunk: 1 }]);
    c1.script("FinishTask", [{ dropConnection: true }, { dropResponse: true }]);
    const sync = c1.enqueue(syncTask);
    await c1.until(() => c1.task(sync).beats > 0, undefined, "first heartbeat");
    c1.script("Heartbeat", [{ dropConnection: true }]);
    await logged(daemon, "a heartbeat failed", 1);
    c1.network.goAway();
    await c1.until(() => c1.task(sync).beats > 1, undefined, "another heartbeat");
    await c1.network.restart();
    const end = await c1.awaitFinish(sync);
    assert.equal(end.ok, true, end.message);
    assert.equal(end.attempts, 2);
    await c1.until(() => c1.calls("FinishTask").length === 3, undefined, "third FinishTask");
    await logged(daemon, "task succeeded");
    assert.equal(c1.task(sync).finishes.length, 1);
    assert.ok(c1.uploads.length >= 2, "the upload began anew");
    assert.equal(c1.uploads.at(-1)?.ok, true);
  });

  test(
    "A12 a black-holed connection: deadlines notice, it recovers, and it can be stopped meanwhile",
    limit,
    async () => {
      await using scene = await setScene({ deadlines: { poll: 300, token: 300 } });
      const { c1, daemon } = scene;
      await pollsAnswered(c1, 1);
      c1.network.blackHole();
      await logged(daemon, pollFailed, 4);
      assert.ok(daemon.logLines.some((line) => line.includes(pollFailed) && line.includes("deadline_exceeded")));
      c1.network.restore();
      await pollsAnswered(c1, 2);
      c1.network.blackHole();
      daemon.stop();
      await daemon.ended;
    },
  );

  for (const name of ["HTTPS_PROXY", "https_proxy"]) {
    test(`A13 ${name}: tokens, calls and Cursor go through the proxy`, limit, async () => {
      const ca = await createTestCa();
      await using stage = await startStandIns({
        c1: { ca },
        cursor: { certificate: ca.issue(["cursor.invalid"]) },
      });
      const { c1, cursor } = stage;
      // The name that the other certificate is for resolves nowhere but at the proxy.
      c1.network.present("wrong-host");
      await using proxy = await serveProxy();
      const c1Port = c1.apiHost.split(":")[1];
      const cursorPort = new URL(cursor.url).port;
      const env = {
        HTTPS_PROXY: "",
        [name]: proxy.url,
        BATON_C1_API_HOST: `somewhere-else.invalid:${c1Port}`,
        BATON_CURSOR_BASE_URL: `https://cursor.invalid:${cursorPort}`,
      };
      await using daemon = await spawnConnector([], processEnv(stage, env));
      const end = await c1.awaitFinish(c1.enqueue(syncTask));
      assert.equal(end.ok, true, end.message + daemon.stderr());
      const targets = proxy.tunnels.map(({ target }) => target);
      const toC1 = targets.filter((target) => target === `somewhere-else.invalid:${c1Port}`);
      assert.ok(toC1.length >= 2, `tokens and calls to C1: ${targets}`);
      assert.ok(targets.includes(`cursor.invalid:${cursorPort}`), `${targets}`);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
    });
  }

  test("A13 the directory is reached through the proxy too", limit, async () => {
    const ca = await createTestCa();
    await using stage = await startAccountStage({
      c1: { ca },
      cursor: { members: team },
      scim: { certificate: ca.issue(["scim.invalid"]) },
    });
    const { c1, scim } = stage;
    await using proxy = await serveProxy();
    const { pathname, port } = new URL(scim.endpoint);
    const env = { ...accountEnv(stage, `https://scim.invalid:${port}${pathname}`), HTTPS_PROXY: proxy.url };
    await using daemon = await spawnConnector([], processEnv(stage, env));
    const end = await c1.awaitFinish(c1.enqueue(createTask("new@example.com")));
    assert.equal(end.ok, true, end.message + daemon.stderr());
    assert.deepEqual([...new Set(proxy.tunnels.map(({ target }) => target))], [`scim.invalid:${port}`]);
    assert.ok(scim.records.some(({ userName }) => userName === "new@example.com"));
  });

  test("A13 NO_PROXY and this machine itself: reached directly", limit, async () => {
    await using stage = await startStandIns();
    await using proxy = await serveProxy();
    await using daemon = await spawnConnector([], processEnv(stage, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url }));
    assert.equal((await stage.c1.awaitFinish(stage.c1.enqueue(syncTask))).ok, true);
    daemon.kill("SIGTERM");
    await daemon.ended;
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const env = { NO_PROXY: "", HTTPS_PROXY: proxy.url, [name]: ".invalid", BATON_C1_API_HOST: "c1.invalid:443" };
      await using lost = await spawnConnector([], processEnv(stage, env));
      await printed(lost, helloFailed);
    }
    assert.deepEqual(proxy.tunnels, []);
  });
});

type Malformed = readonly [what: string, clientId: string | undefined, clientSecret: string | undefined];

/** Client ids and secrets that cannot be right; `undefined` stands for the right one. */
function malformedCredentials(): readonly Malformed[] {
  const key = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const encode = (jwk: object): string => Buffer.from(JSON.stringify(jwk)).toString("base64url");
  const secret = (part: string, version = "v1"): string => `secret-token:conductorone.com:${version}:${part}`;
  const publicKey = { kty: key.kty, crv: key.crv, x: key.x };
  return [
    ["a client id without @", "no-at-sign.example.com/ccc", undefined],
    ["a client id without /", "name@acme.example.com", undefined],
    ["a v2 secret", undefined, secret(encode(key), "v2")],
    ["a padded secret", undefined, secret(`${encode(key)}==`)],
    ["a public key as secret", undefined, secret(encode(publicKey))],
    ["an RSA key as secret", undefined, secret(encode(rsa))],
  ];
}
