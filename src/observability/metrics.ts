import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { codeClasses, codes, kubeCodes, labelValues, type MetricRow, metricRows, operations } from "./metric-rows.ts";

const runBuckets = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const phaseBuckets = [0.1, 1, 10, 60, 300, 1800];
const callBuckets = [0.05, 0.25, 1, 5, 30, 120];

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

/** Gauges that are absent until there is something to say, like those named `_timestamp_seconds`. */
const withoutZero = ["sync_artifact_bytes", "leader"];

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
    const fromZero = !row.name.endsWith("_timestamp_seconds") && !withoutZero.includes(row.name);
    if (row.type === "gauge" && row.labels.length === 0 && !fromZero) this.gauge(row.name).remove();
  }

  /** Sets every combination to 0, because a counter that first appears at 1 is invisible to increase(). */
  #initialise(taskTypes: readonly string[]): void {
    for (const outcome of labelValues.outcome) this.counter("sync_runs_total").inc({ outcome }, 0);
    for (const outcome of labelValues.poll) this.counter("polls_total").inc({ outcome }, 0);
    for (const outcome of labelValues.heartbeat) this.counter("heartbeats_total").inc({ outcome }, 0);
    this.#initialiseCredentials();
    this.#initialiseKube();
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

  #initialiseKube(): void {
    for (const verb of labelValues.verb) {
      for (const code of kubeCodes[verb]) this.counter("kube_requests_total").inc({ verb, code }, 0);
    }
  }

  #initialiseCredentials(): void {
    for (const credential of labelValues.credential) {
      this.gauge("credential_pending").set({ credential }, 0);
      for (const outcome of labelValues.reload)
        this.counter("credential_reloads_total").inc({ credential, outcome }, 0);
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
