import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, suite, test } from "node:test";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { smallTeam, writeSync } from "../../test/helpers/written-sync.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { openSyncFile } from "./sync-reader.ts";

const never = new AbortController().signal;
const magic = Buffer.from("C1ZF\0", "latin1");
const frame = (bytes: Uint8Array, windowLog = 21) =>
  zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_windowLog]: windowLog },
  });

suite("opening a sync file", () => {
  const directory = mkdtempSync(join(tmpdir(), "reader-"));
  after(() => rmSync(directory, { recursive: true }));
  let good: Buffer;
  before(async () => {
    good = (await writeSync(smallTeam)).bytes;
  });

  const open = (bytes: Buffer, maxDatabaseBytes = 1024 ** 3) => {
    const path = join(directory, "file.c1z");
    writeFileSync(path, bytes);
    return openSyncFile({ path, tempDir: directory, maxDatabaseBytes, signal: never });
  };

  test("gives runs, counts and rows in order, and leaves nothing behind", async () => {
    {
      await using reader = await open(good);
      assert.equal(reader.runs.length, 1);
      const [run] = reader.runs;
      assert.equal(run?.type, "full");
      assert.match(run?.endedAt ?? "", /^2026-11-24/);
      const id = run?.id ?? "";
      assert.deepEqual(Object.fromEntries(reader.countByType(id)), { role: 3, user: 3 });
      const users = [...reader.resources(id, "user")];
      assert.deepEqual(
        users.map((user) => [user.id, user.status]),
        [
          ["email:c@d", "disabled"],
          ["user_9fQ2", "enabled"],
          ["user_b", "enabled"],
        ],
      );
      assert.equal([...reader.grants(id)].length, reader.countGrants(id));
      assert.equal([...reader.entitlements(id)].length, 3);
      assert.deepEqual(
        [...reader.resourceTypes(id)].map((type) => type.id),
        ["role", "user"],
      );
    }
    assert.deepEqual(readdirSync(directory), ["file.c1z"]);
  });

  test("several frames one after the other are one file", async () => {
    const database = frameContent(good);
    const half = Math.floor(database.length / 2);
    const bytes = Buffer.concat([magic, frame(database.subarray(0, half)), frame(database.subarray(half))]);
    await using reader = await open(bytes);
    assert.equal(reader.databaseBytes, database.length);
    assert.equal(reader.runs.length, 1);
  });

  for (const [name, sql] of [
    ["a row that is no message", "UPDATE v1_grants SET data = x'0aff'"],
    ["a row without bytes", "UPDATE v1_grants SET data = 'text'"],
    ["a table that is missing", "DROP TABLE v1_grants"],
  ] as const) {
    test(`${name}, behind a right checksum, is data_loss where it is read`, async () => {
      const bytes = Buffer.concat([magic, frame(changed(frameContent(good), sql))]);
      await using reader = await open(bytes);
      const id = reader.runs[0]?.id ?? "";
      const refusal = {
        name: "StatusError",
        code: "data_loss",
        message: /file\.c1z holds no readable sync \([^\n]+\)$/,
      };
      assert.throws(() => [...reader.grants(id)], refusal);
      if (sql.startsWith("DROP")) assert.throws(() => reader.countGrants(id), refusal);
    });
  }

  const rows: readonly (readonly [string, (bytes: Buffer) => Buffer, StatusCode, RegExp])[] = [
    ["an empty file", () => Buffer.alloc(0), "data_loss", /is empty/],
    ["three bytes", (bytes) => bytes.subarray(0, 3), "invalid_argument", /not a sync file/],
    ["the magic bytes alone", (bytes) => bytes.subarray(0, 5), "data_loss", /cut off/],
    [
      "other magic bytes",
      (bytes) => Buffer.concat([Buffer.from("PK\u0003\u0004."), bytes]),
      "invalid_argument",
      /not a sync file/,
    ],
    ["the newer format", (bytes) => Buffer.concat([Buffer.from("C1Z3\0"), bytes]), "unimplemented", /v3.*baton/],
    [
      "no zstd behind the magic",
      () => Buffer.concat([magic, Buffer.from("plain text that is long")]),
      "data_loss",
      /unpacked/,
    ],
    ["a frame that is cut off", (bytes) => bytes.subarray(0, bytes.length - 7), "data_loss", /cut off/],
    [
      "a wrong checksum",
      (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]),
      "data_loss",
      /damaged/,
    ],
    ["something behind the frame", (bytes) => Buffer.concat([bytes, Buffer.from("more")]), "data_loss", /no sync file/],
    [
      "no database inside",
      () => Buffer.concat([magic, frame(Buffer.from("no database"))]),
      "data_loss",
      /no readable sync/,
    ],
    [
      "a window beyond the limit",
      () => Buffer.concat([magic, frame(Buffer.alloc(200 * 1024 * 1024), 28)]),
      "resource_exhausted",
      /memory/,
    ],
  ];
  for (const [name, make, code, message] of rows) {
    test(`${name}: ${code}, one line, nothing left`, async () => {
      const failure = await open(make(good)).then(
        () => assert.fail("opened"),
        (reason: unknown) => StatusError.from(reason),
      );
      assert.equal(failure.code, code, failure.message);
      assert.match(failure.message, message);
      assert.doesNotMatch(failure.message, /\n/);
      assert.deepEqual(readdirSync(directory), ["file.c1z"]);
    });
  }

  const mib = 1024 * 1024;
  const unsized = (bytes: number) =>
    zstdCompressSync(Buffer.alloc(bytes), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
  const bombs: readonly (readonly [string, () => Buffer])[] = [
    ["that says its size", () => frame(Buffer.alloc(300 * mib))],
    ["that does not say its size", () => unsized(300 * mib)],
    ["of many small frames", () => Buffer.concat(Array<Buffer>(40).fill(unsized(8 * mib)))],
  ];
  for (const [kind, make] of bombs) {
    test(`a bomb ${kind} is stopped at the limit, in bounded memory`, async () => {
      const bomb = Buffer.concat([magic, make()]);
      assert.ok(bomb.length < 100_000);
      globalThis.gc?.();
      const before = process.memoryUsage().rss;
      await assert.rejects(open(bomb, 10 * mib), { code: "resource_exhausted" });
      const grown = (process.memoryUsage().rss - before) / mib;
      assert.ok(grown < 150, `${grown.toFixed(0)} MiB more`);
      assert.deepEqual(readdirSync(directory), ["file.c1z"]);
    });
  }

  test("what unpacks to exactly the limit is accepted", async () => {
    await using reader = await open(good, frameContent(good).length);
    assert.equal(reader.runs.length, 1);
  });

  test("a missing file, a directory", async () => {
    const at = (path: string) => openSyncFile({ path, tempDir: directory, maxDatabaseBytes: 1e9, signal: never });
    await assert.rejects(at(join(directory, "none.c1z")), { code: "not_found" });
    await assert.rejects(at(directory), { code: "failed_precondition" });
  });

  test("abort ends it", async () => {
    const path = join(directory, "file.c1z");
    writeFileSync(path, good);
    const reason = new StatusError("cancelled", "enough");
    const opening = openSyncFile({
      path,
      tempDir: directory,
      maxDatabaseBytes: 1e9,
      signal: AbortSignal.abort(reason),
    });
    await assert.rejects(opening, reason);
  });
});

/** The database after a statement. */
function changed(database: Uint8Array, sql: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "changed-"));
  try {
    const path = join(directory, "db");
    writeFileSync(path, database);
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
    return readFileSync(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function frameContent(file: Buffer): Buffer {
  return zstdDecompressSync(file.subarray(5));
}
