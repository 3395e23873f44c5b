import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../baton/clock.ts";
import { createLogger, type LoggerOptions } from "./logger.ts";
import { metricRows } from "./metric-rows.ts";
import { Metrics } from "./metrics.ts";

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
