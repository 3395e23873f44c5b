import type { AccountManager } from "./account.ts";
import type { Entitlement, Grant, Resource, ResourceType } from "./resource.ts";

/** What C1 may ask of a resource type beyond reading it. Names follow c1.connector.v2.Capability. */
export type Capability = "sync" | "account_provisioning" | "resource_delete";

/** One field of the form that C1 shows when an account is created. */
export interface AccountField {
  readonly key: string;
  readonly displayName: string;
  readonly description: string;
  readonly placeholder: string;
  readonly required: boolean;
}

/** Sent to C1 in Hello and printed by `capabilities`. */
export interface ConnectorMetadata {
  readonly displayName: string;
  readonly description: string;
  /** An https address. */
  readonly helpUrl: string;
  /** Per resource type, what can be done with it; types sorted by id. */
  readonly resourceTypes: readonly { readonly type: ResourceType; readonly capabilities: readonly Capability[] }[];
  /** The form for new accounts; empty when accounts cannot be created. */
  readonly accountFields: readonly AccountField[];
}

/** One consistent reading of the upstream. Iterating costs no further request; it may be iterated more than once. */
export interface Snapshot {
  /** Resources of one type, ordered by resource id. */
  resources(resourceTypeId: string): Iterable<Resource>;
  /** Entitlements ordered by id. */
  entitlements(): Iterable<Entitlement>;
  /** Grants ordered by id, each naming an entitlement and a principal of this snapshot. */
  grants(): Iterable<Grant>;
}

/** What a SaaS adapter provides. */
export interface Connector {
  readonly metadata: ConnectorMetadata;
  /** Creates and deletes accounts; absent where that is not configured, and then `metadata` says so too. */
  readonly accounts?: AccountManager | undefined;
  /** Proves the credentials with one call. Throws a StatusError that tells the operator what to do. */
  validate(signal: AbortSignal): Promise<void>;
  /**
   * Reads the upstream once. Throws rather than returning a snapshot that could be read as mass deprovisioning:
   * an empty or malformed answer is an error, never an empty snapshot.
   */
  readSnapshot(signal: AbortSignal): Promise<Snapshot>;
  /** Called when C1 (or the one-shot caller) has accepted what `snapshot` held, e.g. to remember its size. */
  accepted(snapshot: Snapshot): void;
}
