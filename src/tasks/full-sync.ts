import type { C1Client } from "../baton/c1-client.ts";
import type { Clock } from "../baton/clock.ts";
import type { Connector } from "../baton/connector.ts";
import { StatusError } from "../baton/status-error.ts";
import type { OpenSyncWriter } from "../baton/sync-writer.ts";
import type { SyncFullOptions, SyncSummary, TaskHandler, TaskRun } from "../baton/task.ts";
import { collectSync, timed } from "./collect-sync.ts";
import { type OpenDebugLog, openForTask, uploadDebugLog } from "./debug-log.ts";
import type { SyncHooks } from "./sync-hooks.ts";

export interface FullSyncDeps {
  readonly connector: Connector;
  readonly openSyncWriter: OpenSyncWriter;
  readonly c1: Pick<C1Client, "uploadAsset">;
  readonly clock: Clock;
  readonly hooks: SyncHooks;
  /** The operator's own filter on resource types, for tasks that have none; empty means all. */
  readonly resourceTypeIds: readonly string[];
  /** Absent where debug logs are not offered. */
  readonly openDebugLog?: OpenDebugLog;
}

/**
 * Collects one sync, uploads it, and then the debug log if C1 asked for one. From the upload on the task may use the
 * shutdown grace. A failure is retryable whatever its code, because C1 syncs again anyway; a sync of single
 * resources alone is refused for good.
 */
export function createFullSync(deps: FullSyncDeps): TaskHandler<"sync_full"> {
  return async function fullSync(options, run) {
    try {
      return await syncAndUpload(deps, options, run);
    } catch (reason) {
      // An unexpected exception goes on as it is: the worker logs where it comes from and makes it retryable.
      if (!(reason instanceof StatusError)) throw reason;
      throw reason.withRetryable(options.targetedResources === 0);
    }
  };
}

async function syncAndUpload(deps: FullSyncDeps, options: SyncFullOptions, run: TaskRun): Promise<SyncSummary> {
  const { connector, c1, hooks } = deps;
  await using debugLog = await openForTask(deps.openDebugLog, run);
  const { log } = run;
  if (options.storageEngine === "pebble") {
    log.info("C1 asked for the pebble storage engine; the sync file is written in format v1, which it reads as well");
  }
  const resourceTypeIds = options.resourceTypeIds.length > 0 ? options.resourceTypeIds : deps.resourceTypeIds;
  await using sync = await collectSync({ ...deps, log }, { ...options, resourceTypeIds }, run.signal);
  run.enterGracePhase();
  await timed("upload", deps, () => c1.uploadAsset(run.task.id, sync.file, run.signal));
  connector.accepted(sync.snapshot);
  const summary = { counts: sync.counts, bytes: sync.file.bytes };
  hooks.onAccepted?.(summary, isPartial(options));
  log.info("sync uploaded", { ...summary.counts, bytes: summary.bytes });
  if (debugLog !== undefined) await uploadDebugLog(debugLog, c1, run);
  return summary;
}

/** Whether C1 asked for less than everything. The operator's own filter is the same for every sync and counts as everything. */
function isPartial({ resourceTypeIds, skipGrants, skipEntitlementsAndGrants }: SyncFullOptions): boolean {
  return resourceTypeIds.length > 0 || skipGrants || skipEntitlementsAndGrants;
}
