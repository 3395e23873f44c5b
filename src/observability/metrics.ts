import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { statusCodes } from "../baton/status-error.ts";

const codes = Object.keys(statusCodes);
const runBuckets = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const phaseBuckets = [0.1, 1, 10, 60, 300, 1800];
const callBuckets = [0.05, 0.25, 1, 5, 30, 120];

/** Closed label sets. A value outside its set is counted as `other`, so that no series is ever made at run time. */
const labelValues = {
  outcome: ["success", "failure", "cancelled"],
  taskOutcome: ["success", "failure", "cancelled"],
  phase: ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"],
  kind: ["user_active", "user_disabled", "role", "entitlement", "grant"],
  api: ["c1", "cursor_admin", "cursor_scim"],
  poll: ["task", "empty", "error"],
  heartbeat: ["ok", "error", "cancelled"],
} as const;

export type SyncPhaseLabel = (typeof labelValues.phase)[number];
export type Api = (typeof labelValues.api)[number];

/** Operations per API, the closed set behind the `operation` label. */
const operations: Readonly<Record<Api, readonly string[]>> = {
  c1: ["token", "Hello", "GetTask", "GetTasks", "Heartbeat", "UploadAsset", "FinishTask"],
  cursor_admin: ["members", "remove_member"],
  cursor_scim: ["read", "create", "update", "delete"],
};

/** What an upstream answered, folded into few classes. */
const codeClasses = ["ok", "client_error", "auth_error", "rate_limited", "server_error", "network_error"] as const;
export type CodeClass = (typeof codeClasses)[number];

/** Task types with a label of their own; the rest, which are refused, are counted as `other`. */
export const taskTypeLabels = ["hello", "sync_full", "create_account", "delete_resource", "grant", "revoke"] as const;

/** Every label with its closed set of values; docs/metrics.md shows them. */
export const labelValuesByName: Readonly<Record<string, readonly string[]>> = {
  outcome: [...new Set([...labelValues.outcome, ...labelValues.poll, ...labelValues.heartbeat])],
  phase: labelValues.phase,
  kind: labelValues.kind,
  api: labelValues.api,
  operation: Object.values(operations).flat(),
  code: [...codeClasses, ...codes.filter((code) => code !== "ok")],
  task_type: [...taskTypeLabels, "other"],
  rate_limited: ["true", "false"],
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
    help: "Objects in the last accepted sync; absent before the first.",
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
    labels: ["task_type", "code", "rate_limited"],
    help: "Failed tasks by status code.",
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
  { name: "shutdown_in_progress", type: "gauge", labels: [], help: "1 while the process drains." },
] as const satisfies readonly MetricRow[];

type Row = (typeof metricRows)[number];
type NameOf<T extends MetricRow["type"]> = Extract<Row, { type: T }>["name"];

export interface MetricsOptions {
  readonly version: string;
  readonly revision: string;
  readonly taskTypes: readonly string[];
  /** False leaves out the process, GC and event-loop metrics of prom-client (tests). */
  readonly processMetrics: boolean;
}

/**
 * promtool rejects gauges named `_total` (the per-type gauges beside them stay), and the per-space heap gauges would take
 * 39 series for what the heap totals already say.
 */
const droppedDefaults = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
  "nodejs_heap_space_size_total_bytes",
  "nodejs_heap_space_size_used_bytes",
  "nodejs_heap_space_size_available_bytes",
];

/** Every metric on a registry of its own; all names carry the prefix `baton_`. */
export class Metrics {
  readonly registry = new Registry();
  readonly #taskTypes: ReadonlySet<string>;
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(options: MetricsOptions) {
    this.#taskTypes = new Set(options.taskTypes);
    const taskTypes = [...this.#taskTypes, "other"];
    for (const row of metricRows) this.#create(row);
    this.gauge("build_info").set({ version: options.version, revision: options.revision, node: process.version }, 1);
    this.#initialise(taskTypes);
    if (options.processMetrics) {
      collectDefaultMetrics({ register: this.registry });
      for (const name of droppedDefaults) this.registry.removeSingleMetric(name);
    }
  }

  gauge(name: NameOf<"gauge">): Gauge {
    return found(this.#gauges, name);
  }

  counter(name: NameOf<"counter">): Counter {
    return found(this.#counters, name);
  }

  histogram(name: NameOf<"histogram">): Histogram {
    return found(this.#histograms, name);
  }

  /** The task type as a label, `other` when it has no label of its own. */
  taskTypeLabel(type: string): string {
    return this.#taskTypes.has(type) ? type : "other";
  }

  #create(row: Row): void {
    const config = {
      name: `baton_${row.name}`,
      help: row.help,
      labelNames: [...row.labels],
      registers: [this.registry],
    };
    if (row.type === "gauge") this.#gauges.set(row.name, new Gauge(config));
    else if (row.type === "counter") this.#counters.set(row.name, new Counter(config));
    else this.#histograms.set(row.name, new Histogram({ ...config, buckets: bucketsOf(row.name) }));
    // A gauge without a value yet must not read as 0: "last success in 1970" would page somebody.
    if (row.type === "gauge" && (row.name.endsWith("_timestamp_seconds") || row.name === "sync_artifact_bytes")) {
      this.gauge(row.name).remove();
    }
  }

  /** Sets every combination to 0, because a counter that first appears at 1 is invisible to increase(). */
  #initialise(taskTypes: readonly string[]): void {
    for (const outcome of labelValues.outcome) this.counter("sync_runs_total").inc({ outcome }, 0);
    for (const outcome of labelValues.poll) this.counter("polls_total").inc({ outcome }, 0);
    for (const outcome of labelValues.heartbeat) this.counter("heartbeats_total").inc({ outcome }, 0);
    for (const task_type of taskTypes) {
      for (const outcome of labelValues.taskOutcome) this.counter("tasks_total").inc({ task_type, outcome }, 0);
      this.gauge("tasks_in_flight").set({ task_type }, 0);
    }
    for (const code of codes.filter((name) => name !== "ok")) {
      this.counter("task_failures_total").inc({ task_type: "sync_full", code, rate_limited: "false" }, 0);
    }
    for (const api of labelValues.api) {
      this.counter("rate_limited_total").inc({ api }, 0);
      this.counter("rate_limit_wait_seconds_total").inc({ api }, 0);
      for (const operation of operations[api]) {
        for (const code of codeClasses) this.counter("upstream_requests_total").inc({ api, operation, code }, 0);
      }
    }
  }
}

function bucketsOf(name: NameOf<"histogram">): number[] {
  if (name === "sync_run_duration_seconds") return runBuckets;
  return name === "sync_phase_duration_seconds" || name === "upload_duration_seconds" ? phaseBuckets : callBuckets;
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const metric = map.get(name);
  if (metric === undefined) throw new TypeError(`no metric is called ${name}`);
  return metric;
}
