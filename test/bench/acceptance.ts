import type { Idle, InARow, TeamResult } from "./measure.ts";
import { median, mib, showCount, showMib, showMilliCores, showRatio, showSeconds, spread } from "./numbers.ts";
import { largestTeam, measuredTeam } from "./plan.ts";

export type Verdict = "PASS" | "FAIL" | "SKIPPED" | "not run";

/** One thing that must hold, and whether it did. */
export interface Line {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly verdict: Verdict;
}

export interface Results {
  readonly teams: readonly TeamResult[];
  readonly inARow: InARow;
  readonly idle: Idle;
  /** Why nothing was compared, when nothing could be. */
  readonly skipped: string | undefined;
}

const limits = {
  sqliteRatio: 1.0,
  yardstickRatio: 2.0,
  sizeSpread: 0.05,
  peakBytes: 256 * mib,
  largestPeakBytes: 1.2 * 1024 * mib,
  growth: 1.1,
  startSeconds: 1,
  idleBytes: 100 * mib,
  idleMilliCores: 10,
};

/** Holds every figure that must be reached against its limit. */
export function acceptance(results: Results): Line[] {
  const measured = results.teams.find(({ team }) => team.active === measuredTeam);
  const largest = results.teams.find(({ team }) => team.active === largestTeam);
  const name = showCount(measuredTeam);
  const largestName = showCount(largestTeam);
  return [
    ...speed(measured, results.skipped),
    ...agreement(results),
    line(`peak RSS at ${name}`, "<", limits.peakBytes, measured && peakOf(measured), showMib),
    line(`peak RSS at ${largestName}`, "<", limits.largestPeakBytes, largest && peakOf(largest), showMib),
    {
      what: `${largestName} completes, every row in the file`,
      limit: "yes",
      measured: largest === undefined ? "" : `${showCount(largest.contents.users)} users`,
      // A sync that fails, or a file with other rows, has ended the benchmark before this.
      verdict: largest === undefined ? "not run" : "PASS",
    },
    growth(results.inARow),
    line("exec to first GetTask", "<", limits.startSeconds, startOf(results.teams), showSeconds),
    line("idle RSS", "<", limits.idleBytes, results.idle.rssBytes, showMib),
    line("idle processor", "<", limits.idleMilliCores, results.idle.milliCores, showMilliCores),
  ];
}

function line(
  what: string,
  sign: "<" | "<=",
  limit: number,
  value: number | undefined,
  show: (value: number) => string,
): Line {
  const shown = { what, limit: `${sign} ${show(limit)}` };
  if (value === undefined) return { ...shown, measured: "", verdict: "not run" };
  const holds = sign === "<" ? value < limit : value <= limit;
  return { ...shown, measured: show(value), verdict: holds ? "PASS" : "FAIL" };
}

function speed(result: TeamResult | undefined, skipped: string | undefined): Line[] {
  const end = `${showCount(measuredTeam)} end to end`;
  const ratio = (others: readonly { readonly seconds: number }[] | undefined): number | undefined =>
    others && result && median(seconds(result.ours)) / median(seconds(others));
  const lines = [
    line(`${end} / SDK SQLite writer`, "<=", limits.sqliteRatio, ratio(result?.comparison?.sqlite), showRatio),
    line(`${end} / yardstick`, "<=", limits.yardstickRatio, ratio(result?.comparison?.yardstick), showRatio),
  ];
  return skipped === undefined ? lines : lines.map((each) => ({ ...each, measured: skipped, verdict: "SKIPPED" }));
}

export function seconds(runs: readonly { readonly seconds: number }[]): number[] {
  return runs.map((run) => run.seconds);
}

/** The same rows in about the same space: otherwise the times are not of the same work. */
function agreement({ teams, skipped }: Results): Line[] {
  const compared = teams.filter(({ comparison }) => comparison !== undefined);
  const what = ["rows of all writers", "database sizes (from 8 MiB on) of ours, SDK SQLite, yardstick"] as const;
  if (compared.length === 0) {
    const verdict = skipped === undefined ? "not run" : "SKIPPED";
    return what.map((each) => ({ what: each, limit: "agree", measured: skipped ?? "", verdict }));
  }
  const rowSets = compared.map((result) => new Set(rowsOf(result)));
  const spreads = compared.filter(isJudgedBySize).map((result) => spread(databasesOf(result)));
  const apart = spreads.length === 0 ? undefined : Math.max(...spreads);
  return [
    {
      what: what[0],
      limit: "equal",
      measured: rowSets.map((set) => [...set].map(showCount).join(" or ")).join("; "),
      verdict: rowSets.every(({ size }) => size === 1) ? "PASS" : "FAIL",
    },
    line(what[1], "<=", limits.sizeSpread, apart, (value) => `${(value * 100).toFixed(1)} % apart`),
  ];
}

/** In a database of some hundred pages, those of empty tables and half-full leaves weigh more than the rows do. */
function isJudgedBySize({ contents }: TeamResult): boolean {
  return contents.databaseBytes >= 8 * mib;
}

/** Rows in our file: what a connector writes, not the run itself. */
export function ownRows({ contents }: TeamResult): number {
  return contents.resourceTypes + contents.users + contents.roles + contents.entitlements + contents.grants;
}

function rowsOf(result: TeamResult): number[] {
  const { sqlite = [], pebble = [], yardstick = [] } = result.comparison ?? {};
  return [ownRows(result), ...[...sqlite, ...pebble, ...yardstick].map(({ rows }) => rows)];
}

/** The default engine is left out: it is no SQLite database. */
function databasesOf({ comparison, contents }: TeamResult): number[] {
  const { sqlite = [], yardstick = [] } = comparison ?? {};
  return [contents.databaseBytes, ...[...sqlite, ...yardstick].map(({ databaseBytes }) => databaseBytes)];
}

function peakOf({ ours }: TeamResult): number {
  return Math.max(...ours.map(({ peakRssBytes }) => peakRssBytes));
}

function startOf(teams: readonly TeamResult[]): number {
  return median(teams.flatMap(({ starts }) => starts));
}

function growth({ syncs, team }: InARow): Line {
  const ratio = (syncs.at(-1)?.peakRssBytes ?? Number.NaN) / (syncs[0]?.peakRssBytes ?? Number.NaN);
  const what = `peak RSS of ${syncs.length} syncs of ${showCount(team.active)} / of the first`;
  return line(what, "<=", limits.growth, ratio, showRatio);
}
