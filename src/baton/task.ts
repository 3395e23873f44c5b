import type { AccountCreation, AccountDeletion, AccountInfo, CredentialChoice } from "./account.ts";
import type { Logger } from "./logger.ts";
import type { ResourceId } from "./resource.ts";
import type { StatusError } from "./status-error.ts";
import type { SyncCounts } from "./sync-writer.ts";

/** Options of a `sync_full` task as C1 sends them. */
export interface SyncFullOptions {
  /** Only these resource types; empty means all. */
  readonly resourceTypeIds: readonly string[];
  readonly skipGrants: boolean;
  readonly skipEntitlementsAndGrants: boolean;
  /** How many single resources C1 asked for; anything but 0 is refused. */
  readonly targetedResources: number;
  /** `""`, `sqlite` or `pebble`; ignored, because every file is format v1. */
  readonly storageEngine: string;
}

export interface SyncSummary {
  readonly counts: SyncCounts;
  readonly bytes: number;
}

/** An annotation that travels through us unread: the type URL and bytes of a google.protobuf.Any. */
export interface OpaqueAny {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** A `create_account` task as C1 sends it. */
export interface CreateAccountInput {
  readonly accountInfo: AccountInfo | undefined;
  /** Empty means the connector's only type of account. */
  readonly resourceTypeId: string;
  readonly credentials: CredentialChoice;
}

/** What C1 is told about a provisioning task that succeeded. */
export type TaskAnswer =
  | {
      readonly answers: "create_account";
      readonly result:
        | Exclude<AccountCreation, { readonly kind: "declined" }>
        | { readonly kind: "action_required"; readonly message: string };
    }
  | {
      readonly answers: "delete_resource";
      readonly result: { readonly kind: Exclude<AccountDeletion["kind"], "declined"> };
    };

type OfResource = { readonly input: { readonly resourceType: string | undefined }; readonly output: undefined };
type Ticket = {
  readonly input: { readonly malformed: boolean; readonly annotations: readonly OpaqueAny[] };
  readonly output: undefined;
};

/**
 * Everything C1 may ask, one row per task type (wire spelling), with what a handler gets and gives.
 * `undefined` in an input marks a part that C1 left out.
 */
export interface TaskTypes {
  hello: { readonly input: object; readonly output: undefined };
  sync_full: { readonly input: SyncFullOptions; readonly output: SyncSummary };
  grant: OfResource;
  revoke: OfResource;
  create_account: { readonly input: CreateAccountInput; readonly output: TaskAnswer };
  create_resource: OfResource;
  delete_resource: { readonly input: { readonly resourceId: ResourceId | undefined }; readonly output: TaskAnswer };
  rotate_credentials: { readonly input: { readonly resourceId: ResourceId | undefined }; readonly output: undefined };
  issue_credential: { readonly input: { readonly malformed: boolean }; readonly output: undefined };
  create_ticket_task: Ticket;
  get_ticket: Ticket;
  bulk_create_tickets: Ticket;
  bulk_get_tickets: Ticket;
  list_ticket_schemas: Ticket;
  action_list_schemas: { readonly input: object; readonly output: undefined };
  action_get_schema: { readonly input: { readonly name: string }; readonly output: undefined };
  action_invoke: {
    readonly input: { readonly name: string; readonly resourceTypeId: string };
    readonly output: undefined;
  };
  action_status: { readonly input: { readonly id: string }; readonly output: undefined };
  list_event_feeds: { readonly input: object; readonly output: undefined };
  list_events: { readonly input: { readonly eventFeedId: string }; readonly output: undefined };
  /** event_feed, create_sync_diff, compact_syncs, an unset or an unknown arm. */
  unsupported: { readonly input: { readonly name: string }; readonly output: undefined };
}
export type TaskType = keyof TaskTypes;

/** One unit of work from C1. `id` is 27 alphanumeric characters. */
export type Task<K extends TaskType = TaskType> = {
  [P in K]: {
    readonly type: P;
    readonly id: string;
    /** C1 wants a debug-level log of this task uploaded. */
    readonly debug: boolean;
    readonly input: TaskTypes[P]["input"];
  };
}[K];

/**
 * What a handler gets besides its input.
 * `signal` aborts when the work must end: C1 cancelled, heartbeats were lost, or a forced stop; its reason is a StatusError.
 */
export interface TaskRun {
  readonly task: { readonly id: string; readonly debug: boolean };
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Tells the worker that from now on the task may use the shutdown grace (an upload has begun). */
  enterGracePhase(): void;
}

/** Returns the output or throws; never reports to C1 itself. */
export type TaskHandler<K extends TaskType> = (
  input: TaskTypes[K]["input"],
  run: TaskRun,
) => Promise<TaskTypes[K]["output"]>;

/** A map with every task type; a missing row does not compile. */
export type TaskHandlers = { readonly [P in TaskType]: TaskHandler<P> };

export type TaskOutcome =
  | { readonly ok: true; readonly answer?: TaskAnswer | undefined }
  | { readonly ok: false; readonly error: StatusError; readonly annotations: readonly OpaqueAny[] };

/** What is reported to C1 when a task has ended. */
export interface TaskReport {
  readonly task: { readonly id: string; readonly type: TaskType };
  readonly outcome: TaskOutcome;
}
