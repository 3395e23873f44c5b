import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Histogram } from "prom-client";
import { systemClock } from "../baton/clock.ts";
import { type StatusCode, StatusError, statusCodes } from "../baton/status-error.ts";
import { c1Metrics, credentialMetrics, syncMetrics, upstreamMetrics, workerMetrics } from "./hooks.ts";
import { kubeMetrics } from "./kube-metrics.ts";
import { labelValues, labelValuesByName, metricRows, operations, taskTypeLabels } from "./metric-rows.ts";
import { Metrics } from "./metrics.ts";

const create = (processMetrics = false) =>
  new Metrics({ version: "1", revision: "r", taskTypes: taskTypeLabels, processMetrics });

async function seriesOf(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.registry.metrics()).split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.replace(/ [^ ]+$/, ""));
}

const codes = Object.keys(statusCodes) as StatusCode[];
const counts = { resourceTypes: 2, usersActive: 5, usersDisabled: 1, roles: 3, entitlements: 3, grants: 5 };

/** Everything that can be counted, in every variant, known and unknown. */
function useEverything(metrics: Metrics): void {
  const worker = workerMetrics(metrics, systemClock);
  for (const state of ["starting", "polling", "standby", "draining", "stopped"]) worker.onState(state);
  for (const outcome of labelValues.poll) worker.onPoll(outcome);
  for (const outcome of labelValues.heartbeat) worker.onHeartbeat(outcome);
  const rateLimit = { limit: 1, remaining: 0, resetAt: new Date(0) };
  for (const type of [...taskTypeLabels, "grant", "revoke", "list_events", "unheard-of"]) {
    for (const outcome of labelValues.outcome) {
      for (const code of codes.filter((name) => name !== "ok")) {
        worker.onTaskStart(type);
        worker.onTaskDone({ type, outcome, error: new StatusError(code, "x"), durationMs: 1 });
      }
    }
    worker.onTaskStart(type);
    worker.onTaskDone({
      type,
      outcome: "failure",
      error: new StatusError("unavailable", "x", { rateLimit }),
      durationMs: 1,
    });
  }
  const sync = syncMetrics(metrics, systemClock);
  for (const phase of labelValues.phase) sync.onPhase(phase, 1);
  sync.onAccepted({ counts, bytes: 1 }, false);
  const credentials = credentialMetrics(metrics, systemClock);
  for (const credential of labelValues.credential) {
    for (const outcome of labelValues.reload) credentials.onReload(credential, outcome);
    credentials.onPending(credential, true);
    credentials.onActive(credential);
  }
  useUpstreams(metrics);
  const kube = kubeMetrics(metrics);
  kube.onLeading(true);
  for (const verb of ["get", "update", "create", "patch"] as const) {
    for (const status of [undefined, 200, 401, 404, 409, 410, 429, 500]) kube.onCall({ verb, status });
  }
}

function useUpstreams(metrics: Metrics): void {
  for (const api of ["cursor_admin", "cursor_scim"] as const) {
    const upstream = upstreamMetrics(metrics, api);
    for (const operation of operations[api]) {
      for (const status of [undefined, 200, 301, 400, 401, 403, 404, 429, 500, 503]) {
        upstream.onResponse({ operation, status, durationMs: 1 });
      }
    }
    upstream.onWait(1);
    upstream.onPause();
  }
  const c1 = c1Metrics(metrics);
  for (const method of operations.c1) for (const code of codes) c1.onRpc({ method, code, durationMs: 1 });
  c1.onTokenExpiry(1);
  c1.onUploadRetry();
  c1.onUploadBytes(1);
}

suite("metrics", () => {
  test("stay below 400 series however the process is used, those of Node included", async (context) => {
    const metrics = create(true);
    useEverything(metrics);
    const gc = metrics.registry.getSingleMetric("nodejs_gc_duration_seconds");
    assert.ok(gc instanceof Histogram);
    for (const kind of ["major", "minor", "incremental", "weakcb"]) gc.observe({ kind }, 0.1);
    const series = await seriesOf(metrics);
    assert.equal(new Set(series).size, series.length);
    context.diagnostic(`${series.length} series`);
    assert.ok(series.length > 300 && series.length < 400, `${series.length} series`);
  });

  test("are all there from the start, except those that have nothing to say yet", async () => {
    const metrics = create();
    const before = new Set(await seriesOf(metrics));
    useEverything(metrics);
    const late = (await seriesOf(metrics)).filter((series) => !before.has(series));
    assert.deepEqual(
      late.map((series) => series.replace(/\{.*/, "")).filter((name, at, all) => all[at - 1] !== name),
      [
        "baton_sync_started_timestamp_seconds",
        "baton_sync_last_success_timestamp_seconds",
        "baton_sync_last_attempt_timestamp_seconds",
        "baton_sync_objects",
        "baton_sync_artifact_bytes",
        "baton_last_poll_success_timestamp_seconds",
        "baton_c1_token_expiry_timestamp_seconds",
        "baton_credential_active_since_timestamp_seconds",
        "baton_leader",
      ],
    );
  });

  test("have no label and no value beside those of the contract", async () => {
    const metrics = create();
    useEverything(metrics);
    for (const series of await seriesOf(metrics)) {
      const [, name = "", labels = ""] = /^baton_(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?$/.exec(series) ?? [];
      const row = metricRows.find((candidate) => candidate.name === name);
      assert.ok(row, series);
      if (name === "build_info") continue;
      const pairs = Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, label = "", value = ""]) => [label, value]);
      const own = pairs.filter(([label]) => label !== "le");
      assert.deepEqual(
        own.map(([label]) => label),
        row.labels,
      );
      for (const [label = "", value = ""] of own) assert.ok(labelValuesByName[label]?.includes(value), series);
    }
  });

  test("every value of the contract occurs", async () => {
    const metrics = create();
    useEverything(metrics);
    const text = (await seriesOf(metrics)).join("\n");
    for (const [label, values] of Object.entries(labelValuesByName)) {
      for (const value of values) assert.ok(text.includes(`${label}="${value}"`), `${label}="${value}"`);
    }
  });

  test("every name has a unit or a kind that Prometheus expects", () => {
    for (const row of metricRows) {
      if (row.type === "counter") assert.match(row.name, /_total$/);
      if (row.type === "histogram") assert.match(row.name, /_seconds$/);
      if (row.type === "gauge") assert.doesNotMatch(row.name, /_total$|_count$|_sum$|_bucket$/);
    }
  });

  test("failures are counted in classes, throttling as such", async () => {
    const metrics = create();
    const { onTaskDone } = workerMetrics(metrics, systemClock);
    const failed = (type: string, code: StatusCode, options = {}) =>
      onTaskDone({ type, outcome: "failure", error: new StatusError(code, "x", options), durationMs: 1 });
    failed("sync_full", "data_loss");
    failed("create_account", "failed_precondition");
    failed("create_account", "unavailable", { rateLimit: { limit: 1, remaining: 0, resetAt: new Date(0) } });
    failed("grant", "unimplemented");
    const text = await metrics.registry.metrics();
    for (const labels of [
      'task_type="sync_full",code="server_error"',
      'task_type="create_account",code="client_error"',
      'task_type="create_account",code="rate_limited"',
      'task_type="other",code="client_error"',
    ]) {
      assert.ok(text.includes(`baton_task_failures_total{${labels}} 1\n`), labels);
    }
  });

  test("a sync that left something out on request does not look like a loss", async () => {
    const metrics = create();
    const { onAccepted } = syncMetrics(metrics, systemClock);
    onAccepted({ counts, bytes: 10 }, false);
    onAccepted({ counts: { ...counts, grants: 0 }, bytes: 5 }, true);
    const text = await metrics.registry.metrics();
    assert.match(text, /^baton_sync_objects\{kind="grant"\} 5$/m);
    assert.match(text, /^baton_sync_artifact_bytes 5$/m);
  });

  test("a measured gauge is measured at each scrape, and keeps its value when that fails", async () => {
    const metrics = create();
    assert.match(await metrics.registry.metrics(), /^baton_temp_dir_bytes 0$/m);
    const sizes = [Promise.resolve(7), Promise.reject(new Error("gone")), Promise.resolve(8)];
    for (const size of sizes) size.catch(() => undefined);
    metrics.measured("temp_dir_bytes", () => sizes.shift() ?? Promise.resolve(9));
    assert.match(await metrics.registry.metrics(), /^baton_temp_dir_bytes 7$/m);
    assert.match(await metrics.registry.metrics(), /^baton_temp_dir_bytes 7$/m);
    assert.match(await metrics.registry.metrics(), /^baton_temp_dir_bytes 8$/m);
  });

  test("the memory limit is one that the machine has", async () => {
    const [, bytes] = /^baton_memory_limit_bytes (.+)$/m.exec(await create().registry.metrics()) ?? [];
    assert.ok(Number(bytes) > 2 ** 20 && Number(bytes) < 2 ** 46, bytes);
  });
});
