import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { metricRows, taskTypeLabels } from "../../src/observability/metric-rows.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { daemonCases } from "./daemon-cases.ts";
import { alerts, dashboard, metricNames, queries, rules, rulesPath, runbookSections, runbooks } from "./files.ts";
import { syncCases } from "./sync-cases.ts";

const root = new URL("../../", import.meta.url).pathname;
const names = [...new Set(alerts.map(({ alert }) => alert))];
const values = parse(readFileSync(`${root}helm/baton-cursor/values.yaml`, "utf8"));
const schema = JSON.parse(readFileSync(`${root}helm/baton-cursor/values.schema.json`, "utf8"));
const ruleValues = schema.properties.metrics.properties.rules.properties;
const text = readFileSync(rulesPath, "utf8");

/** Every name that a scrape of the real registry can show. */
async function exported(): Promise<ReadonlySet<string>> {
  const metrics = new Metrics({ version: "1", revision: "r", taskTypes: taskTypeLabels, processMetrics: true });
  const all = await metrics.registry.getMetricsAsJSON();
  return new Set(
    all.flatMap(({ name, type }) =>
      String(type) === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

suite("names of metrics", () => {
  test("in rules and dashboard exist, as they are scraped", async () => {
    const known = await exported();
    const used = [...rules.map(({ expr }) => expr), ...queries.map(({ expr }) => expr), JSON.stringify(dashboard)];
    const found = used.flatMap(metricNames);
    assert.ok(found.length > 100);
    for (const name of found) assert.ok(known.has(name), name);
  });

  test("in the situations that alerts are tested with exist", async () => {
    const known = await exported();
    for (const { series } of [...syncCases, ...daemonCases]) {
      for (const name of Object.keys(series).flatMap(metricNames)) assert.ok(known.has(name), name);
    }
  });

  test("in documents and in the chart's notes exist", async () => {
    const known = await exported();
    const families = new Set(metricRows.map(({ name }) => `baton_${name}`));
    const files = globSync(["*.md", "docs/**/*.md", "helm/**/*.{md,txt,yaml}", "k8s/**/*.yaml"], { cwd: root });
    assert.ok(files.includes("docs/operations.md") && files.includes("helm/baton-cursor/templates/NOTES.txt"));
    for (const file of files) {
      const own = metricNames(readFileSync(root + file, "utf8")).filter((name) => name.startsWith("baton_"));
      for (const name of own) assert.ok(known.has(name) || families.has(name), `${file}: ${name}`);
    }
  });

  test("of recorded series are used as they are recorded", () => {
    const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
    const used = new Set(text.match(/\bbaton:[a-z0-9_:]+/g));
    assert.deepEqual([...used].sort(), [...recorded].sort());
    for (const name of recorded)
      assert.ok(
        alerts.some(({ expr }) => expr.includes(name)),
        name,
      );
  });

  test("of the contract are all shown by the dashboard", () => {
    const shown = new Set(queries.flatMap(({ expr }) => metricNames(expr)));
    const missing = metricRows.filter(
      ({ name }) =>
        ![...shown].some(
          (one) => one === `baton_${name}` || one.replace(/_(bucket|sum|count)$/, "") === `baton_${name}`,
        ),
    );
    assert.deepEqual(missing, []);
  });
});

suite("alerts", () => {
  test("have a runbook each, and there is no runbook of anything else", () => {
    assert.deepEqual([...runbookSections.keys()].sort(), [...names].sort());
    for (const [name, section] of runbookSections) {
      for (const part of ["**Symptom.**", "**Look.**", "**Do.**"]) assert.ok(section.includes(part), `${name} ${part}`);
    }
  });

  test("link to their runbook, and say what is wrong", () => {
    for (const { alert, annotations = {}, labels = {} } of alerts) {
      assert.deepEqual(Object.keys(annotations), ["summary", "description", "runbook_url"]);
      assert.equal(annotations["runbook_url"], `docs/runbooks.md#${alert.toLowerCase()}`);
      assert.match(annotations["summary"] ?? "", /^[A-Z][^{}]+\.$/);
      assert.ok(["info", "warning", "critical"].includes(labels["severity"] ?? ""), alert);
    }
  });

  test("are each tested in a situation where they fire and in one where they do not", () => {
    const cases = [...syncCases, ...daemonCases];
    for (const { alert, labels } of alerts) {
      const own = cases.filter((one) => one.alert === alert);
      const firing = own.flatMap(({ fires = [] }) => fires.map((firing) => firing.labels["severity"]));
      assert.ok(firing.includes(labels?.["severity"]), `${alert} never fires`);
      assert.ok(
        own.some(({ fires }) => fires === undefined),
        `${alert} is never silent`,
      );
    }
    for (const { alert } of cases) assert.ok(names.includes(alert), alert);
  });

  test("have thresholds that values set: the same names, the same defaults, the same in every place", () => {
    const inFile = Array.from(
      text.matchAll(/([0-9.]+) +# (\w+)$/gm),
      ([, value, name = ""]) => [name, Number(value)] as const,
    );
    assert.deepEqual(Object.fromEntries(inFile), values.metrics.rules.thresholds);
    assert.equal(new Set(inFile.map(String)).size, Object.keys(values.metrics.rules.thresholds).length);
    assert.deepEqual(
      Object.keys(ruleValues.thresholds.properties).sort(),
      Object.keys(values.metrics.rules.thresholds).sort(),
    );
  });

  test("can be left out by name", () => {
    assert.deepEqual([...ruleValues.without.items.enum].sort(), [...names].sort());
  });

  test("ask for series of one release only: every selector has the matcher that the chart replaces", () => {
    for (const { expr } of rules) {
      const selectors = Array.from(expr.matchAll(/\b(baton[_:]|process_|nodejs_)[a-z0-9_:]+(\{[^}]*\})?/g));
      assert.ok(selectors.length > 0);
      for (const [selector, , labels = ""] of selectors) assert.ok(labels.startsWith('{job=~".+"'), selector);
    }
  });

  test("runbooks name only values and variables that exist", () => {
    const known = (path: string): boolean => {
      const found = path
        .split(".")
        .reduce<unknown>(
          (here, key) => (typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined),
          values,
        );
      return found !== undefined;
    };
    const paths = Array.from(runbooks.matchAll(/`([a-z]\w*(?:\.[a-zA-Z]\w*)+)(?:=[^`]*)?`/g), ([, path = ""]) => path);
    assert.ok(paths.length > 10);
    for (const path of paths.filter((one) => !one.startsWith("spec."))) assert.ok(known(path), path);
    const configuration = readFileSync(`${root}docs/configuration.md`, "utf8");
    for (const [variable] of runbooks.matchAll(/\bBATON_[A-Z0-9_]+\b/g)) {
      assert.ok(configuration.includes(`\`${variable}\``), variable);
    }
  });
});

suite("the dashboard", () => {
  test("has ids of its own, panels that do not overlap, and everything that a panel needs", () => {
    const { panels, uid, schemaVersion } = dashboard;
    assert.equal(uid, "baton-cursor");
    assert.ok(schemaVersion >= 36);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const titles = panels.map(({ title }) => title);
    assert.deepEqual(titles, [...new Set(titles)]);
    const taken = new Set<string>();
    for (const { title, type, description, gridPos, targets = [] } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      }
      if (type === "row") continue;
      assert.ok(description, title);
      assert.ok(targets.length > 0, title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length);
    }
  });

  test("asks the chosen data source for the chosen connectors only", () => {
    assert.deepEqual(
      dashboard.templating.list.map(({ name, type }) => `${type} ${name}`),
      ["datasource datasource", "query namespace", "query connector"],
    );
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr, datasource } of targets) {
        assert.equal(datasource.type, "prometheus", title);
        assert.match(datasource.uid, /^\$\{datasource\}$/, title);
        for (const [selector, labels = ""] of expr.matchAll(/\b(?:baton|process|nodejs)_[a-z0-9_]+(\{[^}]*\})?/g)) {
          assert.ok(labels.startsWith('{namespace=~"$namespace", connector=~"$connector"'), `${title}: ${selector}`);
        }
        // What every program exports is only asked for together with something that ours alone has.
        if (/\b(process|nodejs)_/.test(expr))
          assert.match(expr, /and on \(namespace, job, instance\) baton_build_info/);
      }
    }
  });
});
