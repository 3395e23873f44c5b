import { appendFile, mkdir, writeFile } from "node:fs/promises";
import type { InjectionResult } from "./injection.ts";

const directory = new URL("../../build/chaos/", import.meta.url);
const file = (name: string): URL => new URL(name, directory);

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
  readonly results: string;
  readonly list: string;
  replay(result: InjectionResult): string;
}

/** Faults of the network. */
export const network: ReportKind = {
  results: "results.jsonl",
  list: "list.txt",
  replay: ({ id, seed, underTest }) =>
    `node test/chaos/chaos.ts --under-test=${underTest} --seed=${seed} '--only=${id}'`,
};

/** The same, played in part: the results of a whole run stay. */
export const inPart: ReportKind = { ...network, results: "part-results.jsonl", list: "part-list.txt" };

/** Empties the file of results. With `verbose` the log of the program is printed too. */
export async function openReport(count: number, verbose: boolean, kind: ReportKind = network): Promise<Report> {
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
  kind: ReportKind = network,
  skipped: readonly string[] = [],
): Promise<number> {
  const sorted = results.toSorted((one, other) => one.id.localeCompare(other.id));
  const rows = sorted.map((result) => `${isGood(result) ? "survived" : "FAILED  "} ${result.id}  ${result.outcome}`);
  const notPlayed = skipped.map((reason) => `skipped: ${reason}`);
  await writeFile(file(kind.list), `${[...rows, ...notPlayed].join("\n")}\n`);
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
    `chaos: ${good} of ${planned} injections survived as the manifest says (${distinct} of call × phase × effect)`,
  );
  const left = skipped.length === 0 ? "" : `, but ${skipped.length} groups were SKIPPED (see above)`;
  console.log(`chaos: ${passed ? "PASS" : "FAIL"}${left}`);
  return passed ? 0 : 1;
}
