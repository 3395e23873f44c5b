import assert from "node:assert/strict";
import type { ServerHttp2Stream } from "node:http2";
import { suite, test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { serve, type TestServer } from "../helpers/http-server.ts";
import { createTestCa } from "../helpers/tls.ts";
import { until } from "../helpers/until.ts";
import { createTask } from "../integration/account-stage.ts";
import { printed, processEnv, startStandIns, syncTask } from "../integration/scene.ts";
import { plainToken, sendMessages, startHostileC1 } from "./hostile-c1.ts";

const limit = { timeout: 60_000 };
const mib = 1024 * 1024;

// Members of a gzip file may follow each other: little work to pack, much to unpack.
const gzipPart = gzipSync(Buffer.alloc(16 * mib, " "));
const bombs: Readonly<Record<string, Buffer>> = {
  gzip: Buffer.concat(Array<Buffer>(64).fill(gzipPart)),
  br: brotliCompressSync(Buffer.alloc(512 * mib, " "), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
};

/** An answer may be as long as this; what it costs beyond that must stay small. */
const bodyLimitMib = 32;
const allowedMib = bodyLimitMib + 100;

/** A server all of whose answers are bombs. */
function serveBomb(encoding: string): Promise<TestServer> {
  return serve((_request, response) => {
    response.on("error", () => undefined);
    response.writeHead(200, { "content-type": "application/json", "content-encoding": encoding });
    response.end(bombs[encoding]);
  });
}

/** Fails when the process ever needed more than a bomb may cost. `idleBytes` is what it needed before. */
async function staysSmall(daemon: DaemonProcess, idleBytes: number): Promise<void> {
  const grownMib = ((await daemon.peakRssBytes()) - idleBytes) / mib;
  assert.ok(grownMib < allowedMib, `the process grew by ${Math.round(grownMib)} MiB`);
}

const small = { BATON_CURSOR_MAX_BODY_MIB: String(bodyLimitMib) };

suite("small answers that unpack to half a gigabyte and more", () => {
  for (const encoding of Object.keys(bombs)) {
    test(`from Cursor, ${encoding}: the sync fails with 8, and memory stays bounded`, limit, async () => {
      await using stage = await startStandIns();
      await using bomb = await serveBomb(encoding);
      const env = processEnv(stage, { ...small, BATON_CURSOR_BASE_URL: bomb.url });
      await using daemon = await spawnConnector([], env);
      const { c1 } = stage;
      await c1.awaitHello("");
      const idleBytes = await daemon.rssBytes();
      const { code, message } = await c1.awaitFinish(c1.enqueue(syncTask));
      assert.equal(code, 8, message);
      assert.match(message, /longer than the limit of 32 MiB/);
      assert.equal(c1.uploads.length, 0);
      await staysSmall(daemon, idleBytes);
    });

    test(`from the directory, ${encoding}: the task fails, and memory stays bounded`, limit, async () => {
      await using stage = await startStandIns();
      await using bomb = await serveBomb(encoding);
      const env = processEnv(stage, {
        ...small,
        BATON_PROVISIONING: "true",
        BATON_CURSOR_SCIM_ENDPOINT: `${bomb.url}/scim/v2`,
        BATON_CURSOR_SCIM_TOKEN: "a-token-of-the-test",
      });
      await using daemon = await spawnConnector([], env);
      const { c1 } = stage;
      await c1.awaitHello("");
      const idleBytes = await daemon.rssBytes();
      const { code, message } = await c1.awaitFinish(c1.enqueue(createTask("new@example.com")));
      assert.equal(code, 8, message);
      await staysSmall(daemon, idleBytes);
    });
  }

  test("from the token endpoint: no token, and memory stays bounded", limit, async () => {
    const ca = await createTestCa();
    await using stage = await startStandIns({ c1: { ca } });
    await using hostile = await startHostileC1(ca.issue(["localhost"]), {
      token(_request, response) {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(bombs["gzip"]);
      },
      poll: (stream) => sendMessages(stream, "identity", [Buffer.alloc(0)]),
    });
    await using daemon = await spawnConnector([], processEnv(stage, { BATON_C1_API_HOST: hostile.apiHost }));
    await printed(daemon, "baton-cursor started");
    const idleBytes = await daemon.rssBytes();
    await printed(daemon, "C1 cannot be reached yet");
    assert.deepEqual(hostile.calls, []);
    await staysSmall(daemon, idleBytes);
  });
});

const polls: readonly (readonly [string, (stream: ServerHttp2Stream) => void])[] = [
  [
    "a message that unpacks to a gigabyte",
    (stream) => sendMessages(stream, "gzip", [bombs["gzip"] ?? Buffer.alloc(0)]),
  ],
  [
    "the head of a message of 4 GiB, and nothing more",
    (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
      stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    },
  ],
  [
    "a thousand messages where one belongs",
    (stream) => sendMessages(stream, "identity", Array<Buffer>(1000).fill(Buffer.alloc(1000))),
  ],
  ["an encoding that nobody knows", (stream) => sendMessages(stream, "middle-out", [Buffer.alloc(10)])],
];

suite("hostile answers to a poll", () => {
  for (const [what, poll] of polls) {
    test(`${what}: a failed poll, and memory stays bounded`, limit, async () => {
      const ca = await createTestCa();
      await using stage = await startStandIns({ c1: { ca } });
      await using hostile = await startHostileC1(ca.issue(["localhost"]), { token: plainToken, poll });
      await using daemon = await spawnConnector([], processEnv(stage, { BATON_C1_API_HOST: hostile.apiHost }));
      await until(() => hostile.calls.some((path) => path.endsWith("/GetTask")), "a poll");
      const idleBytes = await daemon.rssBytes();
      await printed(daemon, "C1 could not be asked for work");
      await staysSmall(daemon, idleBytes);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
    });
  }
});
