import type { DatabaseSync } from "node:sqlite";

/** Counts and the run of a c1z, by SQL alone. */
export interface TableFacts {
  readonly syncId: string;
  readonly syncType: string;
  readonly resourceTypes: number;
  readonly users: number;
  readonly roles: number;
  readonly entitlements: number;
  readonly grants: number;
}

const objectTables = ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants"];
const timeText = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?$/;
const syncTypes = new Set(["full", "partial", "resources_only"]);

/** Counts the rows of the one finished sync; adds what is wrong to `problems`. Throws when a table is missing. */
export function inspectTables(database: DatabaseSync, problems: string[]): TableFacts {
  const count = (sql: string): number => Number(database.prepare(`SELECT count(*) AS n FROM ${sql}`).get()?.["n"]);
  const check = database.prepare("PRAGMA quick_check").get()?.["quick_check"];
  if (check !== "ok") problems.push(`the database is damaged: ${String(check)}`);

  const { syncId, syncType, stats } = inspectRun(database, problems);
  for (const table of objectTables) {
    const strays = count(`${table} WHERE sync_id IS NOT '${syncId}'`);
    if (strays > 0) problems.push(`${table} has ${strays} rows of another sync`);
    const times = database
      .prepare(`SELECT min(discovered_at) AS first, max(discovered_at) AS last FROM ${table}`)
      .get();
    for (const time of [times?.["first"], times?.["last"]]) {
      if (time !== null && !isTime(time)) problems.push(`${table} has discovered_at ${String(time)}`);
    }
  }
  const orphans = count(
    `v1_grants g WHERE NOT EXISTS (SELECT 1 FROM v1_entitlements e WHERE e.external_id = g.entitlement_id)
      OR NOT EXISTS (SELECT 1 FROM v1_resources r
        WHERE r.external_id = g.principal_resource_type_id || ':' || g.principal_resource_id)`,
  );
  if (orphans > 0) problems.push(`${orphans} grants name an entitlement or principal that is not in the file`);

  const facts: TableFacts = {
    syncId,
    syncType,
    resourceTypes: count("v1_resource_types"),
    users: count("v1_resources WHERE resource_type_id = 'user'"),
    roles: count("v1_resources WHERE resource_type_id = 'role'"),
    entitlements: count("v1_entitlements"),
    grants: count("v1_grants"),
  };
  if (stats !== null) inspectStats(stats, facts, count("v1_resources"), problems);
  return facts;
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && timeText.test(value);
}

function inspectRun(database: DatabaseSync, problems: string[]): { syncId: string; syncType: string; stats: unknown } {
  const runs = database
    .prepare(
      "SELECT sync_id, sync_type, started_at, ended_at, parent_sync_id, grants_backfilled, stats FROM v1_sync_runs",
    )
    .all();
  const [run] = runs;
  if (runs.length !== 1 || run === undefined) problems.push(`there are ${runs.length} sync runs, not one`);
  if (run === undefined) return { syncId: "", syncType: "", stats: null };
  const { started_at: started, ended_at: ended } = run;
  if (!isTime(started)) problems.push(`started_at is ${String(started)}`);
  if (!isTime(ended)) problems.push(ended === null ? "the sync has not ended" : `ended_at is ${String(ended)}`);
  if (String(ended) < String(started)) problems.push("the sync ended before it started");
  if (!syncTypes.has(String(run["sync_type"]))) problems.push(`sync_type is ${String(run["sync_type"])}`);
  if (!/^[0-9A-Za-z]{27}$/.test(String(run["sync_id"]))) problems.push(`sync_id is ${String(run["sync_id"])}`);
  if (run["grants_backfilled"] !== 1) problems.push("grants_backfilled is not 1");
  return { syncId: String(run["sync_id"]), syncType: String(run["sync_type"]), stats: run["stats"] };
}

function inspectStats(text: unknown, facts: TableFacts, resources: number, problems: string[]): void {
  const stats: unknown = JSON.parse(String(text));
  if (typeof stats !== "object" || stats === null) {
    problems.push(`stats is ${String(text)}`);
    return;
  }
  const told = (name: string): unknown => new Map<string, unknown>(Object.entries(stats)).get(name) ?? 0;
  const wanted: Readonly<Record<string, number>> = {
    resource_types: facts.resourceTypes,
    resources,
    ...(facts.syncType === "resources_only" ? {} : { entitlements: facts.entitlements, grants: facts.grants }),
  };
  for (const [name, count] of Object.entries(wanted)) {
    if (told(name) !== count) problems.push(`stats says ${String(told(name))} ${name}, the file has ${count}`);
  }
}
