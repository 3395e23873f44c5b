import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { constants, zstdDecompressSync } from "node:zlib";
import { systemClock } from "../../src/baton/clock.ts";
import { type C1z, type Row, readC1z } from "../helpers/read-c1z.ts";
import { sampleMembers, sampleSync } from "../helpers/sample-sync.ts";
import { nowMs, smallTeam, writeAndRead, writeSync } from "../helpers/written-sync.ts";

suite("container", () => {
  test("starts with the magic bytes; one frame with content size and checksum follows, its window at most 8 MiB", async () => {
    for (const members of [1, 20_000]) {
      const { bytes } = await writeSync(sampleSync(sampleMembers(members)));
      assert.equal(bytes.subarray(0, 9).toString("hex"), "43315a460028b52ffd");
      using c1z = readC1z(bytes);
      const [frame, ...more] = c1z.frames;
      assert.ok(frame);
      assert.equal(more.length, 0);
      assert.equal(frame.bytes, bytes.length - 5);
      assert.equal(frame.contentSize, c1z.databaseBytes.length);
      assert.equal(frame.checksum, true);
      assert.ok(frame.windowBytes <= 8 * 2 ** 20, `window ${frame.windowBytes}`);
    }
  });

  test("unpacks within a window of 8 MiB when it is larger than that", async () => {
    const { bytes } = await writeSync(sampleSync(sampleMembers(20_000)));
    const database = zstdDecompressSync(bytes.subarray(5), { params: { [constants.ZSTD_d_windowLogMax]: 23 } });
    assert.ok(database.length > 8 * 2 ** 20);
    assert.equal(database.subarray(0, 16).toString("latin1"), "SQLite format 3\0");
  });

  const zstd = spawnSync("zstd", ["--version"]).status === 0;
  test("unpacks with the zstd command", { skip: zstd ? false : "no zstd command here" }, async () => {
    const { bytes } = await writeSync(smallTeam);
    const listed = spawnSync("zstd", ["-lv", "/dev/stdin"], { input: bytes.subarray(5) });
    const unpacked = spawnSync("zstd", ["-d", "-c", "--memory=8MB"], { input: bytes.subarray(5), maxBuffer: 2 ** 26 });
    assert.equal(unpacked.status, 0, unpacked.stderr.toString() + listed.stderr.toString());
    assert.ok(unpacked.stdout.equals(zstdDecompressSync(bytes.subarray(5))));
  });

  test("a flipped byte is found by the checksum", async () => {
    const { bytes } = await writeSync(smallTeam);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    assert.throws(() => readC1z(flipped), /checksum/);
  });

  test("says its size and SHA-256 truly and is readable by its owner alone", async () => {
    const { bytes, file, mode } = await writeSync(smallTeam);
    assert.equal(file.bytes, bytes.length);
    assert.equal(Buffer.from(file.sha256).toString("hex"), createHash("sha256").update(bytes).digest("hex"));
    assert.equal(mode, 0o600);
  });
});

/** Column by column: name, type, not null, default. Everything also has `id integer primary key` in front. */
const expectedColumns: Readonly<Record<string, readonly string[]>> = {
  v1_resource_types: ["external_id text!", "data blob!", "sync_id text!", "discovered_at datetime!"],
  v1_resources: [
    "resource_type_id text!",
    "external_id text!",
    "parent_resource_type_id text",
    "parent_resource_id text",
    "data blob!",
    "sync_id text!",
    "discovered_at datetime!",
  ],
  v1_entitlements: [
    "resource_type_id text!",
    "resource_id text!",
    "external_id text!",
    "data blob!",
    "sync_id text!",
    "discovered_at datetime!",
  ],
  v1_grants: [
    "resource_type_id text!",
    "resource_id text!",
    "entitlement_id text!",
    "principal_resource_type_id text!",
    "principal_resource_id text!",
    "external_id text!",
    "expansion blob",
    "needs_expansion integer! default 0",
    "data blob!",
    "sync_id text!",
    "discovered_at datetime!",
  ],
  v1_sync_runs: [
    "sync_id text!",
    "started_at datetime!",
    "ended_at datetime",
    "sync_token text!",
    "sync_type text! default 'full'",
    "parent_sync_id text! default ''",
    "linked_sync_id text! default ''",
    "supports_diff integer! default 0",
    "grants_backfilled integer! default 0",
    "stats text",
    "ingest_invariant_generation text! default ''",
    "ingest_invariant_coverage text! default ''",
    "ingest_invariant_mode text! default ''",
  ],
  v1_assets: ["external_id text!", "content_type text!", "data blob!", "sync_id text!", "discovered_at datetime!"],
  v1_connector_sessions: ["sync_id text!", "key text!", "value blob!"],
};

const expectedIndexes: Readonly<Record<string, string>> = {
  idx_resource_types_external_sync_v1: "unique v1_resource_types (external_id, sync_id)",
  idx_resources_resource_type_id_v1: "v1_resources (resource_type_id)",
  idx_resources_external_sync_v1: "v1_resources (parent_resource_type_id, parent_resource_id)",
  idx_resources_parent_resource_id_v1: "unique v1_resources (external_id, sync_id)",
  idx_entitlements_resource_id_v1: "v1_entitlements (resource_type_id, resource_id)",
  idx_entitlements_external_sync_v1: "unique v1_entitlements (external_id, sync_id)",
  idx_sync_runs_sync_id_v1: "unique v1_sync_runs (sync_id)",
  idx_grants_resource_type_id_resource_id_v1: "v1_grants (resource_type_id, resource_id)",
  idx_grants_principal_id_v1: "v1_grants (principal_resource_type_id, principal_resource_id)",
  idx_grants_entitlement_id_principal_id_v1:
    "v1_grants (entitlement_id, principal_resource_type_id, principal_resource_id)",
  idx_grants_external_sync_v1: "unique v1_grants (external_id, sync_id)",
  idx_grants_entitlement_sync_grant_v1: "v1_grants (entitlement_id, sync_id, id)",
  idx_grants_sync_expansion_v1: "v1_grants (sync_id) where expansion is not null",
  idx_grants_sync_needs_expansion_v1: "v1_grants (sync_id) where needs_expansion = 1",
  idx_assets_external_sync_v1: "unique v1_assets (external_id, sync_id)",
  idx_session_store_sync_key_v1: "unique v1_connector_sessions (sync_id, key)",
};

function describeColumn(row: Row): string {
  const fallback = row["dflt_value"] === null ? "" : ` default ${row["dflt_value"]}`;
  // SQLite gives the names of its own types in capitals, however they were written.
  return `${row["name"]} ${String(row["type"]).toLowerCase()}${row["notnull"] === 1 ? "!" : ""}${fallback}`;
}

function describeIndex(c1z: C1z, row: Row): string {
  const name = String(row["name"]);
  const columns = c1z
    .all("SELECT coalesce(name, 'id') AS name FROM pragma_index_info(?)", name)
    .map((info) => info["name"]);
  const where = /\bwhere\b.*$/i.exec(String(row["sql"]));
  const unique = /^create unique/i.test(String(row["sql"])) ? "unique " : "";
  return `${unique}${row["tbl_name"]} (${columns.join(", ")})${where === null ? "" : ` ${where[0].toLowerCase()}`}`;
}

suite("schema", () => {
  test("has every table with every column, type, constraint and default, and no other", async () => {
    using c1z = await writeAndRead(smallTeam);
    const tables = c1z.all("SELECT name FROM sqlite_master WHERE type = 'table'").map((row) => String(row["name"]));
    assert.deepEqual(tables.toSorted(), Object.keys(expectedColumns).toSorted());
    for (const [table, columns] of Object.entries(expectedColumns)) {
      const [id, ...rest] = c1z.all("SELECT * FROM pragma_table_info(?)", table);
      assert.deepEqual([id?.["name"], id?.["type"], id?.["pk"]], ["id", "INTEGER", 1]);
      assert.deepEqual(rest.map(describeColumn), columns, table);
    }
  });

  test("has every index under its name, the swapped pair on v1_resources included, and no other", async () => {
    using c1z = await writeAndRead(smallTeam);
    const indexes = c1z.all("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'");
    const found = Object.fromEntries(indexes.map((row) => [String(row["name"]), describeIndex(c1z, row)]));
    assert.deepEqual(found, expectedIndexes);
  });

  test("has no trigger, view or number of its own", async () => {
    using c1z = await writeAndRead(smallTeam);
    assert.deepEqual(c1z.all("SELECT name FROM sqlite_master WHERE type NOT IN ('table', 'index')"), []);
    assert.equal(c1z.all("PRAGMA user_version")[0]?.["user_version"], 0);
    assert.equal(c1z.all("PRAGMA application_id")[0]?.["application_id"], 0);
  });

  test("is a UTF-8 database of 4096-byte pages, not in WAL mode, every page in use", async () => {
    using c1z = await writeAndRead(sampleSync(sampleMembers(500)));
    const header = c1z.databaseBytes;
    assert.equal(header.readUInt16BE(16), 4096);
    assert.deepEqual([header[18], header[19]], [1, 1]);
    assert.equal(header.readUInt32BE(28) * 4096, header.length);
    assert.equal(c1z.all("PRAGMA encoding")[0]?.["encoding"], "UTF-8");
    assert.equal(c1z.all("PRAGMA freelist_count")[0]?.["freelist_count"], 0);
    assert.equal(c1z.all("PRAGMA auto_vacuum")[0]?.["auto_vacuum"], 0);
  });
});

suite("sync run", () => {
  test("is one, full, ended, backfilled, diffable, unverified, with a finished token", async () => {
    using c1z = await writeAndRead(smallTeam);
    const [run, ...more] = c1z.rows("v1_sync_runs");
    assert.equal(more.length, 0);
    const { id: _, sync_id: syncId, stats: __, ...rest } = run ?? {};
    assert.match(String(syncId), /^[0-9A-Za-z]{27}$/);
    assert.deepEqual(rest, {
      started_at: "2026-11-24 19:30:00.25",
      ended_at: "2026-11-24 19:30:00.25",
      sync_token: '{"version":1}',
      sync_type: "full",
      parent_sync_id: "",
      linked_sync_id: "",
      supports_diff: 1,
      grants_backfilled: 1,
      ingest_invariant_generation: "",
      ingest_invariant_coverage: "",
      ingest_invariant_mode: "",
    });
  });

  test("of resources only says so and does not support diffs", async () => {
    using c1z = await writeAndRead({ ...smallTeam, entitlements: [], grants: [] }, "resources_only");
    const [run] = c1z.rows("v1_sync_runs");
    assert.equal(run?.["sync_type"], "resources_only");
    assert.equal(run?.["supports_diff"], 0);
    assert.equal(run?.["grants_backfilled"], 1);
    assert.notEqual(run?.["ended_at"], null);
    assert.equal(run?.["stats"], '{"resource_types":2,"resources":6,"resources_by_resource_type":{"role":3,"user":3}}');
  });

  test("without grants on request is still full", async () => {
    using c1z = await writeAndRead({ ...smallTeam, grants: [] });
    assert.equal(c1z.rows("v1_sync_runs")[0]?.["sync_type"], "full");
    assert.deepEqual(c1z.rows("v1_grants"), []);
    assert.equal(c1z.rows("v1_entitlements").length, 3);
  });

  test("ends no earlier than it starts, also when the clock is set back", async () => {
    let readings = 0;
    const backwards = { ...systemClock, nowMs: () => nowMs - 3_600_000 * readings++ };
    using c1z = readC1z((await writeSync(smallTeam, "full", backwards)).bytes);
    const [run] = c1z.rows("v1_sync_runs");
    assert.ok(readings > 1);
    assert.equal(run?.["ended_at"], run?.["started_at"]);
  });

  test("has a fresh KSUID whose time is that of its start", async () => {
    const ids = new Set<string>();
    for (let n = 0; n < 3; n += 1) {
      using c1z = await writeAndRead(smallTeam);
      ids.add(String(c1z.rows("v1_sync_runs")[0]?.["sync_id"]));
    }
    assert.equal(ids.size, 3);
    const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const id of ids) {
      const value = [...id].reduce((sum, character) => sum * 62n + BigInt(alphabet.indexOf(character)), 0n);
      assert.equal(Number(value >> 128n) + 1_400_000_000, Math.floor(nowMs / 1000));
    }
  });

  test("has exact stats, types without resources listed, grants and entitlements by the type that grants", async () => {
    using c1z = await writeAndRead(sampleSync(sampleMembers(15)));
    assert.equal(
      c1z.rows("v1_sync_runs")[0]?.["stats"],
      '{"resource_types":2,"resources":18,"entitlements":3,"grants":13,"resources_by_resource_type":{"role":3,"user":15},' +
        '"grants_by_resource_type":{"role":13},"entitlements_by_resource_type":{"role":3}}',
    );
    using empty = await writeAndRead({ ...smallTeam, users: [], grants: [] });
    assert.equal(
      empty.rows("v1_sync_runs")[0]?.["stats"],
      '{"resource_types":2,"resources":3,"entitlements":3,"resources_by_resource_type":{"role":3,"user":0},' +
        '"entitlements_by_resource_type":{"role":3}}',
    );
  });
});
