import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { until } from "../../helpers/until.ts";
import { type C1Options, type C1Server, grpcCodes, startC1Server, type UploadAnswer } from "../c1-server.ts";
import { createRawClient, type RawClient } from "./raw-client.ts";
import { type SampleChanges, sampleC1z } from "./sample-c1z.ts";
import { data, eof, finish, finishError, heartbeat, hello, metadata, uploadMessage, uploadStream } from "./samples.ts";

const zeros = new Uint8Array(32);
const file = sampleC1z();
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** A server, a client that has said Hello, and a sync task that it works on. */
async function working(options: C1Options = {}, debug = false) {
  const c1 = await startC1Server(options);
  const client: RawClient = createRawClient(c1);
  await client.login();
  await client.call("Hello", hello());
  const id = c1.lease({ debug, taskType: { case: "syncFull", value: {} } });
  return {
    c1,
    client,
    id,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await c1[Symbol.asyncDispose]();
    },
  };
}

const wrongStreams: readonly [name: string, stream: (id: string) => Uint8Array[], expected: RegExp][] = [
  ["nothing at all", () => [], /ends without eof/],
  ["data before metadata", (id) => [data(file), metadata(id), eof(sha256(file))], /begins with data/],
  ["metadata twice", (id) => [metadata(id), metadata(id), eof(sha256(file))], /sent twice/],
  ["data after eof", (id) => [...uploadStream(id, file), data(file)], /data follows eof/],
  ["eof twice", (id) => [...uploadStream(id, file), eof(sha256(file))], /eof follows eof/],
  ["no eof", (id) => uploadStream(id, file).slice(0, -1), /ends without eof/],
  ["a wrong checksum", (id) => [metadata(id), data(file), eof(zeros)], /sha256_checksum is not that/],
  ["a checksum of 31 bytes", (id) => [metadata(id), data(file), eof(zeros.subarray(1))], /sha256_checksum has 31/],
  ["an empty chunk", (id) => [metadata(id), data(new Uint8Array()), eof(zeros)], /data has 0/],
  [
    "a chunk of 1 MiB and a byte",
    (id) => [metadata(id), data(Buffer.alloc(1024 * 1024 + 1)), eof(zeros)],
    /data has 1048577/,
  ],
  ["a message without an arm", (id) => [metadata(id), uploadMessage(undefined)], /msg is not set/],
  ["a task that was never handed out", () => [metadata("0".repeat(27))], /never handed out/],
  ["a file that is no c1z", (id) => uploadStream(id, Buffer.from("hello")), /is no c1z/],
  ["an empty file", (id) => uploadStream(id, Buffer.alloc(0)), /is no c1z/],
  ["only the magic", (id) => uploadStream(id, Buffer.from("C1ZF\0")), /c1z Error: unexpected end/],
  ["a cut-off c1z", (id) => uploadStream(id, file.subarray(0, -9)), /c1z Error: unexpected end/],
];

const wrongFiles: readonly [name: string, changes: SampleChanges, expected: RegExp][] = [
  ["a sync that has not ended", { sql: "UPDATE v1_sync_runs SET ended_at = NULL" }, /has not ended/],
  [
    "two syncs",
    { sql: "INSERT INTO v1_sync_runs SELECT 9, 'x', started_at, ended_at, '', 'full', '', 1, NULL FROM v1_sync_runs" },
    /2 sync runs/,
  ],
  ["no sync", { sql: "DELETE FROM v1_sync_runs" }, /0 sync runs/],
  ["an odd sync type", { sql: "UPDATE v1_sync_runs SET sync_type = ''" }, /sync_type/],
  ["a time with a zone", { sql: "UPDATE v1_sync_runs SET started_at = '2026-01-02T03:04:05Z'" }, /started_at/],
  ["a time that is a number", { sql: "UPDATE v1_grants SET discovered_at = 17" }, /discovered_at/],
  ["rows of another sync", { sql: "UPDATE v1_grants SET sync_id = 'x'" }, /rows of another sync/],
  [
    "wrong stats",
    { sql: `UPDATE v1_sync_runs SET stats = '{"resource_types":2,"resources":3,"entitlements":1}'` },
    /stats says 0 grants/,
  ],
  [
    "a grant to nobody",
    { sql: "DELETE FROM v1_resources WHERE external_id = 'user:ann'" },
    /1 grants name an entitlement or principal/,
  ],
  [
    "a column that differs from the record",
    { sql: "UPDATE v1_resources SET external_id = 'user:cid' WHERE external_id = 'user:bob'" },
    /external_id is user:cid/,
  ],
  ["a record that does not decode", { sql: "UPDATE v1_entitlements SET data = x'0aff'" }, /does not decode/],
  [
    "a record with an unknown field",
    { sql: "UPDATE v1_resource_types SET data = CAST(data || x'f87c01' AS BLOB) WHERE external_id = 'role'" },
    /unknown field 1999/,
  ],
  [
    "a user without its trait",
    { sql: "UPDATE v1_resources SET data = x'0a0b0a04757365721203616e6e' WHERE external_id = 'user:ann'" },
    /has no .*UserTrait/,
  ],
  ["a missing table", { sql: "DROP TABLE v1_grants" }, /no such table/],
  ["a frame without checksum", { noChecksum: true }, /no checksum/],
  ["bytes behind the frame", { trailing: "x" }, /1 bytes follow the frame/],
];

suite("the fake C1 refuses an upload of", () => {
  for (const [name, stream, expected] of wrongStreams) {
    test(name, async () => {
      await using all = await working();
      await assert.rejects(all.client.upload(stream(all.id)));
      assertViolation(all.c1, expected);
      assert.equal(
        all.c1.uploads.some(({ ok }) => ok),
        false,
      );
    });
  }
  for (const [name, changes, expected] of wrongFiles) {
    test(`a c1z with ${name}`, async () => {
      await using all = await working();
      await assert.rejects(all.client.upload(uploadStream(all.id, sampleC1z(changes))), {
        code: grpcCodes.INVALID_ARGUMENT,
      });
      assertViolation(all.c1, expected);
    });
  }
});

function assertViolation(c1: C1Server, expected: RegExp): void {
  assert.match(
    c1
      .takeViolations()
      .map(({ field, message }) => `${field} ${message}`)
      .join("; "),
    expected,
  );
}

suite("the fake C1 takes an upload", () => {
  test("and keeps the bytes, whose checksum it tells", async () => {
    const uploadDirectory = await mkdtemp(join(tmpdir(), "fake-c1-test-"));
    let path = "";
    {
      await using all = await working({ uploadDirectory });
      await all.client.upload(uploadStream(all.id, file, 1000));
      const upload = await all.c1.awaitUpload(all.id);
      path = upload.path ?? "";
      assert.equal(upload.sha256hex, sha256(file).toString("hex"));
      assert.equal(upload.bytes, file.length);
      assert.deepEqual(upload.chunkSizes, [...Array(Math.floor(file.length / 1000)).fill(1000), file.length % 1000]);
      assert.deepEqual(upload.contents?.problems, []);
      assert.equal(upload.contents?.syncType, "full");
    }
    assert.ok(readFileSync(path).equals(file));
    await rm(uploadDirectory, { recursive: true });
  });

  test("of any file when told to, and removes it with the server", async () => {
    let path = "";
    {
      await using all = await working({ uploads: "any" });
      for (const size of [0, 1, 524_288, 524_289]) {
        await all.client.upload(uploadStream(all.id, Buffer.alloc(size, "x")));
      }
      assert.deepEqual(
        all.c1.uploads.map(({ kind, chunkSizes }) => [kind, chunkSizes]),
        [
          ["other", []],
          ["other", [1]],
          ["other", [524_288]],
          ["other", [524_288, 1]],
        ],
      );
      path = all.c1.uploads[0]?.path ?? "";
      assert.ok(existsSync(path));
      await all.client.call("FinishTask", finish(all.id, { finalState: { case: "success", value: {} } }));
    }
    assert.equal(existsSync(path), false);
  });

  test("and only counts when told to", async () => {
    await using all = await working({ c1zDepth: "counts" });
    await all.client.upload(uploadStream(all.id, sampleC1z({ sql: "UPDATE v1_entitlements SET data = x'0aff'" })));
    assert.deepEqual([all.c1.uploads[0]?.contents?.users, all.c1.uploads[0]?.contents?.usersDisabled], [2, undefined]);
  });

  test("of a debug log after the file, when it asked for one", async () => {
    await using all = await working({}, true);
    await all.client.upload(uploadStream(all.id, file));
    await all.client.upload(uploadStream(all.id, Buffer.from('{"level":"debug"}\n')));
    assert.deepEqual(
      all.c1.uploads.map(({ kind }) => kind),
      ["c1z", "debug_log"],
    );
    await using other = await working();
    await other.client.upload(uploadStream(other.id, file));
    await assert.rejects(other.client.upload(uploadStream(other.id, Buffer.from("log"))));
    assertViolation(other.c1, /was not asked for/);
  });
});

suite("the fake C1 spoils an upload", () => {
  const cases: readonly [name: string, answer: UploadAnswer, code: number | undefined][] = [
    ["after the metadata", { failAtChunk: 0, error: grpcCodes.RESOURCE_EXHAUSTED }, grpcCodes.RESOURCE_EXHAUSTED],
    ["at a chunk", { failAtChunk: 2 }, grpcCodes.UNAVAILABLE],
    ["after eof", { error: grpcCodes.DATA_LOSS }, grpcCodes.DATA_LOSS],
    ["by a broken connection", { dropAtChunk: 2 }, undefined],
  ];
  for (const [name, answer, code] of cases) {
    test(name, async () => {
      await using all = await working();
      all.c1.script("UploadAsset", [answer]);
      const stream = uploadStream(all.id, file, 100);
      await assert.rejects(all.client.upload(stream), { code: code ?? grpcCodes.UNAVAILABLE });
      const first = await all.c1.until(() => all.c1.uploads[0]);
      assert.deepEqual([first.ok, first.code, first.kind, first.path], [false, code, undefined, undefined]);
      assert.equal(first.chunkSizes.length, answer.failAtChunk ?? answer.dropAtChunk ?? stream.length - 2);
      await all.client.upload(stream);
      assert.equal(all.c1.uploads[1]?.ok, true);
    });
  }

  test("by a good answer before the end, which it does not count", async () => {
    await using all = await working();
    all.c1.script("UploadAsset", [{ okAtChunk: 1 }]);
    await all.client.upload(uploadStream(all.id, file, 100));
    const upload = await all.c1.until(() => all.c1.uploads[0]);
    assert.deepEqual([upload.ok, upload.code], [false, grpcCodes.OK]);
  });

  test("by a lost answer, although it took the file", async () => {
    await using all = await working();
    all.c1.script("UploadAsset", [{ dropResponse: true }]);
    await assert.rejects(all.client.upload(uploadStream(all.id, file)), { code: grpcCodes.UNAVAILABLE });
    assert.equal((await all.c1.awaitUpload(all.id)).ok, true);
  });

  test("by not reading, which holds the client back", async () => {
    await using all = await working({ uploads: "any" });
    all.c1.script("UploadAsset", [{ stallAtChunk: 1 }]);
    const stream = uploadStream(all.id, Buffer.alloc(8 * 1024 * 1024, "x"));
    const deadline = Date.now() + 500;
    await assert.rejects(all.client.upload(stream, deadline), { code: grpcCodes.DEADLINE_EXCEEDED });
    const upload = await all.c1.until(() => all.c1.uploads[0]);
    assert.deepEqual([upload.bytes, upload.code], [524_288, undefined]);
  });

  test("by being slow", async () => {
    await using all = await working();
    all.c1.script("UploadAsset", [{ chunkDelayMs: 30 }]);
    await all.client.upload(uploadStream(all.id, file, Math.ceil(file.length / 4)));
    const { atMs = 0, endedMs = 0 } = all.c1.uploads[0] ?? {};
    assert.ok(endedMs - atMs >= 110, `took ${endedMs - atMs} ms`);
  });

  test("by never answering", async () => {
    await using all = await working();
    all.c1.script("UploadAsset", [{ hang: true }]);
    const deadline = Date.now() + 300;
    await assert.rejects(all.client.upload(uploadStream(all.id, file), deadline), {
      code: grpcCodes.DEADLINE_EXCEEDED,
    });
    assert.equal((await all.c1.until(() => all.c1.uploads[0])).bytes, file.length);
  });
});

suite("what of a scripted answer has happened", () => {
  const also = (): void => undefined;
  const cases: readonly (readonly [string, UploadAnswer, readonly string[]])[] = [
    ["an error at a chunk", { failAtChunk: 2, error: grpcCodes.INTERNAL }, ["failAtChunk", "error"]],
    ["a broken connection", { dropAtChunk: 2 }, ["dropAtChunk"]],
    ["a good answer too early", { okAtChunk: 2 }, ["okAtChunk"]],
    ["a disturbance at a chunk", { alsoAtChunk: 2, also }, ["also", "alsoAtChunk"]],
    ["a disturbance at once", { also }, ["also"]],
    ["an error at a chunk that never comes", { failAtChunk: 99, okAtChunk: 98, dropAtChunk: 97, stallAtChunk: 96 }, []],
    ["a disturbance at a chunk that never comes", { alsoAtChunk: 99, also }, []],
    ["slowness", { chunkDelayMs: 1 }, ["chunkDelayMs"]],
    ["a long answer", { padBytes: 5 }, ["padBytes"]],
    ["a lost answer", { dropResponse: true }, ["dropResponse"]],
    ["an answer in a wrong form", { wire: { kind: "no-status" } }, ["wire"]],
  ];
  for (const [name, answer, expected] of cases) {
    test(`${name}: ${expected.join(", ") || "nothing"}`, async () => {
      await using all = await working();
      all.c1.script("UploadAsset", [answer]);
      await all.client.upload(uploadStream(all.id, file, 100)).catch(() => undefined);
      await all.c1.until(() => all.c1.uploads[0]);
      assert.deepEqual([...(all.c1.calls("UploadAsset")[0]?.played ?? [])], expected);
    });
  }

  test("nothing, when the client has gone before", async () => {
    await using all = await working();
    all.c1.script("Heartbeat", [{ delayMs: 500, error: grpcCodes.UNAVAILABLE }]);
    const deadline = Date.now() + 100;
    await assert.rejects(all.client.call("Heartbeat", heartbeat(all.id), { deadline }));
    const call = await all.c1.until(() => all.c1.calls("Heartbeat").find(({ endedMs }) => endedMs !== undefined));
    assert.deepEqual([call.code, [...call.played]], [undefined, []]);
  });

  test("a stream that was answered early does not keep a connection that was told to end", async () => {
    await using all = await working({ uploads: "any" });
    all.c1.script("UploadAsset", [{ okAtChunk: 1 }]);
    await all.client.upload(uploadStream(all.id, Buffer.alloc(8 * 1024 * 1024, "x")));
    const haveEnded = all.c1.network.goAway();
    await until(haveEnded, "the end of the connection");
  });
});

suite("a hook of the fake C1", () => {
  test("sees token, calls and the messages of an upload before and after the work", async () => {
    await using c1 = await startC1Server();
    const seen: string[] = [];
    c1.setOnRequest(({ name }, phase) => {
      seen.push(`${name} ${phase}`);
      return undefined;
    });
    using client = createRawClient(c1);
    await client.login();
    await client.call("Hello", hello());
    const id = c1.lease({ taskType: { case: "syncFull", value: {} } });
    await client.upload(uploadStream(id, file));
    const names = ["token", "Hello", "UploadAsset metadata", "UploadAsset data", "UploadAsset eof"];
    assert.deepEqual(
      seen,
      names.flatMap((name) => [`${name} received`, `${name} done`]),
    );
  });

  for (const [at, kept] of [
    ["received", 0],
    ["done", 1],
  ] as const) {
    test(`may break the connection at the end of an upload: ${at}`, async () => {
      await using all = await working();
      all.c1.setOnRequest(({ name }, phase) => (name.endsWith("eof") && phase === at ? "drop" : undefined));
      await assert.rejects(all.client.upload(uploadStream(all.id, file)), { code: grpcCodes.UNAVAILABLE });
      await all.c1.until(() => all.c1.uploads.length === 1);
      assert.equal(all.c1.uploads.filter(({ ok }) => ok).length, kept);
    });
  }

  test("may break the connection before and after a call has done its work", async () => {
    await using all = await working();
    const { c1, client, id } = all;
    for (const at of ["received", "done"]) {
      c1.setOnRequest(({ name }, phase) => (name === "FinishTask" && phase === at ? "drop" : undefined));
      await assert.rejects(client.call("FinishTask", finishError(id)), { code: grpcCodes.UNAVAILABLE });
      assert.equal(c1.task(id).state, at === "received" ? "leased" : "finished");
    }
  });
});
