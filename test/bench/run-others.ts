import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { buildTools, goVersion, output } from "../interop/tools.ts";

export type Engine = "sqlite" | "pebble";

/** What somebody else's writer did with the rows of our file. */
export interface OtherRun {
  readonly seconds: number;
  /** How they are made up, for the table. */
  readonly parts: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly databaseBytes: number;
  readonly fileBytes: number;
  /** Absent where several programs take part. */
  readonly peakRssBytes?: number;
  /** What the decoded rows had taken of it before the clock started. */
  readonly loadedRssBytes?: number;
}

/** What this machine has for the comparison, with versions; `missing` says what it has not. */
export interface Tools {
  readonly missing: readonly string[];
  readonly versions: readonly string[];
}

/** Looks for Go, sqlite3 and zstd, and builds the Go command if it can. */
export function prepareTools(): Tools {
  const go = goVersion();
  const found: readonly (readonly [name: string, version: string | undefined])[] = [
    ["Go", go],
    ["sqlite3", versionOf("sqlite3")],
    ["zstd", versionOf("zstd")],
  ];
  const missing = found.filter(([, version]) => version === undefined).map(([name]) => name);
  if (go !== undefined) buildTools();
  return {
    missing,
    versions: found.flatMap(([name, version]) => (version === undefined ? [] : `${name}: ${version}`)),
  };
}

function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? /\d+\.\d+\.\d+/.exec(stdout)?.[0] : undefined;
}

/** The SDK's own writer; it decodes the rows before its clock starts. */
export function runSdk(engine: Engine, file: string, directory: string): OtherRun {
  const target = join(directory, `${engine}.c1z`);
  const result = JSON.parse(output("interop", "bench", "-engine", engine, file, target));
  rmSync(target);
  return {
    seconds: result.seconds,
    parts: { put: result.putSeconds, end: result.endSeconds, pack: result.closeSeconds },
    rows: result.rows,
    databaseBytes: result.dbBytes,
    fileBytes: result.fileBytes,
    peakRssBytes: result.peakRssBytes,
    loadedRssBytes: result.loadedRssBytes,
  };
}

/** Writes the rows of a file as CSV and as a script for `sqlite3`. Not timed. */
export function exportRows(file: string, directory: string): void {
  output("interop", "export", file, directory);
}

/** The least that such a file costs: `sqlite3` loads the exported rows and makes the same indexes, `zstd -3` packs the result. */
export function runYardstick(directory: string): OtherRun {
  const database = join(directory, "yardstick.db");
  const packed = `${database}.zst`;
  for (const path of [database, packed]) rmSync(path, { force: true });
  const load = timed("sqlite3", [database], directory, "import.sql");
  const pack = timed("zstd", ["-3", "-q", database], directory);
  const run = {
    seconds: load + pack,
    parts: { load, pack },
    rows: countRows(database),
    databaseBytes: statSync(database).size,
    fileBytes: statSync(packed).size,
  };
  for (const path of [database, packed]) rmSync(path);
  return run;
}

function timed(program: string, args: readonly string[], cwd: string, input?: string): number {
  const stdin = input === undefined ? "ignore" : openSync(join(cwd, input), "r");
  try {
    const startedMs = performance.now();
    const { status, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", stdio: [stdin, "ignore", "pipe"] });
    const seconds = (performance.now() - startedMs) / 1000;
    // sqlite3 goes on after an error and may still end with 0.
    if (status !== 0 || stderr !== "") throw new Error(`${program} ended with ${status}\n${stderr}`);
    return seconds;
  } finally {
    if (typeof stdin === "number") closeSync(stdin);
  }
}

/** As the Go command counts: everything that a connector writes, not the run itself. */
function countRows(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants"];
    const sql = `SELECT ${tables.map((table) => `(SELECT count(*) FROM ${table})`).join(" + ")} AS rows`;
    return Number(database.prepare(sql).get()?.["rows"]);
  } finally {
    database.close();
  }
}
