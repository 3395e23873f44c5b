import { StatusError } from "../baton/status-error.ts";
import type { SyncCounts, SyncType } from "../baton/sync-writer.ts";
import type { SyncDatabase } from "./database.ts";
import { type SyncStats, statsJson, total } from "./stats.ts";
import { timestampText } from "./timestamp.ts";

/** What the end of a sync needs to know besides its rows. */
export interface SyncEnd {
  readonly type: SyncType;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Ids of the resource types that were put. */
  readonly resourceTypes: readonly string[];
  /** What was put, to be compared with what is stored. */
  readonly counts: SyncCounts;
}

/**
 * Counts what the database holds, writes the run with these numbers and ends the transaction. Throws `internal` for a
 * sync without resources and `data_loss` when rows are missing.
 */
export function endRun(database: SyncDatabase, end: SyncEnd): void {
  const stats: SyncStats = {
    resourceTypes: end.resourceTypes,
    resources: database.rowsByType("v1_resources"),
    entitlements: database.rowsByType("v1_entitlements"),
    grants: database.rowsByType("v1_grants"),
  };
  checkCounts(stats, end.counts);
  database.end({
    type: end.type,
    startedAt: timestampText(end.startedMs),
    // A wall clock may be set back while a sync runs; a run that ends before it starts is unreadable.
    endedAt: timestampText(Math.max(end.startedMs, end.endedMs)),
    stats: statsJson(stats),
  });
}

function checkCounts(stats: SyncStats, counts: SyncCounts): void {
  const resources = counts.usersActive + counts.usersDisabled + counts.roles;
  if (resources === 0) {
    throw new StatusError(
      "internal",
      "the sync holds no resources: it is refused, because C1 would read it as everybody having left",
    );
  }
  const put = [resources, counts.entitlements, counts.grants].join(", ");
  const stored = [total(stats.resources), total(stats.entitlements), total(stats.grants)].join(", ");
  if (put === stored) return;
  throw new StatusError(
    "data_loss",
    `the sync database holds ${stored} resources, entitlements and grants instead of ${put}: check the disk of the temporary directory`,
  );
}
