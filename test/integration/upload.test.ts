import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { C1Client } from "../../src/baton/c1-client.ts";
import { Secret } from "../../src/baton/secret.ts";
import { createC1Client } from "../../src/c1/client.ts";
import { c1Credentials, parseClientId } from "../../src/config/c1-credentials.ts";
import { createFormPoster } from "../../src/http/post-form.ts";
import { createTransport } from "../../src/http/transport.ts";
import { createTrust } from "../../src/http/trust.ts";
import { type C1Server, grpcCodes, startC1Server } from "../fakes/c1-server.ts";
import { createRecordingLogger } from "../fakes/recording-logger.ts";
import { createTestClock } from "../helpers/clock.ts";
import { setScene, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };
const never = new AbortController().signal;
const chunk = 524_288;

interface Client extends AsyncDisposable {
  readonly c1: C1Server;
  readonly client: C1Client;
  /** Writes `bytes` random bytes and uploads them for a fresh task. */
  upload(bytes: number): Promise<string>;
}

/** The product's client alone, for files of any size. */
async function connect(uploadProgress = 60_000): Promise<Client> {
  const c1 = await startC1Server({ uploads: "any", requireHello: false });
  const directory = await mkdtemp(join(tmpdir(), "upload-test-"));
  const trust = createTrust([c1.caPem]);
  const transport = createTransport({ userAgent: "t", proxy: {}, trust, connectTimeoutMs: 5000 });
  const client = createC1Client({
    credentials: c1Credentials(parseClientId(c1.clientId), new Secret(c1.clientSecret)),
    apiHost: c1.apiHost,
    hostId: "upload-test",
    build: { package: "t", version: "1" },
    postForm: createFormPoster(transport, { totalTimeoutMs: 5000, maxBodyBytes: 100_000 }),
    trust,
    proxy: undefined,
    clock: createTestClock({ factor: 1000 }),
    random: () => 0.5,
    log: createRecordingLogger(),
    deadlines: { uploadProgress },
  });
  return {
    c1,
    client,
    async upload(bytes) {
      const content = randomBytes(bytes);
      const path = join(directory, "file");
      await writeFile(path, content);
      const taskId = c1.lease(syncTask);
      const sha256 = createHash("sha256").update(content).digest();
      await client.uploadAsset(taskId, { path, bytes, sha256 }, never);
      assert.equal(c1.uploads.at(-1)?.sha256hex, sha256.toString("hex"));
      return taskId;
    },
    async [Symbol.asyncDispose]() {
      client.close();
      transport.close();
      await rm(directory, { recursive: true, force: true });
      await c1[Symbol.asyncDispose]();
    },
  };
}

suite("upload, the client alone", { concurrency: 3 }, () => {
  for (const [bytes, sizes] of [
    [0, []],
    [1, [1]],
    [chunk, [chunk]],
    [chunk + 1, [chunk, 1]],
    [5 * 1024 * 1024, Array(10).fill(chunk)],
  ] as const) {
    test(`U1 ${bytes} bytes: exact chunks, exact checksum, eof last`, limit, async () => {
      await using h = await connect();
      await h.upload(bytes);
      const [record] = h.c1.uploads;
      assert.deepEqual([record?.ok, record?.bytes, record?.chunkSizes], [true, bytes, sizes]);
    });
  }

  test("U2 UNAVAILABLE after chunk 3: started again from the metadata with the same bytes", limit, async () => {
    await using h = await connect();
    h.c1.script("UploadAsset", [{ failAtChunk: 3, error: grpcCodes.UNAVAILABLE }]);
    await h.upload(6 * chunk);
    assert.deepEqual(
      h.c1.uploads.map(({ ok }) => ok),
      [false, true],
    );
  });

  test("U4 RESOURCE_EXHAUSTED is waited out", limit, async () => {
    await using h = await connect();
    h.c1.script("UploadAsset", [{ error: grpcCodes.RESOURCE_EXHAUSTED, times: 2 }]);
    await h.upload(10);
    assert.equal(h.c1.uploads.length, 3);
  });

  test("U5 a server that stops reading: the watchdog ends the attempt, memory stays small", limit, async () => {
    // Long enough for a busy machine, on which the second attempt stands still now and then.
    await using h = await connect(2_000);
    h.c1.script("UploadAsset", [{ stallAtChunk: 1 }]);
    const before = process.memoryUsage.rss();
    await h.upload(48 * 1024 * 1024);
    assert.ok(process.memoryUsage.rss() - before < 300 * 1024 * 1024);
    assert.equal(h.c1.uploads.at(-1)?.ok, true);
  });

  test("U6 OK before eof is a failure and is repeated", limit, async () => {
    await using h = await connect();
    h.c1.script("UploadAsset", [{ okAtChunk: 2 }]);
    await h.upload(6 * chunk);
    assert.equal(h.c1.uploads.at(-1)?.ok, true);
    assert.equal(h.c1.calls("UploadAsset").length, 2);
  });
});

suite("upload, the whole daemon", { concurrency: 3 }, () => {
  test("a sync of many chunks arrives whole and its content is right", limit, async () => {
    await using scene = await setScene({ cursor: { team: { active: 20_000, removed: 40 } } });
    const { c1 } = scene;
    const finish = await c1.awaitFinish(c1.enqueue(syncTask), 25_000);
    assert.equal(finish.ok, true, finish.message);
    const upload = c1.uploads.at(-1);
    assert.ok((upload?.chunkSizes.length ?? 0) > 5);
    assert.deepEqual(
      [upload?.contents?.users, upload?.contents?.usersDisabled, upload?.contents?.grants, upload?.contents?.problems],
      [20_040, 40, 20_000, []],
    );
  });

  test("U2 UNAVAILABLE for ever: five attempts, then the real code, retryable", limit, async () => {
    await using scene = await setScene({
      factor: 1000,
      before: (c1) => c1.script("UploadAsset", [{ error: grpcCodes.UNAVAILABLE, times: Number.POSITIVE_INFINITY }]),
    });
    const { c1, daemon } = scene;
    const finish = await c1.awaitFinish(c1.enqueue(syncTask));
    assert.deepEqual([finish.code, finish.nonRetryable], [14, false]);
    assert.equal(c1.calls("UploadAsset").length, 5);
    assert.deepEqual(daemon.leftovers(), []);
  });

  for (const [name, code] of [
    ["DATA_LOSS", grpcCodes.DATA_LOSS],
    ["INVALID_ARGUMENT", grpcCodes.INVALID_ARGUMENT],
  ] as const) {
    test(`U3 ${name} after eof: sent once more, and accepted`, limit, async () => {
      await using scene = await setScene({ before: (c1) => c1.script("UploadAsset", [{ error: code }]) });
      const { c1 } = scene;
      assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
      assert.equal(c1.calls("UploadAsset").length, 2);
    });
  }

  test("U3 INVALID_ARGUMENT that persists is reported with its code", limit, async () => {
    await using scene = await setScene({
      before: (c1) =>
        c1.script("UploadAsset", [{ error: grpcCodes.INVALID_ARGUMENT, times: Number.POSITIVE_INFINITY }]),
    });
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.deepEqual([finish.code, finish.nonRetryable], [3, false]);
    assert.equal(scene.c1.calls("UploadAsset").length, 2);
  });

  test("PERMISSION_DENIED is not repeated", limit, async () => {
    await using scene = await setScene({
      before: (c1) =>
        c1.script("UploadAsset", [{ error: grpcCodes.PERMISSION_DENIED, times: Number.POSITIVE_INFINITY }]),
    });
    assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(syncTask))).code, 7);
    assert.equal(scene.c1.calls("UploadAsset").length, 1);
  });

  test(
    "U7 debug: the log is a second upload without secrets; without debug a stray debug.log stays where it is",
    limit,
    async () => {
      await using scene = await setScene();
      const { c1, cursor, daemon } = scene;
      const stray = join(daemon.tempDir, "debug.log");
      await writeFile(stray, "somebody else's\n");
      await c1.awaitFinish(c1.enqueue(syncTask));
      assert.deepEqual(
        c1.uploads.map(({ kind }) => kind),
        ["c1z"],
      );
      cursor.script({ status: 503 });
      const taskId = c1.enqueue({ ...syncTask, debug: true });
      assert.equal((await c1.awaitFinish(taskId)).ok, true);
      assert.deepEqual(
        c1.uploads.map(({ kind }) => kind),
        ["c1z", "c1z", "debug_log"],
      );
      const path = c1.uploads.at(-1)?.path ?? "";
      const { readFile } = await import("node:fs/promises");
      const text = await readFile(path, "utf8");
      const lines = text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual([...new Set(lines.map(({ task_id }) => task_id))], [taskId]);
      const messages = lines.map(({ msg }) => msg);
      const expected = [
        "a call to Cursor ended",
        "a call to Cursor failed and is repeated",
        "a call to Cursor ended",
        "a phase of the sync ended",
        "a call to C1 ended",
        "sync uploaded",
      ];
      assert.deepEqual(
        expected.filter((message) => !messages.includes(message)),
        [],
      );
      assert.ok(lines.some(({ level }) => level === "debug"));
      assert.doesNotMatch(text, /@example\.com/);
      assert.ok(!text.includes(cursor.apiKey) && !text.includes(c1.clientSecret));
      assert.deepEqual(daemon.leftovers(), ["debug.log"]);
      await rm(stray);
    },
  );
});
