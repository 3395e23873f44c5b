import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { createHealth, type WorkerStatus } from "./health.ts";
import { createLogger, type LoggerOptions } from "./logger.ts";
import { metricRows } from "./metric-rows.ts";
import { Metrics } from "./metrics.ts";
import { startServer } from "./server.ts";

function lines(options: Partial<LoggerOptions> = {}) {
  const written: string[] = [];
  const log = createLogger({
    clock: systemClock,
    level: "debug",
    format: "json",
    sinks: [{ write: (line) => written.push(line) }],
    showPeople: false,
    secrets: () => [],
    ...options,
  });
  return { log, written };
}

suite("logger", () => {
  test("a line is JSON with level, ts, msg and the fields of the child", () => {
    const { log, written } = lines();
    log.child({ taskId: "t1" }).warn("slow down", { waitMs: 5 });
    const line = JSON.parse(written[0] ?? "");
    assert.deepEqual(
      { ...line, ts: undefined },
      { level: "warn", ts: undefined, task_id: "t1", wait_ms: 5, msg: "slow down" },
    );
    assert.match(line.ts, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test("a person is a digest that is the same within one process, also inside ids", () => {
    const { log, written } = lines();
    log.info("deleting email:Ada@Example.com", { who: "ada@example.com" });
    assert.doesNotMatch(written[0] ?? "", /@/);
    const digests = (written[0] ?? "").match(/person-[0-9a-f]{12}/g) ?? [];
    assert.equal(digests.length, 2);
  });

  test("people are shown when the switch says so", () => {
    const { log, written } = lines({ showPeople: true });
    log.info("deleting ada@example.com");
    assert.match(written[0] ?? "", /ada@example\.com/);
  });

  test("a known secret never leaves, whatever field it is in", () => {
    const { log, written } = lines({ secrets: () => ["key_abcdefgh"], showPeople: true, format: "console" });
    log.error("rejected key_abcdefgh", { header: "Basic key_abcdefgh" });
    assert.doesNotMatch(written.join(""), /key_abcdefgh/);
    assert.match(written.join(""), /error rejected \[redacted\]/);
  });

  test("lines below the level are dropped", () => {
    const { log, written } = lines({ level: "warn" });
    log.info("quiet");
    assert.deepEqual(written, []);
  });
});

function fixture(options: { status?: Partial<WorkerStatus>; validate?: () => Promise<void>; problem?: string } = {}) {
  const time = { ms: 1_000_000 };
  const clock = { ...systemClock, monotonicMs: () => time.ms, nowMs: () => time.ms };
  const status: WorkerStatus = {
    state: "polling",
    lastPollSuccessMs: time.ms,
    pollFailingSinceMs: undefined,
    ...options.status,
  };
  const health = createHealth({
    clock,
    worker: () => status,
    validate: options.validate ?? (async () => undefined),
    credentialProblem: () => options.problem,
  });
  return { health, time, clock };
}

suite("health", () => {
  test("ready only while polling", () => {
    assert.equal(fixture().health.ready().ok, true);
    for (const state of ["starting", "draining", "stopped"] as const) {
      assert.equal(fixture({ status: { state } }).health.ready().ok, false, state);
    }
  });

  test("a missing credential is not ready and is named", () => {
    const answer = fixture({ problem: "BATON_CURSOR_API_KEY is missing" }).health.ready();
    assert.deepEqual([answer.ok, answer.details["error"]], [false, "BATON_CURSOR_API_KEY is missing"]);
  });

  test("an outage of C1 turns ready off only after ten minutes", () => {
    const { health, time } = fixture({ status: { pollFailingSinceMs: 1_000_000 } });
    time.ms += 10 * 60_000;
    assert.equal(health.ready().ok, true);
    time.ms += 1;
    assert.equal(health.ready().ok, false);
  });

  test("a worker that is too busy to poll stays ready", () => {
    const { health, time } = fixture();
    time.ms += 60 * 60_000;
    assert.equal(health.ready().ok, true);
  });

  test("validation is single flight and cached for 30 s", async () => {
    const calls: number[] = [];
    const { health, time } = fixture({ validate: async () => void calls.push(1) });
    await Promise.all([health.health(), health.health()]);
    time.ms += 29_999;
    await health.health();
    assert.equal(calls.length, 1);
    time.ms += 1;
    await health.health();
    assert.equal(calls.length, 2);
  });

  test("a failing validation says why", async () => {
    const { health } = fixture({
      validate: () => Promise.reject(new StatusError("unauthenticated", "Cursor rejected the API key")),
    });
    const answer = await health.health();
    assert.deepEqual(answer.details, {
      error: "connector validation failed",
      validation_error: "Cursor rejected the API key",
    });
  });
});

suite("server", () => {
  test("serves the body of baton-sdk's health server for any method, and metrics on the same port", async () => {
    const { health, clock } = fixture({ status: { state: "starting" } });
    const metrics = new Metrics({ version: "1", revision: "r", taskTypes: ["sync_full"], processMetrics: true });
    const listener = { host: "127.0.0.1", port: 0 };
    await using server = await startServer({
      clock,
      health,
      registry: metrics.registry,
      listener,
      metricsListener: undefined,
    });
    const base = `http://127.0.0.1:${server.port}`;
    const live = await fetch(`${base}/live`, { method: "POST" });
    assert.equal(live.status, 200);
    assert.match(live.headers.get("content-type") ?? "", /^application\/json/);
    assert.match(await live.text(), /^\{"status":"alive","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}\n$/);
    const ready = await fetch(`${base}/ready`);
    assert.equal(ready.status, 503);
    assert.equal(JSON.parse(await ready.text()).status, "not_ready");
    assert.match(await (await fetch(`${base}/metrics`)).text(), /^baton_build_info\{version="1"/m);
  });

  test("metrics can have a listener of their own", async () => {
    const { health, clock } = fixture();
    const metrics = new Metrics({ version: "1", revision: "r", taskTypes: [], processMetrics: false });
    const listener = { host: "127.0.0.1", port: 0 };
    await using server = await startServer({
      clock,
      health,
      registry: metrics.registry,
      listener,
      metricsListener: listener,
    });
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).status, 200);
  });

  test("S4 a port in use is a clear start-up error", async () => {
    const { health, clock } = fixture();
    const registry = new Metrics({ version: "1", revision: "r", taskTypes: [], processMetrics: false }).registry;
    const host = "127.0.0.1";
    await using first = await startServer({
      clock,
      health,
      registry,
      listener: { host, port: 0 },
      metricsListener: undefined,
    });
    await assert.rejects(
      startServer({ clock, health, registry, listener: { host, port: first.port }, metricsListener: undefined }),
      /failed to start health check server on 127\.0\.0\.1:\d+/,
    );
  });
});

suite("metrics", () => {
  const types = ["hello", "sync_full", "create_account", "delete_resource", "grant", "revoke"];

  test("stay within the series budget when every label combination was used", async () => {
    const metrics = new Metrics({ version: "1", revision: "r", taskTypes: types, processMetrics: true });
    for (const type of [...types, "other"]) metrics.histogram("task_duration_seconds").observe({ task_type: type }, 1);
    for (const api of ["c1", "cursor_admin", "cursor_scim"]) {
      metrics.histogram("upstream_request_duration_seconds").observe({ api }, 1);
    }
    for (const phase of ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"]) {
      metrics.histogram("sync_phase_duration_seconds").observe({ phase }, 1);
    }
    for (const outcome of ["success", "failure", "cancelled"]) {
      metrics.histogram("sync_run_duration_seconds").observe({ outcome }, 1);
    }
    const text = await metrics.registry.metrics();
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
    assert.ok(series < 400, `${series} series`);
  });

  test("timestamps are absent before the first event, counters are there from the start", async () => {
    const metrics = new Metrics({ version: "1", revision: "r", taskTypes: types, processMetrics: false });
    const text = await metrics.registry.metrics();
    assert.doesNotMatch(text, /^baton_sync_last_success_timestamp_seconds /m);
    assert.match(text, /^baton_sync_runs_total\{outcome="failure"\} 0$/m);
  });

  test("every name has a unit or a kind that Prometheus expects", () => {
    for (const row of metricRows) {
      if (row.type === "counter") assert.match(row.name, /_total$/);
      if (row.type === "histogram") assert.match(row.name, /_seconds$/);
    }
  });
});
