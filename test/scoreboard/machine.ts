import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { InjectionResult } from "../chaos/injection.ts";
import { failureList } from "./faults.ts";
import { markdownTable, plain } from "./markdown.ts";

/** What came of the faults of the machine, or why there are none. */
export interface MachineFaults {
  readonly results: readonly InjectionResult[];
  /** What could not be played here, and why. */
  readonly skipped: readonly string[];
}

const build = new URL("../../build/chaos/", import.meta.url);
const results = new URL("machine-results.jsonl", build);
const list = new URL("machine-list.txt", build);

/** Runs the command of `make chaos-machine`, one of each call and effect, and reads what it has written. */
export function playMachineFaults(args: readonly string[]): MachineFaults {
  for (const file of [results, list]) rmSync(file, { force: true });
  const root = new URL("../../", import.meta.url);
  spawnSync(process.execPath, ["test/chaos/machine/machine.ts", "--short", ...args], { cwd: root, stdio: "inherit" });
  if (!existsSync(list)) return { results: [], skipped: ["all: the run did not come to its end"] };
  return {
    results: linesOf(results).map((line): InjectionResult => JSON.parse(line)),
    skipped: linesOf(list).flatMap((line) => /^skipped: (.*)/.exec(line)?.[1] ?? []),
  };
}

function linesOf(file: URL): string[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}

const kinds: readonly (readonly [name: string, calls: RegExp])[] = [
  ["disk full, without inodes or read-only", /^disk/],
  ["temporary directory removed or renamed", /^directory/],
  ["no file descriptors left", /^descriptors/],
  ["killed by the kernel for its memory", /^memory/],
  ["wall clock moved", /^wall clock/],
  ["Secret files gone", /^secret/i],
  ["a system call on its files fails", /(?:)/],
];

/** The table of what fails in the machine; a fault that was not seen to happen counts as not run. */
export function machineSection({ results, skipped }: MachineFaults): string {
  const kindOf = ({ call }: InjectionResult): string => kinds.find(([, calls]) => calls.test(call))?.[0] ?? call;
  const rows = kinds.map(([name]) => {
    const own = results.filter((result) => kindOf(result) === name);
    return [name, cell(own), "not run: played to ours alone"];
  });
  const failures = results.filter(({ observed, survived }) => observed && !survived);
  return [
    "## Faults of the machine",
    markdownTable(["what fails", "ours", "Go SDK connector"], rows),
    ...skipped.map((reason) => `not run: ${plain(reason)}`),
    ...(results.length === 0 ? [] : [`Not survived by ours:\n\n${failureList(failures)}`]),
  ].join("\n\n");
}

function cell(own: readonly InjectionResult[]): string {
  const tried = own.filter(({ observed }) => observed);
  if (tried.length === 0) return own.length === 0 ? "not run" : "not run: the faults were not seen to happen";
  const unseen = own.length - tried.length;
  const missing = unseen === 0 ? "" : ` (not run: ${unseen}, the fault was not seen to happen)`;
  return `${tried.filter(({ survived }) => survived).length} of ${tried.length}${missing}`;
}
