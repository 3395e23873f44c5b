import { emailKey } from "../baton/email-address.ts";
import { oneLine } from "../baton/one-line.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncReader, SyncRun } from "../c1z/sync-reader.ts";
import type { ConfigInput } from "../config/sources.ts";
import type { StoredEntitlement, StoredResource } from "../wire/stored-records.ts";
import { inspectFlags } from "./commands.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";
import { chooseRun, eachRow, openFile, readSyncFileCall, type SyncFileCall } from "./sync-files.ts";

export interface InspectDeps {
  readonly out: Output;
  readonly input: ConfigInput;
  readonly stop: AbortSignal;
}

/** A row of any table: its columns in order. */
type Row = Readonly<Record<string, string>>;

/**
 * Shows what a sync file holds: a summary, or with `--table` the rows of one table, of one user or of one role. Reads files
 * of the Go SDK too. Rows are printed while they are read. Resolves with the exit code.
 */
export async function inspectCommand({ input, out, stop }: InspectDeps): Promise<number> {
  try {
    const call = readSyncFileCall(input, inspectFlags, 1);
    const [path = ""] = call.files;
    await using reader = await openFile(path, call, stop);
    const run = chooseRun(reader, call.flags.get("sync"), path);
    const table = tableOf(call);
    if (table === undefined) {
      printSummary(path, reader, run, call, out);
      return 0;
    }
    const printRow = rowPrinter(call, out);
    await eachRow(await rowsOf(table, { reader, run, stop }, call), stop, (row) => {
      if (row !== undefined) printRow(row);
    });
    return 0;
  } catch (reason) {
    return reportError(stop.aborted ? new StatusError("cancelled", "interrupted") : reason, out);
  }
}

const tables = ["users", "resources", "entitlements", "grants"] as const;
type Table = (typeof tables)[number];

function tableOf({ flags }: SyncFileCall): Table | undefined {
  const name = flags.get("table");
  const found = tables.find((table) => table === name);
  if (name !== undefined && found === undefined) {
    throw new StatusError("invalid_argument", `there is no table ${oneLine(name)}: use one of ${tables.join(", ")}`);
  }
  if (found !== undefined) return found;
  return flags.has("user") || flags.has("role") ? "grants" : undefined;
}

function printSummary(path: string, reader: SyncReader, run: SyncRun, { json }: SyncFileCall, out: Output): void {
  const byType = reader.countByType(run.id);
  const entitlements = reader.countEntitlements(run.id);
  const summary = {
    file: path,
    fileBytes: reader.fileBytes,
    databaseBytes: reader.databaseBytes,
    sync: run,
    syncs: reader.runs.length,
    resourceTypes: [...reader.resourceTypes(run.id)].map(({ id }) => id),
    resources: Object.fromEntries(byType),
    entitlements,
    grants: reader.countGrants(run.id),
  };
  if (json) {
    out.stdout(`${JSON.stringify(summary)}\n`);
    return;
  }
  const rows: readonly (readonly [string, string])[] = [
    ["file", path],
    ["format", `v1 (SQLite), ${reader.fileBytes} bytes, ${reader.databaseBytes} unpacked`],
    ["sync", `${run.id}, ${run.type}${reader.runs.length === 1 ? "" : ` (one of ${reader.runs.length})`}`],
    ["started", run.startedAt],
    ["ended", run.endedAt ?? "it did not end"],
    ...[...byType].map(([type, n]) => [type, String(n)] as const),
    ["entitlements", String(entitlements)],
    ["grants", String(summary.grants)],
  ];
  out.stdout(rows.map(([label, value]) => `${oneLine(label).padEnd(16)}${oneLine(value)}\n`).join(""));
}

/** One sync of an opened file. */
interface Source {
  readonly reader: SyncReader;
  readonly run: SyncRun;
  readonly stop: AbortSignal;
}

/** The rows that are asked for; `undefined` in place of each of the others, so that no run of them holds up the process. */
async function rowsOf(table: Table, source: Source, { flags }: SyncFileCall): Promise<Iterable<Row | undefined>> {
  const { reader, run } = source;
  const [user, role] = [flags.get("user"), flags.get("role")];
  if (table === "entitlements") return entitlementRows(source, role);
  if (table === "grants") {
    const users = user === undefined ? undefined : await usersLike(source, user);
    return grantRows(source, users, await entitlementsById(source), role);
  }
  return resourceRows(reader.resources(run.id, table === "users" ? "user" : undefined), user);
}

function* entitlementRows({ reader, run }: Source, role: string | undefined): Generator<Row | undefined> {
  for (const { displayName, id, resourceId, resourceType } of reader.entitlements(run.id)) {
    yield role === undefined || resourceId === role ? { id, displayName, resourceType, resourceId } : undefined;
  }
}

function* resourceRows(resources: Iterable<StoredResource>, user: string | undefined): Generator<Row | undefined> {
  for (const resource of resources) {
    const { displayName, email, id, status, type } = resource;
    yield user === undefined || isUser(resource, user) ? { type, id, displayName, email, status } : undefined;
  }
}

/** Grants with the names of whom they belong to. */
function* grantRows(
  { reader, run }: Source,
  users: ReadonlySet<string> | undefined,
  entitlements: ReadonlyMap<string, StoredEntitlement>,
  role: string | undefined,
): Generator<Row | undefined> {
  for (const { entitlementId, id, principalId, principalType } of reader.grants(run.id)) {
    const entitlement = entitlements.get(entitlementId);
    const isWanted =
      (role === undefined || entitlement?.resourceId === role) && (users === undefined || users.has(principalId));
    yield isWanted
      ? { id, entitlement: entitlement?.displayName ?? entitlementId, principalType, principalId }
      : undefined;
  }
}

async function entitlementsById({ reader, run, stop }: Source): Promise<ReadonlyMap<string, StoredEntitlement>> {
  const byId = new Map<string, StoredEntitlement>();
  await eachRow(reader.entitlements(run.id), stop, (entitlement) => byId.set(entitlement.id, entitlement));
  return byId;
}

async function usersLike({ reader, run, stop }: Source, wanted: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  await eachRow(reader.resources(run.id, "user"), stop, (user) => {
    if (isUser(user, wanted)) ids.add(user.id);
  });
  return ids;
}

function isUser({ email, id }: { readonly email: string; readonly id: string }, wanted: string): boolean {
  return id === wanted || emailKey(email) === emailKey(wanted);
}

/** Prints one JSON object per line, or columns between tabs under a heading. */
function rowPrinter({ json }: SyncFileCall, out: Output): (row: Row) => void {
  let first = true;
  return (row) => {
    if (json) {
      out.stdout(`${JSON.stringify(row)}\n`);
      return;
    }
    if (first) out.stdout(`${Object.keys(row).join("\t")}\n`);
    first = false;
    out.stdout(`${Object.values(row).map(oneLine).join("\t")}\n`);
  };
}
