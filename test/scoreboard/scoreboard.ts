/** Plays the same faults to our connector and to one on the Go SDK, measures both, and writes docs/scoreboard.md: `make scoreboard`. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Line } from "../bench/acceptance.ts";
import { catalog } from "../chaos/catalog/catalog.ts";
import type { Fault } from "../chaos/catalog/fault.ts";
import type { CatalogEntry, InjectionResult, ProgramName } from "../chaos/injection.ts";
import type { ProgramUnderTest } from "../chaos/program.ts";
import { goSdk } from "../chaos/programs/go-sdk.ts";
import { batonCursor } from "../chaos/run/baton-cursor.ts";
import { runAll } from "../chaos/run/workers.ts";
import { planned, shortened } from "../chaos/schedule.ts";
import { buildTools, go, goVersion } from "../interop/tools.ts";
import type { Benchmarks } from "./benchmarks.ts";
import { contenders } from "./contenders.ts";
import { scoreboardDocument } from "./document.ts";
import { playMachineFaults } from "./machine.ts";
import { inOrder } from "./order.ts";
import { playSignals, signalEntries } from "./signals.ts";
import type { Played } from "./tally.ts";
import { measureIdle, measureTeam } from "./whole-syncs.ts";

const seed = 1;
const short = process.env["SCOREBOARD_SHORT"] === "1";
const jobs = Number(process.env["SCOREBOARD_JOBS"] || "8");
/** After this no further fault is begun; what is under way ends. */
const minutes = Number(process.env["SCOREBOARD_MINUTES"] || "13");
const root = new URL("../../", import.meta.url);
const out = new URL("build/scoreboard/", root);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const isForBoth = ({ underTest }: CatalogEntry): boolean => underTest.length > 1;

/** A short run plays to both what both can be played. */
function entriesFor(name: ProgramName): readonly Fault[] {
  if (short) return shortened(catalog.filter(isForBoth), seed).slice(0, 24);
  return inOrder(catalog, name, seed);
}

async function playFaults(program: ProgramUnderTest): Promise<InjectionResult[]> {
  const entries = entriesFor(program.name);
  const results: InjectionResult[] = [];
  say(`${program.name}: ${entries.length} faults, ${signalEntries.length} signals`);
  const add = (result: InjectionResult, log = ""): void => {
    results.push(result);
    if (!result.observed || !result.survived) {
      say(`  ${program.name}: ${result.id}: ${result.outcome}`);
      writeFileSync(new URL(`${program.name}_${result.id.replace(/[^\w.-]+/g, "_")}.log`, out), log);
    }
    if (results.length % 50 === 0) say(`  ${program.name}: ${results.length} done`);
  };
  const overAtMs = performance.now() + minutes * 60_000;
  await playSignals(program, Math.min(jobs, 4), add);
  await runAll({
    plan: entries.map((entry) => planned(entry, seed)),
    program,
    seed,
    jobs,
    onResult: async (result, log) => add(result, log),
    isOver: () => performance.now() > overAtMs,
  });
  return results;
}

/** Why a listed fault cannot be played to the connector on the SDK. */
function whyNotToSdk({ target, task }: CatalogEntry): string {
  if (target === "scim" || ["create", "reactivate", "delete", "remove"].includes(task)) return "it has no directory";
  if (target === "token") return "it keeps a token that C1 has taken back, and asks for no other then";
  return target === "cursor" ? "about a connector's own reading of the list" : "played to ours alone";
}

/** The files that are uploaded are looked into with the SDK's own tool, so without Go there is nothing. */
async function measure(canCompare: boolean): Promise<Benchmarks> {
  const missing = canCompare ? "left out of the short run" : "Go was not found";
  const able = canCompare ? contenders : [];
  const sizes = short ? [1_000] : [1_000, 10_000, 100_000];
  const teams = [];
  for (const active of sizes) {
    say(`whole syncs of ${active} members`);
    const rounds = short ? 1 : active > 10_000 ? 2 : 3;
    teams.push(await measureTeam({ active, removed: active / 500 }, rounds, able, say));
  }
  const idle: Record<string, Awaited<ReturnType<typeof measureIdle>>> = {};
  for (const contender of able) {
    idle[contender.name] = await measureIdle(contender, short ? 2_000 : 20_000);
  }
  return { teams, idle, writers: short ? [] : measureWriters(), missing };
}

/** The short form of `make bench`; its exit code is about limits, the verdicts are in the lines. */
function measureWriters(): readonly Line[] {
  say("make bench BENCH_ARGS=--short");
  const lines = new URL("build/bench/acceptance.json", root);
  // Figures of an earlier run are none of this one.
  rmSync(lines, { force: true });
  spawnSync(process.execPath, ["test/bench/bench.ts", "--short"], { cwd: root, stdio: "inherit" });
  return JSON.parse(readFileSync(lines, "utf8"));
}

/** What `git` says of the sources, with `-dirty` where they were changed. */
function revision(): string {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : "unknown";
}

function facts(goText: string | undefined): readonly string[] {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const sdk = goText === undefined ? "" : go("list", "-m", "github.com/conductorone/baton-sdk").trim().split(" ")[1];
  const versions = goText === undefined ? "no Go" : `${goText.split(" ")[2]}, baton-sdk ${sdk}`;
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  return [
    `Made on ${new Date().toISOString().slice(0, 10)} by \`make scoreboard\`, of baton-cursor ${version} (${revision()})`,
    `Machine: ${cpus().length} cores, ${memory} GiB of memory, Linux`,
    `Versions: Node ${process.versions.node}, ${versions}`,
    `Seed ${seed}; ${jobs} faults at a time for each program, both beside each other, none begun after ${minutes} minutes; the
  benchmarks before that, alone`,
  ];
}

/** All at once, so that a run that is interrupted leaves the document as it was. */
function write(text: string): void {
  const target = short ? new URL("scoreboard.md", out) : new URL("docs/scoreboard.md", root);
  const whole = new URL("whole.md", out);
  writeFileSync(whole, text);
  renameSync(whole, target);
  say(`written: ${short ? "build/scoreboard/scoreboard.md" : "docs/scoreboard.md"}`);
}

async function main(): Promise<void> {
  mkdirSync(out, { recursive: true });
  const goText = goVersion();
  if (goText !== undefined) buildTools();
  const absent = goText === undefined ? "Go was not found" : undefined;
  const unplayable = (name: ProgramName) => (name === "go-sdk" ? whyNotToSdk : () => "not played to ours");
  const play = async (program: ProgramUnderTest, why?: string): Promise<Played> => ({
    program: program.name,
    results: why === undefined ? await playFaults(program) : [],
    absent: why,
    unplayable: unplayable(program.name),
  });
  const machineFacts = facts(goText);
  const benchmarks = await measure(goText !== undefined);
  const [ours, sdk] = await Promise.all([play(batonCursor), play(goSdk, absent)]);
  const machine = playMachineFaults(short ? ["--match=:(wall_clock|secret):"] : []);
  const all = [...ours.results, ...sdk.results, ...machine.results];
  writeFileSync(new URL("results.jsonl", out), all.map((result) => `${JSON.stringify(result)}\n`).join(""));
  const faults = { entries: [...catalog, ...signalEntries], ours, sdk };
  write(scoreboardDocument({ facts: machineFacts, short, seed, faults, machine, benchmarks }));
  const failed = [...ours.results, ...machine.results].filter(({ observed, survived }) => !observed || !survived);
  for (const { id } of failed) say(`baton-cursor did not survive ${id}, or nobody saw it`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
