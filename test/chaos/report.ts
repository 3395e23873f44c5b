import { appendFile, mkdir, writeFile } from "node:fs/promises";
import type { InjectionResult } from "./injection.ts";

const build = new URL("../../build/chaos/", import.meta.url);
/** A part is written elsewhere, so that playing a failure again leaves the run that found it. */
const directoryOf = ({ isPart }: ReportKind): URL => (isPart ? new URL("replay/", build) : build);

/** Writes results as they come. */
export interface Report {
  add(result: InjectionResult, log: string): Promise<void>;
}

/** Whether an injection proves what it is meant to prove. */
export function isGood({ observed, survived }: InjectionResult): boolean {
  return observed && survived;
}

/** Names the files in `build/chaos` that belong to one command, and how it replays one injection. */
export interface ReportKind {
  /** The first word of its last lines. */
  readonly name: string;
  /** Only a part was asked for: its files go to `build/chaos/replay`. */
  readonly isPart: boolean;
  readonly results: string;
  readonly list: string;
  replay(result: InjectionResult): string;
}

/** Faults that cannot be played here. */
export interface Skipped {
  readonly group: string;
  /** `undefined` where even listing them needs what is missing. */
  readonly count: number | undefined;
  readonly reason: string;
}

/** One line for a group that is not played; the scoreboard reads it by its first word. */
export function skippedLine({ count, group, reason }: Skipped): string {
  return `skipped: ${group} (${count ?? "unknown number of"} faults): ${reason}`;
}

/** Faults of the network. */
export const network: Omit<ReportKind, "isPart"> = {
  name: "chaos",
  results: "results.jsonl",
  list: "list.txt",
  replay: ({ id, seed, underTest }) =>
    `npx node test/chaos/chaos.ts --under-test=${underTest} --seed=${seed} '--only=${id}'`,
};

/** Empties the file of results. With `verbose` the log of the program is printed too. */
export async function openReport(count: number, verbose: boolean, kind: ReportKind): Promise<Report> {
  const directory = directoryOf(kind);
  const file = (name: string): URL => new URL(name, directory);
  await mkdir(directory, { recursive: true });
  await writeFile(file(kind.results), "");
  let done = 0;
  return {
    async add(result, log) {
      done += 1;
      await appendFile(file(kind.results), `${JSON.stringify(result)}\n`);
      if (verbose) console.log(log);
      if (!isGood(result) || verbose) console.log(lines(result, kind));
      if (!isGood(result)) await writeFile(file(`${result.id.replace(/[^\w.-]+/g, "_")}.log`), log);
      if (done % 50 === 0) console.log(`${done} of ${count}`);
    },
  };
}

function lines(result: InjectionResult, kind: ReportKind): string {
  const { attempt, expected, id, observed, outcome, survived, tookMs } = result;
  const verdict = !observed ? "NOT OBSERVED" : survived ? "survived" : "FAILED";
  const head = `${verdict.padEnd(12)} ${id} (attempt ${attempt}, ${tookMs} ms)`;
  if (observed && survived) return `${head}\n    ${outcome}`;
  return `${head}\n    expected ${expected}\n    found    ${outcome}\n    replay   ${kind.replay(result)}`;
}

/** Prints the sums, writes the list, and returns the exit code. `skipped` says what was not played, and why. */
export async function finish(
  results: readonly InjectionResult[],
  planned: number,
  kind: ReportKind,
  skipped: readonly Skipped[] = [],
): Promise<number> {
  const sorted = results.toSorted((one, other) => one.id.localeCompare(other.id));
  const rows = sorted.map((result) => `${isGood(result) ? "survived" : "FAILED  "} ${result.id}  ${result.outcome}`);
  const notPlayed = skipped.map(skippedLine);
  await writeFile(new URL(kind.list, directoryOf(kind)), `${[...rows, ...notPlayed].join("\n")}\n`);
  const targets = [...new Set(results.map(({ target }) => target))].sort();
  for (const target of targets) {
    const own = results.filter((result) => result.target === target);
    console.log(`${target.padEnd(12)} ${own.filter(isGood).length} of ${own.length} survived`);
  }
  for (const line of notPlayed) console.log(line);
  const good = results.filter(isGood).length;
  const distinct = new Set(results.map(({ call, effect, phase }) => `${call} ${phase} ${effect}`)).size;
  const passed = good === planned && planned > 0;
  console.log(
    `${kind.name}: ${good} of ${planned} injections survived as the manifest says (${distinct} of call × phase × effect)`,
  );
  const least = skipped.reduce((sum, { count = 0 }) => sum + count, 0);
  const more = skipped.some(({ count }) => count === undefined) ? "+" : "";
  const verdict = passed ? (skipped.length > 0 ? `${good} of ${planned} survived` : "PASS") : "FAIL";
  console.log(`${kind.name}: ${verdict}${skipped.length > 0 ? `; ${least}${more} SKIPPED` : ""}`);
  return passed ? 0 : 1;
}
