/** The rule file of the chart against Prometheus's own checks: `make monitoring-test`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { daemonCases } from "./daemon-cases.ts";
import { alerts, rulesPath } from "./files.ts";
import { type Firing, type RuleCase, release } from "./rule-case.ts";
import { syncCases } from "./sync-cases.ts";
import { hasTool } from "./tool.ts";

const cases = [...syncCases, ...daemonCases];

/** What promtool says of some situations with a rule file. */
function testRules(
  file: string,
  situations: readonly RuleCase[],
): { readonly code: number | null; readonly said: string } {
  const folder = mkdtempSync(join(tmpdir(), "baton-rules-"));
  try {
    const path = join(folder, "test.yaml");
    // JSON is YAML.
    writeFileSync(
      path,
      JSON.stringify({ rule_files: [file], evaluation_interval: "1m", tests: situations.map(promtoolTest) }),
    );
    const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", path], { encoding: "utf8" });
    return { code: status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function promtoolTest({ alert, series, at, fires = [] }: RuleCase) {
  return {
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      { eval_time: `${at}m`, alertname: alert, exp_alerts: fires.map((firing) => expected(alert, firing)) },
    ],
  };
}

function expected(alert: string, { labels, description, release: ofRelease = true }: Firing) {
  const rule = alerts.find((one) => one.alert === alert && one.labels?.["severity"] === labels["severity"]);
  assert.ok(rule, alert);
  return {
    exp_labels: { ...(ofRelease ? release : {}), ...labels },
    exp_annotations: { ...rule.annotations, description },
  };
}

if (hasTool("promtool", "the rule file")) {
  suite("the rule file", () => {
    test("has nothing that promtool complains about", () => {
      const { status, stdout, stderr } = spawnSync(
        "promtool",
        ["check", "rules", "--lint=all", "--lint-fatal", rulesPath],
        { encoding: "utf8" },
      );
      assert.equal(status, 0, stdout + stderr);
    });

    for (const one of cases) {
      test(`${one.alert} ${one.fires === undefined ? "is silent" : "fires"}: ${one.what}`, () => {
        const { code, said } = testRules(rulesPath, [one]);
        assert.equal(code, 0, said);
      });
    }

    test("the situations tell alerts that never fire, and alerts that always do", () => {
      const text = readFileSync(rulesPath, "utf8");
      const quick = cases.filter(({ at }) => at <= 150);
      const folder = mkdtempSync(join(tmpdir(), "baton-rules-"));
      try {
        for (const [expr, telling] of [
          ["vector(1) > 2", quick.filter(({ fires }) => fires !== undefined)],
          ["vector(1)", quick.filter(({ fires }) => fires === undefined)],
        ] as const) {
          const file = join(folder, "rules.yaml");
          const alertExpr = /(- alert: \w+\n {8}expr: )\|\n(?: {10}.*\n)+(?: {8}for: .*\n)?/g;
          writeFileSync(file, text.replaceAll(alertExpr, `$1${expr}\n`));
          const { said } = testRules(file, telling);
          const failed = Array.from(said.matchAll(/alertname: (\w+), time: (\w+)/g), ([, name = ""]) => name);
          assert.deepEqual(
            failed,
            telling.map(({ alert }) => alert),
          );
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
