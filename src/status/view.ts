/** Everything the page shows, as it goes over the wire. Times are wall-clock milliseconds. */
export interface StatusView {
  readonly about: AboutView;
  readonly connection: ConnectionView;
  readonly tasks: TasksView;
  /** Newest first. */
  readonly syncs: readonly SyncView[];
  readonly changes: ChangesView;
  readonly budgets: readonly BudgetView[];
  readonly credentials: readonly CredentialView[];
  /** Newest first. */
  readonly problems: readonly ProblemView[];
}

/** The name of one part of the page. */
export type StatusSection = keyof StatusView;

export interface AboutView {
  readonly version: string;
  readonly revision: string;
  readonly hostId: string;
  readonly startedMs: number;
  /** Whether e-mail addresses are shown as they are. */
  readonly showsPeople: boolean;
}

export interface ConnectionView {
  readonly state: "starting" | "polling" | "standby" | "draining" | "stopped";
  /** Where C1 is; `undefined` while there is no client id. */
  readonly host: string | undefined;
  readonly lastPollMs: number | undefined;
  readonly nextPollMs: number | undefined;
  readonly failingSinceMs: number | undefined;
  /** Why /ready is not 200 although C1 may answer, in words. */
  readonly problem: string | undefined;
}

export interface TasksView {
  /** The ten that have run longest. */
  readonly running: readonly RunningTaskView[];
  /** How many more run. */
  readonly more: number;
  /** Fetched, and waiting for a slot. */
  readonly queued: number;
}

export interface RunningTaskView {
  readonly id: string;
  readonly type: string;
  readonly startedMs: number;
  /** What a sync is doing; `undefined` for other tasks and for a sync that waits for another one. */
  readonly phase: SyncPhase | undefined;
  /** How far a sync is, 0 to 1, as far as it can be told. */
  readonly progress: number | undefined;
  readonly counts: CountsView | undefined;
}

/** The steps of a sync in order. */
export const syncPhases = ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"] as const;
export type SyncPhase = (typeof syncPhases)[number];

export interface CountsView {
  readonly users: number;
  readonly disabled: number;
  readonly roles: number;
  readonly entitlements: number;
  readonly grants: number;
}

/** A sync that has ended. */
export interface SyncView {
  readonly startedMs: number;
  readonly durationMs: number;
  readonly outcome: "success" | "failure" | "cancelled";
  /** Status of a sync that failed. */
  readonly code: string | undefined;
  /** Of the file that C1 accepted. */
  readonly bytes: number | undefined;
  readonly counts: CountsView | undefined;
  readonly changes: ChangeCounts | undefined;
}

export interface ChangeCounts {
  /** Accounts that are active now and were not before. */
  readonly added: number;
  /** Accounts that were active before and are not now. */
  readonly removed: number;
  readonly roleChanges: number;
}

/** What the last accepted sync changed. */
export type ChangesView =
  | { readonly kind: "none"; readonly reason: string }
  | ({
      readonly kind: "compared";
      /** When the two syncs that are compared were accepted. */
      readonly previousMs: number;
      readonly acceptedMs: number;
      /** The most frequent role changes. */
      readonly moves: readonly { readonly from: string; readonly to: string; readonly count: number }[];
      /** Some of the people; `undefined` where names are not to be shown or the team is too large to keep them. */
      readonly names: ChangedNames | undefined;
    } & ChangeCounts);

export interface ChangedNames {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly roleChanges: readonly string[];
}

export interface BudgetView {
  readonly name: string;
  readonly requestsPerMinute: number;
  /** Requests that began within the last minute. */
  readonly used: number;
  readonly waiting: number;
  readonly pausedUntilMs: number | undefined;
}

/** `waiting`: a newer version has not been accepted yet; `rejected`: the service does not accept what is in use. */
export type CredentialState = "in use" | "waiting" | "rejected" | "missing" | "not configured";

export interface CredentialView {
  readonly name: string;
  readonly state: CredentialState;
  /** Since when this version is in use. */
  readonly sinceMs: number | undefined;
  /** When the access token made from it expires, where there is one. */
  readonly tokenExpiresMs: number | undefined;
  /** How many newer versions this process has put in use, and turned down. */
  readonly rotations: number;
  readonly rejections: number;
  /** Why the state is what it is; empty when all is well. */
  readonly note: string;
}

/** Something that went wrong; repetitions are counted. */
export interface ProblemView {
  readonly level: "warn" | "error";
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  /** Type of the task, or the credential, that it is about. */
  readonly about: string | undefined;
  readonly title: string;
  /** More of it; empty when the title says all. */
  readonly detail: string;
  readonly fix: string;
  /** Status, where it is known. */
  readonly code: string | undefined;
}
