import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { constants, zstdDecompressSync } from "node:zlib";
import { StatusError } from "../baton/status-error.ts";
import { packDatabase } from "./container.ts";

interface Place extends Disposable {
  readonly databasePath: string;
  readonly targetPath: string;
  readonly folder: string;
}

function place(content: Uint8Array): Place {
  const folder = mkdtempSync(join(tmpdir(), "container-test-"));
  const databasePath = join(folder, "db");
  writeFileSync(databasePath, content);
  return {
    folder,
    databasePath,
    targetPath: join(folder, "out.c1z"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

const never = new AbortController().signal;

suite("packDatabase", () => {
  for (const [name, content] of [
    ["an empty file", Buffer.alloc(0)],
    ["one byte", Buffer.from("x")],
    ["exactly one chunk", randomBytes(256 * 1024)],
    ["one byte more than a chunk", randomBytes(256 * 1024 + 1)],
    ["12 MiB that compress well", Buffer.alloc(12 * 2 ** 20, "sync")],
    ["3 MiB that do not compress", randomBytes(3 * 2 ** 20)],
  ] as const) {
    test(`unpacks to the bytes that went in: ${name}`, async () => {
      using at = place(content);
      const file = await packDatabase({ ...at, signal: never });
      const bytes = readFileSync(at.targetPath);
      assert.equal(bytes.subarray(0, 5).toString("latin1"), "C1ZF\0");
      // A window of 8 MiB is the most that the official writer uses.
      const params = { [constants.ZSTD_d_windowLogMax]: 23 };
      assert.ok(zstdDecompressSync(bytes.subarray(5), { params }).equals(content));
      assert.equal(file.bytes, bytes.length);
      assert.equal(Buffer.from(file.sha256).toString("hex"), createHash("sha256").update(bytes).digest("hex"));
      assert.equal(statSync(at.targetPath).mode & 0o777, 0o600);
    });
  }

  test("gives the same bytes for the same database", async () => {
    using one = place(Buffer.alloc(2 ** 20, "same"));
    using two = place(Buffer.alloc(2 ** 20, "same"));
    const first = await packDatabase({ ...one, signal: never });
    const second = await packDatabase({ ...two, signal: never });
    assert.deepEqual(first.sha256, second.sha256);
  });

  test("stops on abort with the signal's reason and leaves no target", async () => {
    using at = place(randomBytes(8 * 2 ** 20));
    const abort = new AbortController();
    const reason = new StatusError("unavailable", "connector shutting down");
    const packing = packDatabase({ ...at, signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(packing, (error) => error === reason);
    assert.deepEqual(readdirSync(at.folder), ["db"]);
  });

  test("does not touch what is already there", async () => {
    using at = place(Buffer.from("new"));
    writeFileSync(at.targetPath, "old");
    await assert.rejects(packDatabase({ ...at, signal: never }), { code: "EEXIST" });
    assert.equal(readFileSync(at.targetPath, "utf8"), "old");
  });

  test("fails on a directory that squats on the target, and works once it is gone", async () => {
    using at = place(Buffer.from("new"));
    mkdirSync(at.targetPath);
    await assert.rejects(packDatabase({ ...at, signal: never }), { code: "EEXIST" });
    rmSync(at.targetPath, { recursive: true });
    await packDatabase({ ...at, signal: never });
    assert.ok(statSync(at.targetPath).isFile());
  });

  test("fails when the database is missing", async () => {
    using at = place(Buffer.alloc(0));
    rmSync(at.databasePath);
    await assert.rejects(packDatabase({ ...at, signal: never }), { code: "ENOENT" });
    assert.equal(existsSync(at.targetPath), false);
  });

  test("fails when the size it declared is not the size it read", { skip: process.platform !== "linux" }, async () => {
    using at = place(Buffer.alloc(0));
    // Files of the proc file system say that they are empty and are not.
    await assert.rejects(packDatabase({ ...at, databasePath: "/proc/self/status", signal: never }), /size|ZSTD/i);
    assert.equal(existsSync(at.targetPath), false);
  });
});
