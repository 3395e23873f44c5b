import { cpus, loadavg, totalmem } from "node:os";
import { type Line, ownRows, seconds } from "./acceptance.ts";
import type { InARow, TeamResult } from "./measure.ts";
import { median, medians, showCount, showMib, showRatio, showSeconds, table } from "./numbers.ts";
import type { OtherRun } from "./run-others.ts";
import { requestsPerMinute } from "./run-ours.ts";

/** The machine and the programs, since no figure means anything without them. */
export function machineFacts(versions: readonly string[]): string {
  const { node, sqlite, zstd } = process.versions;
  const [load = 0] = loadavg();
  return [
    `machine: ${cpus().length} cores, ${cpus()[0]?.model}, ${showMib(totalmem())} memory, load ${load.toFixed(2)}`,
    `ours: Node ${node} with SQLite ${sqlite}, zstd ${zstd}; dist/baton-cursor in service mode`,
    ...versions,
    `rate budget towards Cursor: ${requestsPerMinute} requests per minute (the default is 15)`,
  ].join("\n");
}

/** Time by phase, memory and size of our own runs, medians of each team's rounds. */
export function ourTable(results: readonly TeamResult[]): string {
  const head = ["members", "answers", "end to end", "read", "resources", "grants", "pack", "upload", "report"];
  const rows = results.map(({ team, ours, answers }) => {
    const phases = medians(ours.map((run) => run.phases));
    const total = median(seconds(ours));
    const known = Object.values(phases).reduce((sum, each) => sum + each, 0);
    const { validate = 0, resources = 0, grants = 0, pack = 0, upload = 0 } = phases;
    const shown = [total, validate, resources, grants, pack, upload, total - known].map(showSeconds);
    return [showCount(team.active), `${answers.pages} of ${showMib(answers.bytes / answers.pages)}`, ...shown];
  });
  const sizes = results.map(({ team, ours, contents }) => [
    showCount(team.active),
    showSeconds(median(ours.map(({ cpuSeconds }) => cpuSeconds))),
    showMib(Math.max(...ours.map(({ peakRssBytes }) => peakRssBytes))),
    showMib(median(ours.map(({ fileBytes }) => fileBytes))),
    showMib(contents.databaseBytes),
    ...[contents.users, contents.roles, contents.entitlements, contents.grants].map(showCount),
  ]);
  const sizeHead = ["members", "CPU", "peak RSS", "file", "database", "users", "roles", "entitlements", "grants"];
  return `${table(head, rows)}\n\n${table(sizeHead, sizes)}`;
}

/** Everybody's figures for the rows of one team, and what they are as ratios. */
export function comparisonTable(result: TeamResult): string {
  const { comparison, contents, ours, team } = result;
  if (comparison === undefined) return "";
  const total = median(seconds(ours));
  const own = [
    "ours, end to end",
    showSeconds(total),
    showSeconds(Math.min(...seconds(ours))),
    showRatio(1),
    showCount(ownRows(result)),
    showMib(contents.databaseBytes),
    showMib(median(ours.map(({ fileBytes }) => fileBytes))),
    showMib(Math.max(...ours.map(({ peakRssBytes }) => peakRssBytes))),
    "",
  ];
  const rows = [
    own,
    otherRow("SDK, SQLite writer", comparison.sqlite, total),
    otherRow("SDK, default engine", comparison.pebble, total),
    otherRow("sqlite3 + zstd -3", comparison.yardstick, total),
  ];
  const ratio = (one: number, other: readonly OtherRun[]): string => showRatio(one / median(seconds(other)));
  return [
    `${showCount(team.active)} members, ${team.rounds === 1 ? "one run each" : `medians of ${team.rounds} interleaved runs`}`,
    table(["", "median", "best", "of ours", "rows", "database", "file", "peak RSS", "made up of"], rows),
    `ours / SDK SQLite writer:      ${ratio(total, comparison.sqlite)}`,
    `ours / yardstick:              ${ratio(total, comparison.yardstick)}`,
    `SDK default engine / ours:     ${showRatio(median(seconds(comparison.pebble)) / total)}`,
    "The SDK is timed from open to close. Its rows are decoded before (the first part of its peak RSS); its SQLite driver",
    "is the released one, not the faster fork that its own builds use (test/interop/README.md).",
  ].join("\n");
}

function otherRow(name: string, runs: readonly OtherRun[], ours: number): string[] {
  const last = runs.at(-1);
  const peak = last?.peakRssBytes;
  const loaded = last?.loadedRssBytes;
  const parts = Object.entries(medians(runs.map((run) => run.parts)));
  return [
    name,
    showSeconds(median(seconds(runs))),
    showSeconds(Math.min(...seconds(runs))),
    showRatio(median(seconds(runs)) / ours),
    showCount(last?.rows ?? 0),
    showMib(last?.databaseBytes ?? 0),
    showMib(last?.fileBytes ?? 0),
    peak === undefined || loaded === undefined ? "" : `${showMib(loaded)} + ${showMib(peak - loaded)}`,
    parts.map(([part, spent]) => `${part} ${showSeconds(spent)}`).join(", "),
  ];
}

/** How memory and time went from sync to sync in one process. */
export function inARowTable({ syncs, team }: InARow): string {
  const rows = syncs.map((sync, index) => [
    String(index + 1),
    showSeconds(sync.seconds),
    showMib(sync.peakRssBytes),
    showRatio(sync.peakRssBytes / (syncs[0]?.peakRssBytes ?? Number.NaN)),
  ]);
  return `${syncs.length} syncs of ${showCount(team.active)} members in one process\n${table(["sync", "end to end", "peak RSS", "of the first"], rows)}`;
}

/** Every acceptance line with its verdict. */
export function acceptanceTable(lines: readonly Line[]): string {
  return table(
    ["must hold", "limit", "measured", "verdict"],
    lines.map(({ what, limit, measured, verdict }) => [what, limit, measured, verdict]),
  );
}
