import type { Entitlement, Grant, Resource, ResourceType } from "./resource.ts";

/** A finished sync file on disk. */
export interface SyncFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the whole file, 32 bytes. */
  readonly sha256: Uint8Array;
}

/** What a sync contains, counted by the writer as rows went in. */
export interface SyncCounts {
  readonly resourceTypes: number;
  readonly usersActive: number;
  readonly usersDisabled: number;
  readonly roles: number;
  readonly entitlements: number;
  readonly grants: number;
}

/** `full`, or `resources_only` when entitlements and grants were left out on request. */
export type SyncType = "full" | "resources_only";

/**
 * Collects one sync, rows in the order: types, resources, entitlements, grants. The put methods are synchronous and
 * throw a StatusError on a row that would make the file wrong (missing id, duplicate, dangling reference); a grant
 * whose principal is missing may be found by finish() only. After such an error nothing but disposal works. Disposing
 * removes every trace on disk, also after finish(); move or upload the file before that.
 */
export interface SyncWriter extends AsyncDisposable {
  /** Names this sync in the file and in the log: a KSUID of its own. */
  readonly syncId: string;
  readonly counts: SyncCounts;
  putResourceType(type: ResourceType): void;
  putResource(resource: Resource): void;
  putEntitlement(entitlement: Entitlement): void;
  putGrant(grant: Grant): void;
  /** Ends the sync run, packs the file and returns it. Rejects with the signal's reason on abort. */
  finish(signal: AbortSignal): Promise<SyncFile>;
}

/** Opens a writer on a fresh file in a private directory. `syncType` is what the finished run is labelled as. */
export type OpenSyncWriter = (syncType: SyncType) => Promise<SyncWriter>;
