import { totalmem } from "node:os";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import {
  type Api,
  codeClasses,
  failureClasses,
  kubeCodes,
  labelValues,
  type MetricRow,
  metricRows,
  operations,
} from "./metric-rows.ts";

/** Upper bounds in seconds. Every bound costs as many series as the histogram has label sets. */
const buckets: Readonly<Record<NameOf<"histogram">, number[]>> = {
  sync_run_duration_seconds: [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
  sync_phase_duration_seconds: [0.1, 1, 10, 120, 1800],
  upload_duration_seconds: [0.1, 1, 10, 120, 1800],
  task_duration_seconds: [0.25, 1, 5, 30, 300],
  upstream_request_duration_seconds: [0.05, 0.25, 1, 5, 30, 120],
};
const gcBuckets = [0.01, 0.1, 1];

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
 * promtool rejects gauges named `_total`. The label sets of those beside them are open, and the per-space heap gauges would
 * take 39 series for what the heap totals already say; the others repeat what stays.
 */
const droppedDefaults = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
  "nodejs_heap_space_size_total_bytes",
  "nodejs_heap_space_size_used_bytes",
  "nodejs_heap_space_size_available_bytes",
  "nodejs_eventloop_lag_min_seconds",
  "nodejs_eventloop_lag_mean_seconds",
  "nodejs_eventloop_lag_stddev_seconds",
  "nodejs_eventloop_lag_p50_seconds",
  "nodejs_version_info",
  "process_cpu_user_seconds_total",
  "process_cpu_system_seconds_total",
  "process_virtual_memory_bytes",
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
  readonly #measurements = new Map<string, () => Promise<number>>();

  constructor(options: MetricsOptions) {
    this.#taskTypes = new Set(options.taskTypes);
    const taskTypes = [...this.#taskTypes, "other"];
    for (const row of metricRows) this.#create(row);
    this.gauge("build_info").set({ version: options.version, revision: options.revision, node: process.version }, 1);
    this.#initialise(taskTypes);
    this.gauge("memory_limit_bytes").set(memoryLimitBytes());
    if (options.processMetrics) {
      collectDefaultMetrics({ register: this.registry, gcDurationBuckets: gcBuckets });
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

  /** From now on the gauge is what `measure` gives at each scrape. Where it rejects, the last value stays. */
  measured(name: NameOf<"gauge">, measure: () => Promise<number>): void {
    this.#measurements.set(name, measure);
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
    if (row.type === "gauge") {
      this.#gauges.set(row.name, new Gauge({ ...config, collect: () => this.#measure(row.name) }));
    } else if (row.type === "counter") this.#counters.set(row.name, new Counter(config));
    else this.#histograms.set(row.name, new Histogram({ ...config, buckets: buckets[row.name] }));
    // A gauge without a value yet must not read as 0: "last success in 1970" would page somebody.
    const fromZero = !row.name.endsWith("_timestamp_seconds") && !withoutZero.includes(row.name);
    if (row.type === "gauge" && row.labels.length === 0 && !fromZero) this.gauge(row.name).remove();
  }

  async #measure(name: NameOf<"gauge">): Promise<void> {
    const value = await this.#measurements
      .get(name)?.()
      .catch(() => undefined);
    if (value !== undefined) this.gauge(name).set(value);
  }

  /** Sets every combination to 0, because a counter that first appears at 1 is invisible to increase(). */
  #initialise(taskTypes: readonly string[]): void {
    for (const outcome of labelValues.outcome) {
      this.counter("sync_runs_total").inc({ outcome }, 0);
      this.histogram("sync_run_duration_seconds").zero({ outcome });
    }
    for (const phase of labelValues.phase) this.histogram("sync_phase_duration_seconds").zero({ phase });
    for (const outcome of labelValues.poll) this.counter("polls_total").inc({ outcome }, 0);
    for (const outcome of labelValues.heartbeat) this.counter("heartbeats_total").inc({ outcome }, 0);
    for (const task_type of taskTypes) this.#initialiseTasks(task_type);
    for (const api of labelValues.api) this.#initialiseUpstream(api);
    this.#initialiseCredentials();
    this.#initialiseKube();
  }

  #initialiseTasks(task_type: string): void {
    this.histogram("task_duration_seconds").zero({ task_type });
    this.gauge("tasks_in_flight").set({ task_type }, 0);
    for (const outcome of labelValues.taskOutcome) this.counter("tasks_total").inc({ task_type, outcome }, 0);
    for (const code of failureClasses) this.counter("task_failures_total").inc({ task_type, code }, 0);
  }

  #initialiseUpstream(api: Api): void {
    this.histogram("upstream_request_duration_seconds").zero({ api });
    this.counter("rate_limited_total").inc({ api }, 0);
    this.counter("rate_limit_wait_seconds_total").inc({ api }, 0);
    for (const operation of operations[api]) {
      for (const code of codeClasses) this.counter("upstream_requests_total").inc({ api, operation, code }, 0);
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

/** The cgroup's limit where there is one; cgroups without a limit say a number that no machine has. */
function memoryLimitBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const metric = map.get(name);
  if (metric === undefined) throw new TypeError(`no metric is called ${name}`);
  return metric;
}
