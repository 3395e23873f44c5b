import { readFileSync } from "node:fs";
import { parse } from "yaml";

const root = new URL("../../", import.meta.url).pathname;

export const rulesPath = `${root}helm/baton-cursor/files/rules.yaml`;

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** The groups of a rule file. */
export function ruleGroups(text = readFileSync(rulesPath, "utf8")): readonly RuleGroup[] {
  const { groups }: { readonly groups: readonly RuleGroup[] } = parse(text);
  return groups;
}

/** All rules of the chart's rule file. */
export const rules: readonly Rule[] = ruleGroups().flatMap((group) => group.rules);

/** Its alerts. */
export const alerts: readonly (Rule & { readonly alert: string })[] = rules.flatMap((rule) =>
  rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }],
);

export const dashboardPath = `${root}helm/baton-cursor/files/dashboard.json`;

interface DataSource {
  readonly type: string;
  readonly uid: string;
}

/** A panel of the dashboard, with what the tests need of it. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: DataSource }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
}

/** The chart's dashboard. */
export const dashboard: Dashboard = JSON.parse(readFileSync(dashboardPath, "utf8"));

/** Every query of the dashboard with the panel that it belongs to. */
export const queries: readonly { readonly title: string; readonly expr: string }[] = dashboard.panels.flatMap(
  ({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })),
);

/** The text of docs/runbooks.md. */
export const runbooks = readFileSync(`${root}docs/runbooks.md`, "utf8");

/** Its sections by their headings. */
export const runbookSections: ReadonlyMap<string, string> = new Map(
  runbooks
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split("\n", 1)[0] ?? "", section]),
);

/** The names of metrics in a text or an expression; words that only look like some are left out. */
export function metricNames(text: string): string[] {
  return [...new Set(text.match(/\b(?:baton|process|nodejs)_[a-z0-9_]+\b/g))];
}
