import assert from "node:assert/strict";
import type { Resource } from "../../src/baton/resource.ts";
import { StatusError, throwIfAborted } from "../../src/baton/status-error.ts";
import type { OpenSyncWriter, SyncFile, SyncType, SyncWriter } from "../../src/baton/sync-writer.ts";

/** What one writer was given, row by row as ids. */
export interface WrittenSync {
  readonly type: SyncType;
  readonly types: string[];
  readonly resources: string[];
  readonly entitlements: string[];
  readonly grants: string[];
  finished: boolean;
  disposed: boolean;
}

/** Writers that keep rows in memory and, like the real ones, refuse duplicates, dangling rows and rows out of order. */
export interface FakeSyncWriters {
  readonly open: OpenSyncWriter;
  /** Every sync that was opened. */
  readonly syncs: readonly WrittenSync[];
}

export function createFakeSyncWriters(beforePut: (rows: number) => void = () => undefined): FakeSyncWriters {
  const syncs: WrittenSync[] = [];
  return {
    syncs,
    async open(type) {
      const sync: WrittenSync = {
        type,
        types: [],
        resources: [],
        entitlements: [],
        grants: [],
        finished: false,
        disposed: false,
      };
      syncs.push(sync);
      return createWriter(sync, `sync${syncs.length}`, beforePut);
    },
  };
}

function createWriter(sync: WrittenSync, syncId: string, beforePut: (rows: number) => void): SyncWriter {
  const known = new Set<string>();
  const people = { usersActive: 0, usersDisabled: 0, roles: 0 };
  let rows = 0;

  function put(list: string[], id: string, needs: readonly string[]): void {
    assert.ok(!sync.finished && !sync.disposed, "the writer is open");
    rows += 1;
    beforePut(rows);
    if (known.has(id)) throw new StatusError("internal", `two rows are called ${id}`);
    const missing = needs.find((need) => !known.has(need));
    if (missing !== undefined) throw new StatusError("internal", `${id} names ${missing}, which is not in the sync`);
    known.add(id);
    list.push(id);
  }

  function count(resource: Resource): void {
    if (resource.kind === "role") people.roles += 1;
    else if (resource.status === "enabled") people.usersActive += 1;
    else people.usersDisabled += 1;
  }

  return {
    syncId,
    get counts() {
      const { types, entitlements, grants } = sync;
      return { ...people, resourceTypes: types.length, entitlements: entitlements.length, grants: grants.length };
    },
    putResourceType: ({ id }) => put(sync.types, id, []),
    putResource(resource) {
      put(sync.resources, key(resource.id), [resource.id.resourceType]);
      count(resource);
    },
    putEntitlement: ({ id, resource }) => put(sync.entitlements, id, [key(resource.id)]),
    putGrant: ({ id, entitlement, principal }) => put(sync.grants, id, [entitlement.id, key(principal)]),
    async finish(signal): Promise<SyncFile> {
      throwIfAborted(signal);
      sync.finished = true;
      return { path: "/nowhere/sync.c1z", bytes: rows, sha256: new Uint8Array(32) };
    },
    async [Symbol.asyncDispose]() {
      sync.disposed = true;
    },
  };
}

function key(id: { readonly resourceType: string; readonly resource: string }): string {
  return `${id.resourceType}:${id.resource}`;
}
