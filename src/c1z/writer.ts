import { randomBytes as systemRandomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../baton/clock.ts";
import type { Entitlement, Grant, Resource, ResourceId, ResourceType, Trait } from "../baton/resource.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import type { OpenSyncWriter, SyncCounts, SyncFile, SyncType, SyncWriter } from "../baton/sync-writer.ts";
import { packDatabase } from "./container.ts";
import { SyncDatabase } from "./database.ts";
import { endRun } from "./finish.ts";
import { ksuid, type RandomBytes } from "./ksuid.ts";
import { checkId, checkResourceId, shown } from "./limits.ts";
import { createRecordEncoder } from "./records.ts";
import { makePrivateDirectory, type PrivateDirectory, sweepLeavings } from "./temp-dir.ts";
import { timestampText } from "./timestamp.ts";

/** Readers refuse to unpack more by default (baton-sdk, pkg/dotc1z/decoder.go). */
const defaultMaxDatabaseBytes = 10 * 1024 ** 3;

export interface SyncWriterOptions {
  /** An existing directory; each sync makes a private one in it and needs about the database's size times 1.2. */
  readonly tempDir: string;
  readonly clock: Clock;
  /** Default: the system's secure source. */
  readonly randomBytes?: RandomBytes;
  /** Largest database that is written, in bytes. Default 10 GiB, the most that readers accept. */
  readonly maxDatabaseBytes?: number;
}

/**
 * Makes writers of v1 `.c1z` files: one finished sync run each, with a fresh KSUID as sync id. Opening throws
 * `failed_precondition` when the temporary directory cannot be used.
 */
export function createSyncWriter(options: SyncWriterOptions): OpenSyncWriter {
  return async (syncType) => {
    // What an earlier sync could not remove: a disk that has failed once may have got better.
    await sweepLeavings(options.tempDir);
    const directory = makePrivateDirectory(options.tempDir);
    try {
      return new C1zWriter(directory, syncType, options);
    } catch (error) {
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  };
}

class C1zWriter implements SyncWriter {
  readonly syncId: string;
  readonly #directory: PrivateDirectory;
  readonly #syncType: SyncType;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #database: SyncDatabase;
  readonly #encoder = createRecordEncoder();
  readonly #traits = new Map<string, Trait>();
  readonly #counts = { resourceTypes: 0, usersActive: 0, usersDisabled: 0, roles: 0, entitlements: 0, grants: 0 };
  readonly #disposal = new AbortController();
  #knownEntitlement: Entitlement | undefined;
  /** Why nothing more can be done with this writer. */
  #closed: StatusError | undefined;
  #finishing: Promise<SyncFile> | undefined;

  constructor(directory: PrivateDirectory, syncType: SyncType, options: SyncWriterOptions) {
    this.#directory = directory;
    this.#syncType = syncType;
    this.#clock = options.clock;
    this.#startedMs = options.clock.nowMs();
    this.syncId = ksuid(this.#startedMs, options.randomBytes ?? systemRandomBytes);
    this.#database = new SyncDatabase({
      path: this.#databasePath,
      sortDirectory: directory.path,
      syncId: this.syncId,
      discoveredAt: timestampText(this.#startedMs),
      maxBytes: options.maxDatabaseBytes ?? defaultMaxDatabaseBytes,
    });
  }

  get counts(): SyncCounts {
    return { ...this.#counts };
  }

  putResourceType(type: ResourceType): void {
    this.#put(() => {
      checkId(type.id, "id of a resource type");
      if (type.id.includes(":")) {
        throw new StatusError(
          "internal",
          `the resource type ${shown(type.id)} has a colon in its id: ids joined with it would clash`,
        );
      }
      this.#database.insertResourceType(type.id, this.#encoder.resourceType(type));
      this.#traits.set(type.id, type.trait);
      this.#counts.resourceTypes += 1;
    });
  }

  putResource(resource: Resource): void {
    this.#put(() => {
      checkResourceId(resource.id, `a ${resource.kind}`);
      const { resourceType } = resource.id;
      // Readers refuse a whole sync when a resource lacks the trait that its type promises.
      if (this.#traits.get(resourceType) !== resource.kind) {
        throw new StatusError(
          "internal",
          `the resource type ${shown(resourceType)} is not one of kind ${resource.kind} in this sync`,
        );
      }
      this.#database.insertResource(resourceType, joined(resource.id), this.#encoder.resource(resource));
      if (resource.kind === "role") this.#counts.roles += 1;
      else if (resource.status === "enabled") this.#counts.usersActive += 1;
      else this.#counts.usersDisabled += 1;
    });
  }

  putEntitlement(entitlement: Entitlement): void {
    this.#put(() => {
      this.#refuseInResourcesOnly("entitlements");
      checkId(entitlement.id, "id of an entitlement");
      checkId(entitlement.slug, "slug of an entitlement");
      const { resourceType, resource } = entitlement.resource.id;
      if (!this.#traits.has(resourceType) || !this.#database.hasResource(joined(entitlement.resource.id))) {
        throw new StatusError(
          "internal",
          `the entitlement ${shown(entitlement.id)} belongs to a resource that is not in the sync`,
        );
      }
      this.#database.insertEntitlement(resourceType, resource, entitlement.id, this.#encoder.entitlement(entitlement));
      this.#counts.entitlements += 1;
    });
  }

  /**
   * A principal that is not in the sync is found by `finish`, because asking row by row would cost a tenth of the load.
   */
  putGrant(grant: Grant): void {
    this.#put(() => {
      const { entitlement, principal, id } = grant;
      this.#checkGrantedEntitlement(entitlement);
      checkId(id, "id of a grant");
      checkResourceId(principal, "a grant's principal");
      if (!this.#traits.has(principal.resourceType)) {
        throw new StatusError("internal", `the grant ${shown(id)} names a principal of a type that is not in the sync`);
      }
      const { resourceType, resource } = entitlement.resource.id;
      this.#database.insertGrant(
        [resourceType, resource, entitlement.id, principal.resourceType, principal.resource, id],
        this.#encoder.grant(grant),
      );
      this.#counts.grants += 1;
    });
  }

  async finish(signal: AbortSignal): Promise<SyncFile> {
    if (this.#closed !== undefined) throw this.#closed;
    this.#closed = new StatusError("internal", "the sync file is finished: rows belong into a new one");
    this.#finishing = this.#complete(AbortSignal.any([signal, this.#disposal.signal]));
    return await this.#finishing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const discarded = new StatusError("cancelled", "the sync file was discarded");
    this.#closed ??= discarded;
    this.#disposal.abort(discarded);
    await Promise.allSettled([this.#finishing]);
    this.#database.close();
    await this.#directory[Symbol.asyncDispose]();
  }

  get #databasePath(): string {
    return join(this.#directory.path, "sync.db");
  }

  /** After a refused row the writer is of no use: a file without the row would read as if nobody had it. */
  #put(row: () => void): void {
    if (this.#closed !== undefined) throw this.#closed;
    try {
      row();
    } catch (error) {
      this.#closed = StatusError.from(error);
      throw this.#closed;
    }
  }

  #refuseInResourcesOnly(what: string): void {
    if (this.#syncType === "full") return;
    throw new StatusError("internal", `a sync of type ${this.#syncType} holds no ${what}`);
  }

  /** Grants come entitlement by entitlement, so the last one checked is nearly always the one at hand. */
  #checkGrantedEntitlement(entitlement: Entitlement): void {
    if (entitlement === this.#knownEntitlement) return;
    this.#refuseInResourcesOnly("grants");
    checkId(entitlement.id, "id of a grant's entitlement");
    const { resourceType, resource } = entitlement.resource.id;
    if (!this.#database.hasEntitlement(entitlement.id, resourceType, resource)) {
      throw new StatusError(
        "internal",
        `a grant names the entitlement ${shown(entitlement.id)}, which is not in the sync or of another resource`,
      );
    }
    this.#knownEntitlement = entitlement;
  }

  async #complete(signal: AbortSignal): Promise<SyncFile> {
    try {
      for (const step of this.#database.completionSteps()) {
        // Heartbeats and probes get their turn between two steps.
        await setImmediate();
        throwIfAborted(signal);
        step();
      }
      await setImmediate();
      throwIfAborted(signal);
      endRun(this.#database, {
        type: this.#syncType,
        startedMs: this.#startedMs,
        endedMs: this.#clock.nowMs(),
        resourceTypes: [...this.#traits.keys()],
        counts: this.#counts,
      });
      const file = await packDatabase({
        databasePath: this.#databasePath,
        targetPath: join(this.#directory.path, "sync.c1z"),
        signal,
      });
      await rm(this.#databasePath);
      return file;
    } catch (error) {
      this.#closed = StatusError.from(error);
      throw this.#closed;
    }
  }
}

/** `<resource type>:<resource id>`, the key of a resource in a sync file. */
function joined(id: ResourceId): string {
  return `${id.resourceType}:${id.resource}`;
}
