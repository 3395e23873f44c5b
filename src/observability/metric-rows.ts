/** Closed label sets. A value outside its set is counted as `other`, so that no series is ever made at run time. */
export const labelValues = {
  outcome: ["success", "failure", "cancelled"],
  taskOutcome: ["success", "failure", "cancelled"],
  phase: ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"],
  kind: ["user_active", "user_disabled", "role", "entitlement", "grant"],
  api: ["c1", "cursor_admin", "cursor_scim"],
  credential: ["c1", "cursor_api", "cursor_scim"],
  reload: ["activated", "rejected", "unreadable"],
  verb: ["get", "update", "create"],
  poll: ["task", "empty", "error"],
  heartbeat: ["ok", "error", "cancelled"],
} as const;

export type SyncPhaseLabel = (typeof labelValues.phase)[number];
export type KubeVerbLabel = (typeof labelValues.verb)[number];
export type Api = (typeof labelValues.api)[number];

/** Operations per API, the closed set behind the `operation` label. */
export const operations: Readonly<Record<Api, readonly string[]>> = {
  c1: ["token", "Hello", "GetTask", "GetTasks", "Heartbeat", "UploadAsset", "FinishTask"],
  cursor_admin: ["members", "remove_member"],
  cursor_scim: ["read", "create", "update", "delete"],
};

/** What an upstream answered, folded into few classes. */
export const codeClasses = [
  "ok",
  "client_error",
  "auth_error",
  "rate_limited",
  "server_error",
  "network_error",
] as const;
export type CodeClass = (typeof codeClasses)[number];

/** How a task failed, in the same classes. */
export const failureClasses = codeClasses.filter((code) => code !== "ok");

/** What the Kubernetes API answered, by what was asked; only an update can meet a conflict. */
export const kubeCodes = {
  get: ["ok", "auth_error", "error"],
  update: ["ok", "conflict", "auth_error", "error"],
  create: ["ok", "auth_error", "error"],
} as const satisfies Readonly<Record<KubeVerbLabel, readonly string[]>>;

/** Task types with a label of their own; the rest, which are refused, are counted as `other`. */
export const taskTypeLabels = ["hello", "sync_full", "create_account", "delete_resource"] as const;

/** Every label with its closed set of values; docs/metrics.md shows them. */
export const labelValuesByName: Readonly<Record<string, readonly string[]>> = {
  outcome: [...new Set([...labelValues.outcome, ...labelValues.poll, ...labelValues.heartbeat, ...labelValues.reload])],
  credential: labelValues.credential,
  phase: labelValues.phase,
  kind: labelValues.kind,
  api: labelValues.api,
  operation: Object.values(operations).flat(),
  verb: labelValues.verb,
  code: [...codeClasses, "conflict", "error"],
  task_type: [...taskTypeLabels, "other"],
};

/** One metric of the contract; docs/metrics.md is made from these. */
export interface MetricRow {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

export const metricRows = [
  {
    name: "build_info",
    type: "gauge",
    labels: ["version", "revision", "node"],
    help: "Always 1; the labels say what runs.",
  },
  { name: "sync_runs_total", type: "counter", labels: ["outcome"], help: "Full-sync tasks ended, by outcome." },
  { name: "sync_run_duration_seconds", type: "histogram", labels: ["outcome"], help: "Duration of full-sync tasks." },
  {
    name: "sync_phase_duration_seconds",
    type: "histogram",
    labels: ["phase"],
    help: "Duration of each phase of a sync.",
  },
  { name: "sync_in_progress", type: "gauge", labels: [], help: "Full syncs running now." },
  { name: "sync_started_timestamp_seconds", type: "gauge", labels: [], help: "When the newest full sync started." },
  {
    name: "sync_last_success_timestamp_seconds",
    type: "gauge",
    labels: [],
    help: "When C1 last accepted a sync; absent before the first.",
  },
  {
    name: "sync_last_attempt_timestamp_seconds",
    type: "gauge",
    labels: [],
    help: "When a full sync last ended, well or not.",
  },
  {
    name: "sync_objects",
    type: "gauge",
    labels: ["kind"],
    help: "Objects in the last accepted sync for which C1 asked for everything; absent before the first.",
  },
  { name: "sync_artifact_bytes", type: "gauge", labels: [], help: "Size of the last accepted sync file." },
  {
    name: "upload_bytes_total",
    type: "counter",
    labels: [],
    help: "Bytes of asset data sent to C1, repeats included.",
  },
  { name: "upload_duration_seconds", type: "histogram", labels: [], help: "Duration of completed uploads." },
  { name: "upload_retries_total", type: "counter", labels: [], help: "Upload attempts that were started again." },
  { name: "tasks_total", type: "counter", labels: ["task_type", "outcome"], help: "Tasks ended, by type and outcome." },
  {
    name: "task_duration_seconds",
    type: "histogram",
    labels: ["task_type"],
    help: "Duration of tasks, the report to C1 included.",
  },
  {
    name: "task_failures_total",
    type: "counter",
    labels: ["task_type", "code"],
    help: "Failed tasks by what kind of failure it was; logs and C1 have the exact code.",
  },
  { name: "tasks_in_flight", type: "gauge", labels: ["task_type"], help: "Tasks running now." },
  { name: "polls_total", type: "counter", labels: ["outcome"], help: "Polls of C1 for tasks." },
  {
    name: "last_poll_success_timestamp_seconds",
    type: "gauge",
    labels: [],
    help: "When C1 last answered a poll; absent before the first.",
  },
  { name: "heartbeats_total", type: "counter", labels: ["outcome"], help: "Heartbeats of running syncs." },
  {
    name: "upstream_requests_total",
    type: "counter",
    labels: ["api", "operation", "code"],
    help: "Calls to other services.",
  },
  {
    name: "upstream_request_duration_seconds",
    type: "histogram",
    labels: ["api"],
    help: "Duration of calls to other services.",
  },
  { name: "rate_limited_total", type: "counter", labels: ["api"], help: "Answers that told us to slow down." },
  {
    name: "rate_limit_wait_seconds_total",
    type: "counter",
    labels: ["api"],
    help: "Time spent waiting for the rate budget.",
  },
  {
    name: "c1_token_expiry_timestamp_seconds",
    type: "gauge",
    labels: [],
    help: "When the cached C1 access token expires.",
  },
  {
    name: "credential_reloads_total",
    type: "counter",
    labels: ["credential", "outcome"],
    help: "New versions of a credential that were found, by what became of them.",
  },
  {
    name: "credential_pending",
    type: "gauge",
    labels: ["credential"],
    help: "1 while a new version of a credential waits to be accepted.",
  },
  {
    name: "credential_active_since_timestamp_seconds",
    type: "gauge",
    labels: ["credential"],
    help: "Since when the version of a credential is in use; absent without one.",
  },
  {
    name: "leader",
    type: "gauge",
    labels: [],
    help: "1 while this replica polls C1, 0 while it stands by; absent without leader election.",
  },
  {
    name: "lease_transitions_total",
    type: "counter",
    labels: [],
    help: "How often this replica began or ceased to lead.",
  },
  {
    name: "kube_requests_total",
    type: "counter",
    labels: ["verb", "code"],
    help: "Calls to the Kubernetes API: the Lease is read and updated, Events are created.",
  },
  {
    name: "temp_dir_bytes",
    type: "gauge",
    labels: [],
    help: "Disk space that scratch files of this program take in the temporary directory.",
  },
  {
    name: "memory_limit_bytes",
    type: "gauge",
    labels: [],
    help: "Memory that the process may take: the container's limit, or all of the machine.",
  },
  { name: "shutdown_in_progress", type: "gauge", labels: [], help: "1 while the process drains." },
] as const satisfies readonly MetricRow[];
