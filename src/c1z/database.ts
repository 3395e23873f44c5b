import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { StatusError } from "../baton/status-error.ts";
import type { SyncType } from "../baton/sync-writer.ts";
import { shown } from "./limits.ts";
import { databaseFailure, isDuplicate } from "./sqlite-error.ts";
import type { RowsByType } from "./stats.ts";
import { createTables, indexesAfterLoad, indexesBeforeLoad, literal, objectTables, syncStatements } from "./tables.ts";

const pageBytes = 4096;

export interface SyncDatabaseOptions {
  /** Must not exist; made with mode 0600. */
  readonly path: string;
  /** Where SQLite puts its sort files; it removes them itself. */
  readonly sortDirectory: string;
  readonly syncId: string;
  /** Timestamp text of every row's `discovered_at`. */
  readonly discoveredAt: string;
  readonly maxBytes: number;
}

/** The one row of v1_sync_runs; times as timestamp texts. */
export interface SyncRun {
  readonly type: SyncType;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly stats: string;
}

/**
 * The database inside a sync file while it is being written. One transaction on a file that is thrown away on any
 * failure, hence no journal on disk and no flushing. The caller checks rows; this class finds duplicates. Everything
 * throws StatusErrors.
 */
export class SyncDatabase {
  readonly #db: DatabaseSync;
  readonly #options: SyncDatabaseOptions;
  readonly #sql: ReturnType<typeof syncStatements>;
  readonly #resourceTypes: StatementSync;
  readonly #resources: StatementSync;
  readonly #entitlements: StatementSync;
  readonly #grants: StatementSync;
  readonly #resourceExists: StatementSync;
  readonly #entitlementExists: StatementSync;

  constructor(options: SyncDatabaseOptions) {
    this.#options = options;
    this.#sql = syncStatements(options.syncId, options.discoveredAt);
    this.#db = openDatabase(options.path);
    const prepare = (sql: string) => this.#db.prepare(sql);
    this.#resourceTypes = prepare(this.#sql.insertResourceType);
    this.#resources = prepare(this.#sql.insertResource);
    this.#entitlements = prepare(this.#sql.insertEntitlement);
    this.#grants = prepare(this.#sql.insertGrant);
    this.#resourceExists = prepare(this.#sql.resourceExists);
    this.#entitlementExists = prepare(this.#sql.entitlementExists);
  }

  insertResourceType(id: string, data: Uint8Array): void {
    this.#insert("resource types", id, () => this.#resourceTypes.run(id, data));
  }

  insertResource(type: string, externalId: string, data: Uint8Array): void {
    this.#insert("resources", externalId, () => this.#resources.run(type, externalId, data));
  }

  insertEntitlement(type: string, resource: string, id: string, data: Uint8Array): void {
    this.#insert("entitlements", id, () => this.#entitlements.run(type, resource, id, data));
  }

  /** `columns`: resource type, resource and entitlement id, then principal type and id, then the grant's id. */
  insertGrant(columns: readonly [string, string, string, string, string, string], data: Uint8Array): void {
    const [type, resource, entitlement, principalType, principal, id] = columns;
    this.#insert("grants", id, () => this.#grants.run(type, resource, entitlement, principalType, principal, id, data));
  }

  hasResource(externalId: string): boolean {
    return this.#try(() => this.#resourceExists.get(externalId) !== undefined);
  }

  hasEntitlement(id: string, resourceType: string, resource: string): boolean {
    return this.#try(() => this.#entitlementExists.get(id, resourceType, resource) !== undefined);
  }

  /**
   * The work that turns a loaded database into a complete and checked one, in pieces; each may take a second per
   * million rows.
   */
  completionSteps(): readonly (() => void)[] {
    const makeIndexes = indexesAfterLoad.map((sql) => () => this.#makeIndex(sql));
    const checkTables = objectTables.map((table) => () => this.#checkTable(table));
    return [
      () => this.#checkSize(),
      ...makeIndexes,
      () => this.#checkSize(),
      ...checkTables,
      () => this.#checkPrincipals(),
    ];
  }

  /** Counts the rows of a table by resource type, from an index. */
  rowsByType(table: "v1_resources" | "v1_entitlements" | "v1_grants"): RowsByType {
    const rows = this.#all(`SELECT resource_type_id AS type, count(*) AS rows FROM ${table} GROUP BY resource_type_id`);
    return new Map(rows.map((row) => [String(row["type"]), Number(row["rows"])]));
  }

  /** Writes the run as finished and ends the transaction; the file is then complete and holds no journal. */
  end(run: SyncRun): void {
    this.#try(() => {
      this.#db
        .prepare(this.#sql.insertSyncRun)
        .run(run.startedAt, run.endedAt, '{"version":1}', run.type, run.type === "full" ? 1 : 0, run.stats);
      this.#db.exec("COMMIT");
    });
    this.close();
  }

  /** Lets go of the file; what was not ended is lost. Does nothing the second time. */
  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #makeIndex(sql: string): void {
    this.#try(() => {
      // The setting belongs to the whole process, so it is made right before each use: SQLite's own choice would be a
      // directory that containers with a read-only root file system do not have.
      this.#db.exec(`PRAGMA temp_store_directory = ${literal(this.#options.sortDirectory)}`);
      this.#db.exec(sql);
    });
  }

  #checkSize(): void {
    const { maxBytes } = this.#options;
    const [size] = this.#all("PRAGMA page_count");
    if (Number(size?.["page_count"]) * pageBytes <= maxBytes) return;
    throw new StatusError(
      "resource_exhausted",
      `the sync is larger than ${maxBytes / 1024 ** 2} MiB, the most that readers of sync files accept`,
    );
  }

  #checkTable(table: string): void {
    const [problem] = this.#all(`PRAGMA quick_check(${literal(table)})`);
    if (problem?.["quick_check"] === "ok") return;
    throw new StatusError(
      "data_loss",
      `the sync database is damaged in ${table}: check the disk of the temporary directory`,
    );
  }

  #checkPrincipals(): void {
    const [dangling] = this.#all(this.#sql.danglingPrincipal);
    if (dangling === undefined) return;
    const id = shown(String(dangling["external_id"]));
    throw new StatusError("internal", `the grant ${id} names a principal that is not in the sync`);
  }

  #all(sql: string): Record<string, SQLOutputValue>[] {
    return this.#try(() => this.#db.prepare(sql).all());
  }

  #insert(what: string, id: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!isDuplicate(error)) throw databaseFailure(error);
      throw new StatusError("internal", `two ${what} have the id ${shown(id)}: ids must be unique in a sync`);
    }
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw databaseFailure(error);
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    // SQLite would make the file readable for everybody that the umask allows.
    closeSync(openSync(path, "wx", 0o600));
    db = new DatabaseSync(path);
    db.exec(`
      PRAGMA page_size = ${pageBytes};
      PRAGMA journal_mode = MEMORY;
      PRAGMA synchronous = OFF;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA cache_size = -2000;
      BEGIN`);
    for (const sql of [...createTables, ...indexesBeforeLoad]) db.exec(sql);
    return db;
  } catch (error) {
    db?.close();
    throw databaseFailure(error);
  }
}
