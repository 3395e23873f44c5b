import { setImmediate } from "node:timers/promises";
import type { Clock } from "../baton/clock.ts";
import type { Connector, ConnectorMetadata, Snapshot } from "../baton/connector.ts";
import { addToLogScope } from "../baton/log-scope.ts";
import type { Logger } from "../baton/logger.ts";
import type { Entitlement, Grant, Resource, ResourceType } from "../baton/resource.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import type { OpenSyncWriter, SyncCounts, SyncFile, SyncWriter } from "../baton/sync-writer.ts";
import type { SyncFullOptions } from "../baton/task.ts";
import type { SyncHooks, SyncPhase } from "./sync-hooks.ts";

export interface CollectSyncDeps {
  readonly connector: Pick<Connector, "metadata" | "readSnapshot">;
  readonly openSyncWriter: OpenSyncWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: SyncHooks;
}

export type CollectSyncOptions = Omit<SyncFullOptions, "storageEngine">;

/** A finished sync file and what it was made from. Disposing removes the file; move or upload it before that. */
export interface CollectedSync extends AsyncDisposable {
  readonly snapshot: Snapshot;
  readonly file: SyncFile;
  readonly counts: SyncCounts;
}

/** Rows between two turns of the event loop: heartbeats, probes and Ctrl-C are heard in between. */
const rowsPerTurn = 1_000;

/**
 * Reads the upstream once and writes what `options` ask for into a sync file. Options that cannot be honoured are refused
 * before anything is fetched: an unknown resource type with `invalid_argument`, single resources with `unimplemented`.
 * Rejects with the signal's reason soon after it aborts; on any rejection nothing is left on disk. The sync's id joins the log
 * scope, so that what comes after it tells it too.
 */
export async function collectSync(
  deps: CollectSyncDeps,
  options: CollectSyncOptions,
  signal: AbortSignal,
): Promise<CollectedSync> {
  const types = selectTypes(deps.connector.metadata, options);
  await using cleanUp = new AsyncDisposableStack();
  const writer = cleanUp.use(await deps.openSyncWriter(options.skipEntitlementsAndGrants ? "resources_only" : "full"));
  addToLogScope({ syncId: writer.syncId });
  // No separate proof of the credentials: the roster request proves them, and the rate budget counts requests.
  const snapshot = await timed("validate", deps, () => deps.connector.readSnapshot(signal));
  await copyRows(snapshot, types, options, { ...deps, writer, signal });
  const file = await timed("pack", deps, () => writer.finish(signal));
  const kept = cleanUp.move();
  return { snapshot, file, counts: writer.counts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Runs one phase and tells the hooks how long it took. */
export async function timed<T>(
  phase: SyncPhase,
  { clock, hooks }: Pick<CollectSyncDeps, "clock" | "hooks">,
  work: () => Promise<T>,
): Promise<T> {
  const startedMs = clock.monotonicMs();
  hooks.onPhaseStart?.(phase);
  const result = await work();
  hooks.onPhase?.(phase, clock.monotonicMs() - startedMs);
  return result;
}

/** The types to sync, never more than was asked for: a wrong filter must not turn into a sync of everything. */
function selectTypes(metadata: ConnectorMetadata, options: CollectSyncOptions): readonly ResourceType[] {
  if (options.targetedResources > 0) {
    throw new StatusError(
      "unimplemented",
      "this connector cannot sync single resources: ask for a full sync, with a filter on resource types if need be",
      { retryable: false },
    );
  }
  const types = metadata.resourceTypes.map(({ type }) => type);
  if (options.resourceTypeIds.length === 0) return types;
  const known = new Set(types.map(({ id }) => id));
  const unknown = options.resourceTypeIds.find((id) => !known.has(id));
  if (unknown !== undefined) {
    throw new StatusError(
      "invalid_argument",
      `invalid resource type ${JSON.stringify(unknown.slice(0, 100))} in filter: this connector has ${[...known].join(", ")}`,
    );
  }
  return types.filter(({ id }) => options.resourceTypeIds.includes(id));
}

interface CopyDeps extends CollectSyncDeps {
  readonly writer: SyncWriter;
  readonly signal: AbortSignal;
}

/** Types and resources, then entitlements and grants, each kind unless it was to be left out. */
async function copyRows(
  snapshot: Snapshot,
  types: readonly ResourceType[],
  options: CollectSyncOptions,
  deps: CopyDeps,
): Promise<void> {
  const { writer } = deps;
  await copy("types", types, (type) => writer.putResourceType(type), deps);
  await copy("resources", resourcesOf(types, snapshot), (resource) => writer.putResource(resource), deps);
  if (options.skipEntitlementsAndGrants) return;

  const typeIds = new Set(types.map(({ id }) => id));
  const leftOut = { entitlements: 0, grants: 0 };
  const putEntitlement = (entitlement: Entitlement): void => {
    if (typeIds.has(entitlement.resource.id.resourceType)) writer.putEntitlement(entitlement);
    else leftOut.entitlements += 1;
  };
  const putGrant = (grant: Grant): void => {
    // Without its principal or its entitlement a grant would point at nothing.
    const whole = typeIds.has(grant.entitlement.resource.id.resourceType) && typeIds.has(grant.principal.resourceType);
    if (whole) writer.putGrant(grant);
    else leftOut.grants += 1;
  };
  await copy("entitlements", snapshot.entitlements(), putEntitlement, deps);
  if (!options.skipGrants) await copy("grants", snapshot.grants(), putGrant, deps);
  if (leftOut.entitlements + leftOut.grants > 0) {
    deps.log.info("rows of other resource types were left out, as the filter asks", leftOut);
  }
}

function* resourcesOf(types: readonly ResourceType[], snapshot: Snapshot): Generator<Resource> {
  for (const { id } of types) yield* snapshot.resources(id);
}

async function copy<Row>(
  phase: SyncPhase,
  rows: Iterable<Row>,
  put: (row: Row) => void,
  deps: CopyDeps,
): Promise<void> {
  const { writer, hooks, signal } = deps;
  await timed(phase, deps, async () => {
    let sinceTurn = 0;
    for (const row of rows) {
      put(row);
      sinceTurn += 1;
      if (sinceTurn < rowsPerTurn) continue;
      sinceTurn = 0;
      hooks.onProgress?.(phase, writer.counts);
      await setImmediate();
      throwIfAborted(signal);
    }
    hooks.onProgress?.(phase, writer.counts);
    throwIfAborted(signal);
  });
}
