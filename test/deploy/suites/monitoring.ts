import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { chart, helmNames, render, template } from "../helm.ts";
import { at, type Manifest, record, records, type Value } from "../objects.ts";
import { only } from "../rendered.ts";

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const base = { image: { repository: "r/x" }, credentials: { existingSecret: "s" } };

/** The objects with rules that have these values. */
function withRules(rules: { readonly [key: string]: Value } = {}, monitor: Value = { enabled: true }): Manifest[] {
  return render({ values: { ...base, metrics: { monitor, rules: { enabled: true, ...rules } } } });
}

function rulesOf(objects: readonly Manifest[]): Rule[] {
  const groups = records(at(only(objects, "PrometheusRule"), "spec", "groups"));
  return groups.flatMap((group): Rule[] => JSON.parse(JSON.stringify(group["rules"])));
}

function alertOf(objects: readonly Manifest[], name: string): Rule {
  return rulesOf(objects).find(({ alert }) => alert === name) ?? assert.fail(name);
}

suite("rules", () => {
  test("by default are those of the file, for the release that the chart's monitor labels", () => {
    const text = readFileSync(`${chart}/files/rules.yaml`, "utf8")
      .replaceAll(/ +# \w+$/gm, "")
      .replaceAll('job=~".+"', 'namespace="c1", connector="team"');
    assert.deepEqual(at(only(withRules(), "PrometheusRule"), "spec"), parse(text));
    const monitor = only(withRules(), "PodMonitor");
    assert.deepEqual(at(monitor, "spec", "podMetricsEndpoints", 0, "relabelings"), [
      { targetLabel: "connector", replacement: "team" },
    ]);
  });

  test("have the thresholds of the values, wherever they occur, and no other number changes", () => {
    const changed = withRules({
      thresholds: { pollStalledMinutes: 42, objectsDroppedMinimum: 3_000_000, memoryRatio: 0.5 },
    });
    assert.match(alertOf(changed, "BatonPollStalled").expr, /> 60 \* 42\n[\s\S]*> 60 \* 42\n/);
    assert.match(alertOf(changed, "BatonObjectsDropped").expr, /< 0\.7\n[\s\S]*> (3000000|3e\+06)\n/);
    assert.match(alertOf(changed, "BatonMemoryNearLimit").expr, /> 0\.5\n/);
    const names = ["BatonPollStalled", "BatonObjectsDropped", "BatonMemoryNearLimit"];
    const others = (objects: readonly Manifest[]) =>
      rulesOf(objects).filter(({ alert = "" }) => !names.includes(alert));
    assert.deepEqual(others(changed), others(withRules()));
  });

  test("can be left out by name, carry further labels and annotations, and link to another place", () => {
    const objects = withRules({
      without: ["BatonSyncStale", "BatonDown"],
      alertLabels: { team: "identity" },
      alertAnnotations: { note: "n" },
      runbooks: "https://wiki.example.com/x",
      labels: { release: "prometheus" },
    });
    const alerts = rulesOf(objects).filter(({ alert }) => alert !== undefined);
    assert.equal(alerts.length, rulesOf(withRules()).filter(({ alert }) => alert !== undefined).length - 3);
    for (const { alert = "", labels, annotations } of alerts) {
      assert.ok(!["BatonSyncStale", "BatonDown"].includes(alert));
      assert.deepEqual(Object.keys(labels ?? {}), ["severity", "team"]);
      assert.equal(annotations?.["note"], "n");
      assert.equal(annotations?.["runbook_url"], `https://wiki.example.com/x#${alert.toLowerCase()}`);
    }
    assert.equal(record(only(objects, "PrometheusRule").metadata.labels)["release"], "prometheus");
    for (const rule of rulesOf(objects)) if (rule.record !== undefined) assert.equal(rule.labels, undefined);
  });

  for (const helm of helmNames) {
    test(`need a monitor or a selector, with ${helm}`, () => {
      const metrics = { rules: { enabled: true } };
      const { code, stderr } = template({ helm, values: { ...base, metrics } });
      assert.notEqual(code, 0);
      assert.match(stderr, /metrics\.rules: [\s\S]*metrics\.monitor\.enabled=true, or metrics\.rules\.selector/);
      const own = withRules({ selector: 'job=~"a|b", namespace!="c"' }, { enabled: false });
      for (const { expr } of rulesOf(own)) assert.ok(expr.includes('{job=~"a|b", namespace!="c"'), expr);
    });
  }

  test("of two releases are about different series", () => {
    const values = { ...base, metrics: { monitor: { enabled: true }, rules: { enabled: true } } };
    const [one, other] = ["one", "two"].map((name) =>
      rulesOf(render({ release: name, values })).map(({ expr }) => expr),
    );
    for (const [index, expr] of (one ?? []).entries()) {
      assert.equal(expr.replaceAll('connector="one"', 'connector="two"'), other?.[index]);
      assert.notEqual(expr, other?.[index]);
    }
  });

  test("pass promtool as they are rendered", (context) => {
    const folder = mkdtempSync(join(tmpdir(), "baton-rules-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "rules.yaml");
    writeFileSync(file, JSON.stringify(at(only(withRules({ selector: 'job="a"' }), "PrometheusRule"), "spec")));
    const { error, status, stdout, stderr } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
    if (error !== undefined && process.env["CI"] !== "true") return context.skip("promtool is not installed");
    assert.equal(status, 0, stdout + stderr);
  });
});

suite("the dashboard", () => {
  test("is the file, under a label that Grafana looks for", () => {
    const metrics = { dashboard: { enabled: true, label: "example.com/dashboard", labelValue: "yes" } };
    const map = only(render({ values: { ...base, metrics } }), "ConfigMap");
    const text = String(at(map, "data", "baton-cursor.json"));
    assert.equal(text, readFileSync(`${chart}/files/dashboard.json`, "utf8"));
    assert.equal(map.metadata.labels?.["example.com/dashboard"], "yes");
    // The API server takes no more than a mebibyte, and Helm's own record of the release has to fit too.
    assert.ok(text.length < 200_000);
  });
});
