/** One situation and what an alert makes of it. Time begins at 0 and passes in minutes. */
export interface RuleCase {
  readonly alert: string;
  readonly what: string;
  /** Values in promtool's notation, one a minute, by series. */
  readonly series: Readonly<Record<string, string>>;
  /** Minutes after the beginning. */
  readonly at: number;
  /** The alerts of this name that fire then; none by default. */
  readonly fires?: readonly Firing[];
}

export interface Firing {
  /** Labels beside those of the release, which are there unless `release` is false. */
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
  readonly release?: boolean;
}

/** The labels that every series of a release has. */
export const release = { namespace: "c1", job: "c1/team-baton-cursor", connector: "team" } as const;

/** A series of the release, of pod `a` unless other labels say otherwise. */
export function series(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const all = { ...release, instance: "a", ...labels };
  const pairs = Object.entries(all).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(", ")}}`;
}
