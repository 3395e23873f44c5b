import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { constants, zstdCompressSync } from "node:zlib";
import { openSyncFile, type SyncReader } from "../../../src/c1z/sync-reader.ts";
import { inspectCommand } from "../../../src/cli/inspect.ts";
import { localFiles } from "../../../src/config/files.ts";
import { readC1z, readFrames } from "../../helpers/read-c1z.ts";
import { recorder } from "../../helpers/recorder.ts";
import { sampleSync } from "../../helpers/sample-sync.ts";
import { writeSync } from "../../helpers/written-sync.ts";
import { mutateBytes } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { attemptAsync } from "../harness/oracle.ts";
import type { FuzzTarget, Mutator, Verdict } from "../harness/target.ts";

const signal = new AbortController().signal;
const sample = await writeSync(
  sampleSync([
    { id: "user_9fQ2", role: "owner" },
    { id: "user_b", role: "member" },
    { id: "email:c@d", role: "member", removed: true },
  ]),
);
using opened = readC1z(sample.bytes);
const database = opened.databaseBytes;
/** A little more than the sample needs, so that what unpacks to more is noticed. */
const maxDatabaseBytes = 4 * database.length;
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const readerCodes = ["invalid_argument", "unimplemented", "data_loss", "resource_exhausted"] as const;

/** Opens `bytes` as a file in a directory of its own, which must be as empty afterwards as before. */
async function withFile<T>(bytes: Uint8Array, use: (path: string, tempDir: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(memory, "fuzz-c1z-"));
  const path = join(directory, "sync.c1z");
  try {
    writeFileSync(path, bytes);
    const result = await use(path, directory);
    assert.deepEqual(readdirSync(directory), ["sync.c1z"], "nothing is left behind");
    return result;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function magicAnd(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from("C1ZF\0"), ...parts]);
}

function frame(content: Uint8Array, checksum = 1): Buffer {
  return zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
}

const half = database.length >> 1;
const skippable = Buffer.from("502a4d1804000000deadbeef", "hex");

/** Cuts, flips and repeats of a real file; what is cut at the end loses its checksum. */
const mutateFrames: Mutator = (input, other, random, words) => {
  switch (random.int(4)) {
    case 0:
      return Buffer.concat([input, other.subarray(random.pick([0, 5]))]);
    case 1:
      return input.subarray(0, input.length - random.int(Math.min(64, input.length + 1)));
    case 2: {
      // Most of a file is compressed data; its headers are at the beginning.
      const head = mutateBytes(input.subarray(0, 24), other.subarray(0, 24), random, words);
      return Buffer.concat([head, input.subarray(24)]);
    }
    default:
      return mutateBytes(input, other, random, words);
  }
};

const containerTarget: FuzzTarget = {
  name: "c1z-container",
  covers: ["src/c1z/unpack.ts", "src/c1z/sync-reader.ts"],
  seeds: [
    sample.bytes,
    sample.bytes.subarray(0, -4),
    magicAnd(),
    magicAnd(frame(database, 0)),
    magicAnd(frame(database.subarray(0, half)), frame(database.subarray(half))),
    magicAnd(frame(Buffer.alloc(maxDatabaseBytes + 1))),
    magicAnd(frame(Buffer.from("no database"))),
    magicAnd(skippable, frame(database)),
    magicAnd(Buffer.concat(Array<Buffer>(300).fill(frame(Buffer.alloc(0))))),
    Buffer.from("C1Z3\0\0\0\0\0"),
    Buffer.from("C1Z"),
    Buffer.alloc(0),
  ],
  mutators: [mutateFrames],
  maxBytes: 16_000,
  cpuLimitMs: 2000,
  run: (input) =>
    withFile(input, async (path, tempDir) => {
      const { error, value } = await attemptAsync(async () => {
        await using reader = await openSyncFile({ path, tempDir, maxDatabaseBytes, signal });
        assert.ok(reader.databaseBytes <= maxDatabaseBytes);
        return readAll(reader);
      }, readerCodes);
      if (error !== undefined) return "refused";
      checkAgainst(input, value);
      return "accepted";
    }),
};

/** One frame with a right checksum can only be what was written. Frames that zstd skips are none to the other reader. */
function checkAgainst(input: Uint8Array, rows: Rows): void {
  if (input.length < 9 || Buffer.from(input).includes(Buffer.from("2a4d18", "hex"))) return;
  const [frame, ...more] = readFrames(Buffer.from(input.subarray(5)));
  if (frame === undefined || more.length > 0 || !frame.checksum) return;
  assert.equal(frame.contentSize ?? database.length, database.length);
  assert.deepEqual(rows, sampleRows);
}

type Rows = ReturnType<typeof readAll>;

function readAll(reader: SyncReader) {
  const [run] = reader.runs;
  const id = run?.id ?? "";
  return {
    runs: reader.runs.length,
    types: [...reader.resourceTypes(id)],
    resources: [...reader.resources(id)],
    entitlements: [...reader.entitlements(id)],
    grants: [...reader.grants(id)],
    counts: [...reader.countByType(id), reader.countGrants(id)],
  };
}

const sampleRows = await withFile(sample.bytes, async (path, tempDir) => {
  await using reader = await openSyncFile({ path, tempDir, maxDatabaseBytes, signal });
  return readAll(reader);
});

/** Steps that turn the sample's database into another one, which is then packed with a right checksum. */
type Step = { readonly sql: string } | { readonly xor: readonly [at: number, mask: number] } | { readonly cut: number };

const tables = ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants", "v1_sync_runs"];

const contentTarget: FuzzTarget = {
  name: "c1z-content",
  covers: ["src/c1z/sync-reader.ts", "src/cli/inspect.ts", "src/cli/sync-files.ts", "src/wire/stored-records.ts"],
  seeds: [
    [],
    [{ sql: "UPDATE v1_grants SET data = x'0aff'" }],
    [{ sql: "UPDATE v1_resources SET data = 'text', external_id = 7" }],
    [{ sql: "DROP TABLE v1_entitlements" }],
    [{ sql: "UPDATE v1_sync_runs SET ended_at = NULL, sync_id = x'00'" }],
    [{ sql: "DELETE FROM v1_sync_runs" }],
    [
      {
        sql: "INSERT INTO v1_sync_runs (sync_id, started_at, ended_at, sync_token) VALUES ('b', '2026-01-01', '2026-01-02', '')",
      },
    ],
    [{ xor: [100, 1] }],
    [{ xor: [4096, 255] }],
    [{ cut: 9000 }],
    [{ sql: "ALTER TABLE v1_grants RENAME COLUMN data TO other" }],
    [{ sql: "UPDATE v1_resources SET data = zeroblob(70000)" }],
  ].map((steps) => JSON.stringify(steps)),
  mutators: [
    mutateJson,
    mutateBytes,
    (input, _other, random) => {
      const steps = stepsOf(input);
      const step: Step = random.chance(0.5)
        ? { xor: [random.int(database.length), 1 + random.int(255)] }
        : {
            sql: `UPDATE ${random.from(tables)} SET data = substr(data, 1, ${random.int(40)}) || x'${random.int(256).toString(16).padStart(2, "0")}'`,
          };
      return Buffer.from(JSON.stringify([...steps, step]));
    },
  ],
  maxBytes: 4000,
  cpuLimitMs: 3000,
  run(input) {
    const changed = carryOut(stepsOf(input));
    return withFile(magicAnd(frame(changed)), async (path, tempDir): Promise<Verdict> => {
      const codes = [...readerCodes, "not_found"] as const;
      const { error } = await attemptAsync(async () => {
        await using reader = await openSyncFile({ path, tempDir, maxDatabaseBytes: 2 ** 30, signal });
        return readAll(reader);
      }, codes);
      await checkInspect(path, tempDir);
      return error === undefined ? "accepted" : "refused";
    });
  },
};

/** The command shows rows or says in one line why it cannot; nothing of a file moves the terminal's cursor. */
async function checkInspect(path: string, tempDir: string): Promise<void> {
  for (const more of [[], ["--table=grants"], ["--user=user_b", "--output=json"]]) {
    const out = recorder({ shows: "people" });
    const argv = ["inspect", path, ...more];
    const input = {
      argv,
      env: { BATON_TMPDIR: tempDir },
      files: localFiles,
      cwd: tempDir,
      hostname: "machine",
      tempDir,
    };
    const code = await inspectCommand({ out, input, stop: signal });
    const { stdout: shown, stderr: said } = out.text();
    assert.equal(code === 0, said === "", `${code}: ${said}`);
    assert.doesNotMatch(said, /unexpected failure/);
    assert.doesNotMatch(shown + said, /[^\P{Cc}\t\n]/u, "no control characters");
  }
}

function stepsOf(input: Uint8Array): readonly Step[] {
  try {
    const steps: unknown = JSON.parse(Buffer.from(input).toString());
    return Array.isArray(steps) ? steps.slice(0, 8).map((step) => Object(step)) : [];
  } catch {
    return [];
  }
}

function carryOut(steps: readonly Partial<{ sql: unknown; xor: unknown; cut: unknown }>[]): Buffer {
  let bytes = Buffer.from(database);
  for (const { cut, sql, xor } of steps) {
    if (typeof sql === "string" && /^(UPDATE|DROP TABLE|DELETE|INSERT|ALTER TABLE) /.test(sql))
      bytes = runSql(bytes, sql);
    const [at, mask] = Array.isArray(xor) ? xor.map(Number) : [];
    if (at !== undefined && bytes[at] !== undefined) bytes[at] ^= mask ?? 0;
    if (typeof cut === "number" && cut >= 0 && cut < bytes.length) bytes = bytes.subarray(0, cut);
  }
  return bytes;
}

function runSql(bytes: Buffer, sql: string): Buffer<ArrayBuffer> {
  const directory = mkdtempSync(join(memory, "fuzz-sql-"));
  const path = join(directory, "db");
  try {
    writeFileSync(path, bytes);
    const db = new DatabaseSync(path, { limits: { length: 1 << 20 } });
    try {
      db.exec(sql);
    } catch {
      // A statement that SQLite does not take changes nothing.
    } finally {
      db.close();
    }
    return Buffer.from(readFileSync(path));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const fileTargets: readonly FuzzTarget[] = [containerTarget, contentTarget];
