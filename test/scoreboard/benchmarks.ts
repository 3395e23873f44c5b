import type { Line } from "../bench/acceptance.ts";
import { median, showCount, showMib, showMilliCores, showRatio, showSeconds } from "../bench/numbers.ts";
import type { Team } from "../bench/plan.ts";
import { type ContenderName, contenders } from "./contenders.ts";
import { markdownTable } from "./markdown.ts";
import type { IdleRun, TeamRuns, WholeSync } from "./whole-syncs.ts";

/** What was measured of each contender; who is missing here was not run. */
export interface Benchmarks {
  readonly teams: readonly TeamRuns[];
  readonly idle: Readonly<Partial<Record<ContenderName, IdleRun>>>;
  /** Lines of `make bench` about the writers alone. */
  readonly writers: readonly Line[];
  /** Why somebody was not run, for the cells that are empty. */
  readonly missing: string;
}

interface Figure {
  readonly what: string;
  readonly of: (name: ContenderName) => number | undefined;
  readonly show: (value: number) => string;
}

/** The tables of the benchmarks. Smaller is better in every row. */
export function benchmarkSections({ idle, missing, teams, writers }: Benchmarks): string {
  const figures: Figure[] = [
    ...teams.flatMap((runs) => teamFigures(runs)),
    { what: "start of the program to its first poll", of: startOf(teams), show: showSeconds },
    { what: "memory while idle", of: (name) => idle[name]?.rssBytes, show: showMib },
    { what: "processor while idle, one poll a second", of: (name) => idle[name]?.milliCores, show: showMilliCores },
  ];
  const head = ["", ...contenders.map(({ title }) => title)];
  const rows = figures.map((figure) => [figure.what, ...contenders.map(({ name }) => cell(figure, name, missing))]);
  const lines = writers.map(({ limit, measured, verdict, what }) => [what, limit, measured, verdict]);
  return [
    "## Benchmarks: whole syncs",
    "Less is better. In brackets the ratio to ours.",
    markdownTable(head, rows),
    "## Benchmarks: the writers alone",
    lines.length === 0 ? `not run: ${missing}` : markdownTable(["must hold", "limit", "measured", "verdict"], lines),
  ].join("\n\n");
}

function teamFigures({ runs, team }: TeamRuns): Figure[] {
  const name = teamName(team);
  const over = (field: keyof WholeSync, pick: (values: readonly number[]) => number) => (who: ContenderName) => {
    const values = runs[who]?.map((run) => run[field]) ?? [];
    return values.length === 0 ? undefined : pick(values);
  };
  return [
    { what: `${name}: hand-out to result`, of: over("seconds", median), show: showSeconds },
    { what: `${name}: most memory`, of: over("peakRssBytes", (values) => Math.max(...values)), show: showMib },
    { what: `${name}: uploaded file`, of: over("fileBytes", median), show: showMib },
  ];
}

function teamName({ active }: Team): string {
  return `${showCount(active)} members`;
}

function startOf(teams: readonly TeamRuns[]): Figure["of"] {
  return (name) => {
    const starts = teams.flatMap(({ runs }) => runs[name]?.map(({ startSeconds }) => startSeconds) ?? []);
    return starts.length === 0 ? undefined : median(starts);
  };
}

function cell({ of, show }: Figure, name: ContenderName, missing: string): string {
  const value = of(name);
  if (value === undefined) return `not run: ${missing}`;
  const ours = of("ours");
  return name === "ours" || ours === undefined ? show(value) : `${show(value)} (${showRatio(value / ours)})`;
}
