/** `inspect` and `diff` as programs of their own: one line, one exit code and bounded memory for whatever a file holds. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { captureProcess } from "../helpers/capture-process.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { sampleMembers, sampleSync } from "../helpers/sample-sync.ts";
import { memoryTold, tellMemory } from "../helpers/tell-memory.ts";
import { until } from "../helpers/until.ts";
import { smallTeam, writeSync } from "../helpers/written-sync.ts";

const limit = { timeout: 120_000 };
const mib = 1024 ** 2;
const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;
const magic = Buffer.from("C1ZF\0", "latin1");
const frame = (bytes: Uint8Array, windowLog = 21) =>
  zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_windowLog]: windowLog },
  });

/** What a frame without a content size unpacks to is seen only while unpacking. */
async function endlessFrame(bytes: number): Promise<Buffer> {
  const stream = createZstdCompress();
  const chunk = Buffer.alloc(mib);
  const packed = stream.toArray();
  for (let written = 0; written < bytes; written += chunk.length) {
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end();
  return Buffer.concat(await packed);
}

/** A frame whose header says 20 GiB, and nothing behind it. */
function boast(): Buffer {
  const header = Buffer.alloc(18);
  header.writeUInt32LE(0xfd2fb528);
  header.writeUInt8(0b1100_0000, 4);
  header.writeUInt8(0x58, 5);
  header.writeBigUInt64LE(20n * 1024n ** 3n, 6);
  return header;
}

/** The same frame, whose header says another size than it has. */
function otherSize(good: Buffer): Buffer {
  const changed = Buffer.from(good);
  // Descriptor, then window unless the frame is a single segment, then the size.
  const at = 5 + 5 + ((changed.readUInt8(9) & 0x20) === 0 ? 1 : 0);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

suite("a program that looks into sync files", { concurrency: 2 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "sync-files-"));
  after(() => rmSync(directory, { recursive: true }));
  const manyFile = join(directory, "very-many.c1z");
  const manyRows = 100_000;
  let good: Buffer;
  before(async () => {
    writeFileSync(manyFile, (await writeSync(sampleSync(sampleMembers(manyRows)))).bytes);
    good = (await writeSync(smallTeam)).bytes;
    writeFileSync(join(directory, "good.c1z"), good);
  });

  async function run(...args: readonly string[]) {
    await using process = await spawnConnector(args, { NODE_OPTIONS: tellMemory });
    const ended = await process.ended;
    return { ...ended, ...memoryTold(ended.stderr), left: process.leftovers() };
  }

  test("opens what is right", limit, async () => {
    const { code, left, stderr, stdout } = await run("inspect", join(directory, "good.c1z"));
    assert.deepEqual([code, stderr, left], [0, "", []]);
    assert.match(stdout, /^grants +2$/m);
  });

  const rows: readonly (readonly [what: string, make: () => Buffer | Promise<Buffer>, code: number, words: RegExp])[] =
    [
      ["an empty file", () => Buffer.alloc(0), 15, /is empty: the sync that was to write it did not end/],
      ["the magic alone", () => magic, 15, /is cut off after its first bytes/],
      ["three bytes", () => magic.subarray(0, 3), 3, /is not a sync file/],
      ["another magic", () => Buffer.from("PK\u0003\u0004 and more"), 3, /is not a sync file/],
      [
        "the newer format",
        () => Buffer.concat([Buffer.from("C1Z3\0"), frame(Buffer.alloc(99))]),
        12,
        /newer format \(v3/,
      ],
      ["no zstd", () => Buffer.concat([magic, Buffer.from("plain text, long enough")]), 15, /cannot be unpacked/],
      ["a frame that is cut off", () => good.subarray(0, -9), 15, /is cut off: copy it again/],
      ["half a frame", () => good.subarray(0, good.length / 2), 15, /is cut off: copy it again/],
      [
        "a flipped checksum",
        () => Buffer.concat([good.subarray(0, -1), Buffer.of((good.at(-1) ?? 0) ^ 1)]),
        15,
        /damaged/,
      ],
      ["another size than it says", () => otherSize(good), 15, /cannot be unpacked|damaged|is cut off/],
      ["a frame that says 20 GiB", () => Buffer.concat([magic, boast()]), 8, /unpacks to more than 10 GiB/],
      ["a large window", () => Buffer.concat([magic, frame(Buffer.alloc(200 * mib), 28)]), 8, /needs more memory/],
      ["text behind the frame", () => Buffer.concat([good, Buffer.from("more")]), 15, /ends in something/],
      ["no database", () => Buffer.concat([magic, frame(Buffer.from("no database at all"))]), 15, /no readable sync/],
      ["a bomb of zeros", async () => Buffer.concat([magic, await endlessFrame(600 * mib)]), 15, /no readable sync/],
    ];
  for (const [what, make, expected, words] of rows) {
    test(`${what}: one line, exit code ${expected}, bounded memory, nothing left`, limit, async (t) => {
      const path = join(directory, `${what.replaceAll(" ", "-")}.c1z`);
      writeFileSync(path, await make());
      for (const args of [
        ["inspect", path],
        ["diff", join(directory, "good.c1z"), path],
      ]) {
        const { code, left, peakBytes, stderr, stdout } = await run(...args);
        assert.equal(code, expected, stderr);
        assert.equal(stdout, "");
        assert.match(stderr, words);
        assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
        assert.deepEqual(left, []);
        t.diagnostic(`${args[0]}: ${Math.round(peakBytes / mib)} MiB at most`);
        assert.ok(peakBytes < 256 * mib, `${peakBytes / mib} MiB`);
      }
      rmSync(path);
    });
  }

  test("two frames are one file", limit, async () => {
    const database = zstdDecompressSync(good.subarray(magic.length));
    const half = Math.floor(database.length / 2);
    const path = join(directory, "two.c1z");
    writeFileSync(path, Buffer.concat([magic, frame(database.subarray(0, half)), frame(database.subarray(half))]));
    const { code, stdout } = await run("diff", join(directory, "good.c1z"), path);
    assert.deepEqual([code, stdout], [0, "no difference\n"]);
  });

  test("a temporary directory that takes no files: exit code 9, one line", limit, async () => {
    const { code, stderr } = await run("inspect", join(directory, "good.c1z"), "--c1z-temp-dir=/proc/self");
    assert.deepEqual([code, stderr.trimEnd().split("\n").length], [9, 1], stderr);
    assert.match(stderr, /temporary directory \/proc\/self cannot be used/);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    for (const command of ["inspect", "diff"] as const) {
      test(`${signal} ends ${command} while it prints: one line, exit code 1, nothing left`, limit, async () => {
        const args =
          command === "inspect"
            ? ["inspect", manyFile, "--table=users"]
            : ["diff", join(directory, "good.c1z"), manyFile];
        await using program = await spawnConnector(args, {}, { shows: "people" });
        await until(() => program.stdout() !== "", "the first rows");
        program.kill(signal);
        const { code, stderr, stdout } = await program.ended;
        assert.deepEqual([code, stderr, program.leftovers()], [1, "baton-cursor: interrupted\n", []]);
        assert.ok(stdout.split("\n").length < manyRows, "all rows were printed before it ended");
      });
    }
  }

  test("a reader that has seen enough ends it: one line, exit code 1, nothing left", limit, async () => {
    const path = join(directory, "many.c1z");
    const members = Array.from({ length: 20_000 }, (_, n) => ({ id: `user_${n}`, role: "member" as const }));
    writeFileSync(path, (await writeSync(sampleSync(members))).bytes);
    const temp = mkdtempSync(join(tmpdir(), "sync-files-pipe-"));
    try {
      const command = `{ "${executable}" inspect "${path}" --table=users; echo "exit code $?" >&2; } | head -2`;
      const env = { PATH: process.env["PATH"], BATON_TMPDIR: temp };
      const capture = captureProcess(["inspect"], env, { shows: "people" });
      const { stderr, stdout } = spawnSync("sh", ["-c", command], { encoding: "utf8", env });
      capture.lookAtOutput({ stderr, stdout });
      capture.end();
      assert.equal(stdout.trimEnd().split("\n").length, 2);
      assert.equal(stderr, "baton-cursor: nobody reads the output any more\nexit code 1\n");
      assert.deepEqual(readdirSync(temp), []);
    } finally {
      rmSync(temp, { recursive: true });
    }
  });
});
