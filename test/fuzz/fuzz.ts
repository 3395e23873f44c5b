// Coverage-guided fuzzing of every parser of outside data. See README.md for the variables.
import { mkdirSync, writeFileSync } from "node:fs";
import { corpusDirectory, hashName, readCorpus, writeCorpus } from "./harness/corpus.ts";
import { emptiness } from "./harness/floor.ts";
import type { LoopResult } from "./harness/loop.ts";
import { runTarget } from "./harness/run-target.ts";
import { targets } from "./targets/all.ts";

const root = new URL("../../", import.meta.url).pathname;
const findings = `${root}build/fuzz`;
const seconds = Number(process.env["FUZZ_SECONDS"] || 60);
const only = process.env["FUZZ_ONLY"] ?? "";
const keep = process.env["FUZZ_KEEP"] === "1";
const seed = process.env["FUZZ_SEED"] === "random" ? Date.now() % 2 ** 31 : Number(process.env["FUZZ_SEED"] || 1);

const chosen = targets.filter(({ name }) => only === "" || only.split(",").includes(name));
if (chosen.length === 0 || !(seconds > 0)) {
  console.log(`FUZZ_SECONDS is a number, FUZZ_ONLY some of ${targets.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

console.log(`${chosen.length} targets, ${seconds} s in all, seed ${seed}`);
console.log(
  "target".padEnd(18) +
    ["runs", "per s", "accepted", "refused", "corpus", "new", "reached"].map((head) => head.padStart(9)).join(""),
);
let failed = 0;
let runs = 0;
for (const target of chosen) {
  const corpus = readCorpus(target.name).map(({ input }) => input);
  const budgetMs = (seconds * 1000) / chosen.length;
  const module = new URL("./targets/all.ts", import.meta.url);
  const result = await runTarget(target, { module, corpus, budgetMs, seed, hangMs: 20_000, heapMb: 256 });
  runs += result.runs;
  print(target.name, result, budgetMs);
  if (result.finding !== undefined) {
    failed += 1;
    mkdirSync(findings, { recursive: true });
    const file = `${findings}/${target.name}-${hashName(result.finding.input)}`;
    writeFileSync(file, result.finding.input);
    console.log(`  FOUND ${result.finding.message.split("\n").slice(0, 12).join("\n    ")}`);
    console.log(
      `  input of ${result.finding.input.length} bytes: ${file}; again: npx node test/fuzz/replay.ts ${target.name} ${file}`,
    );
    continue;
  }
  const empty = emptiness(result, (keep ? result.kept : corpus).length);
  if (empty.length > 0) {
    failed += 1;
    console.log(`  NOTHING PROVED of ${target.name}: ${empty.join("; ")}`);
  } else if (keep) writeCorpus(target.name, result.kept);
}
console.log(
  `fuzz: ${runs} inputs, ${failed === 0 ? "no promise broken" : `${failed} targets FAILED`}; corpus in ${corpusDirectory.slice(root.length)}`,
);
process.exitCode = failed === 0 ? 0 : 1;

function print(
  name: string,
  { accepted, kept, newInputs, reached, refused, runs: count }: LoopResult,
  budgetMs: number,
): void {
  const figures = [count, Math.round((count * 1000) / budgetMs), accepted, refused, kept.length, newInputs];
  const share = `${(reached * 100).toFixed(1)} %`;
  console.log(name.padEnd(18) + [...figures.map(String), share].map((figure) => figure.padStart(9)).join(""));
}
