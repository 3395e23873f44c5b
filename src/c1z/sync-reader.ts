import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { StatusError } from "../baton/status-error.ts";
import {
  decodeStoredEntitlement,
  decodeStoredGrant,
  decodeStoredResource,
  decodeStoredResourceType,
  type StoredEntitlement,
  type StoredGrant,
  type StoredResource,
} from "../wire/stored-records.ts";
import { oneLine } from "../wire/text.ts";
import { makePrivateDirectory } from "./temp-dir.ts";
import { type Unpacked, unpackDatabase } from "./unpack.ts";

/** One sync of a file; a file may hold several. */
export interface SyncRun {
  readonly id: string;
  /** `full`, `partial`, `resources_only`, … */
  readonly type: string;
  readonly startedAt: string;
  /** `undefined` for a sync that did not end. */
  readonly endedAt: string | undefined;
}

/**
 * An opened sync file. Disposing removes its unpacked copy. Rows come one at a time, ordered by id; reading them throws `data_loss`
 * where the database or a row is damaged.
 */
export interface SyncReader extends AsyncDisposable, Unpacked {
  readonly databasePath: string;
  /** Oldest first. */
  readonly runs: readonly SyncRun[];
  resourceTypes(sync: string): Iterable<{ readonly id: string; readonly displayName: string }>;
  /** Resources of one type, or of all. */
  resources(sync: string, type?: string): Iterable<StoredResource>;
  entitlements(sync: string): Iterable<StoredEntitlement>;
  grants(sync: string): Iterable<StoredGrant>;
  /** Rows of `resources` by their type. */
  countByType(sync: string): ReadonlyMap<string, number>;
  countEntitlements(sync: string): number;
  countGrants(sync: string): number;
}

export interface OpenOptions {
  readonly path: string;
  /** Where the unpacked copy goes, in a private directory. */
  readonly tempDir: string;
  readonly maxDatabaseBytes: number;
  readonly signal: AbortSignal;
}

const maxReasonBytes = 200;

/** Opens a v1 sync file of any connector. Rejects as `unpackDatabase`, and with `data_loss` when it holds no database. */
export async function openSyncFile(options: OpenOptions): Promise<SyncReader> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(makePrivateDirectory(options.tempDir));
  const databasePath = join(directory.path, "db");
  const unpacked = await unpackDatabase({ ...options, databasePath });
  const database = openDatabase(databasePath, options.path);
  stack.defer(() => database.close());
  const runs = guarded(options.path, () => readRuns(database));
  const kept = stack.move();
  return {
    ...unpacked,
    databasePath,
    runs,
    ...queries(database, options.path),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function openDatabase(databasePath: string, path: string): DatabaseSync {
  return guarded(path, () => new DatabaseSync(databasePath, { readOnly: true }));
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A file may have a right checksum and yet anything in it. What SQLite says quotes the file's own schema. */
function unreadable(path: string, cause: unknown): StatusError {
  const why = oneLine(cause instanceof Error ? cause.message : String(cause), maxReasonBytes);
  return new StatusError("data_loss", `${path} holds no readable sync (${why})`, { cause });
}

function readRuns(database: DatabaseSync): readonly SyncRun[] {
  const rows = database
    .prepare("SELECT sync_id, sync_type, started_at, ended_at FROM v1_sync_runs ORDER BY started_at, id")
    .all();
  return rows.map(({ ended_at, started_at, sync_id, sync_type }) => ({
    id: String(sync_id),
    type: String(sync_type),
    startedAt: String(started_at),
    endedAt: ended_at === null || ended_at === undefined ? undefined : String(ended_at),
  }));
}

function queries(database: DatabaseSync, path: string) {
  function* decoded<T>(sql: string, decode: (bytes: Uint8Array) => T, ...values: readonly string[]): Generator<T> {
    try {
      for (const { data } of database.prepare(sql).iterate(...values)) yield decode(bytesOf(data));
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }
  function count(table: string, sync: string): number {
    const row = guarded(path, () => database.prepare(`SELECT count(*) AS n FROM ${table} WHERE sync_id = ?`).get(sync));
    return Number(row?.["n"] ?? 0);
  }
  const inOrder = "ORDER BY external_id";
  return {
    resourceTypes: (sync: string) =>
      decoded(`SELECT data FROM v1_resource_types WHERE sync_id = ? ${inOrder}`, decodeStoredResourceType, sync),
    resources: (sync: string, type?: string) =>
      type === undefined
        ? decoded(`SELECT data FROM v1_resources WHERE sync_id = ? ${inOrder}`, decodeStoredResource, sync)
        : decoded(
            `SELECT data FROM v1_resources WHERE sync_id = ? AND resource_type_id = ? ${inOrder}`,
            decodeStoredResource,
            sync,
            type,
          ),
    entitlements: (sync: string) =>
      decoded(`SELECT data FROM v1_entitlements WHERE sync_id = ? ${inOrder}`, decodeStoredEntitlement, sync),
    grants: (sync: string) =>
      decoded(`SELECT data FROM v1_grants WHERE sync_id = ? ${inOrder}`, decodeStoredGrant, sync),
    countByType(sync: string) {
      const sql =
        "SELECT resource_type_id AS type, count(*) AS n FROM v1_resources WHERE sync_id = ? GROUP BY 1 ORDER BY 1";
      const rows = guarded(path, () => database.prepare(sql).all(sync));
      return new Map(rows.map(({ n, type }) => [String(type), Number(n)]));
    },
    countEntitlements: (sync: string) => count("v1_entitlements", sync),
    countGrants: (sync: string) => count("v1_grants", sync),
  };
}

function bytesOf(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError("a row has no data");
}
