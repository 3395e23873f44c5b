/** Plays faults of the machine to the connector and tells which it survived: `make chaos-machine`. */
import { parseArgs } from "node:util";
import { straceProblem } from "../../helpers/strace.ts";
import type { InjectionResult } from "../injection.ts";
import { finish, openReport, type ReportKind, type Skipped, skippedLine } from "../report.ts";
import { callFaults } from "./catalog/calls.ts";
import { clockFaults } from "./catalog/clock.ts";
import { diskFaults } from "./catalog/disk.ts";
import { descriptorFaults, memoryFaults, memoryProblem } from "./catalog/process.ts";
import { secretFaults } from "./catalog/secrets.ts";
import { diskProblem } from "./disk.ts";
import type { Bench, MachineFault } from "./fault.ts";
import { playMachineFault } from "./play.ts";
import { openBench } from "./settings.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    match: { type: "string" },
    short: { type: "boolean", default: false },
    jobs: { type: "string", default: "3" },
    list: { type: "boolean", default: false },
  },
});

const kind: ReportKind = {
  name: "chaos-machine",
  isPart: values.only !== undefined || values.match !== undefined,
  results: "machine-results.jsonl",
  list: "machine-list.txt",
  replay: ({ id }) => `npx node test/chaos/machine/machine.ts '--only=${id}'`,
};

interface Group {
  readonly name: string;
  /** Why these faults cannot be played here. */
  problem(): string | undefined;
  /** A list that is made by what may be missing. */
  readonly isListedByIt?: true;
  faults(): readonly MachineFault[] | Promise<readonly MachineFault[]>;
}

const groups: readonly Group[] = [
  { name: "disk", problem: diskProblem, faults: () => diskFaults },
  { name: "system calls", problem: straceProblem, faults: callFaults, isListedByIt: true },
  { name: "descriptors", problem: straceProblem, faults: () => descriptorFaults },
  { name: "memory", problem: memoryProblem, faults: () => memoryFaults },
  { name: "wall clock", problem: () => undefined, faults: () => clockFaults },
  { name: "Secret", problem: () => undefined, faults: () => secretFaults },
];

/** What was asked for and can be played here, and why the rest cannot. */
async function playable(): Promise<{ readonly plan: readonly MachineFault[]; readonly skipped: readonly Skipped[] }> {
  const plan: MachineFault[] = [];
  const skipped: Skipped[] = [];
  for (const { faults, isListedByIt, name, problem } of groups) {
    const reason = problem();
    const isUnlisted = reason !== undefined && isListedByIt === true;
    const wanted = isUnlisted ? [] : (await faults()).filter(isWanted);
    const asked = values.short ? shortened(wanted) : wanted;
    if (reason === undefined) plan.push(...asked);
    else if (isUnlisted || asked.length > 0)
      skipped.push({ group: name, count: isUnlisted ? undefined : asked.length, reason });
  }
  return { plan, skipped };
}

function isWanted({ id }: MachineFault): boolean {
  if (values.only !== undefined) return id === values.only;
  return values.match === undefined || new RegExp(values.match).test(id);
}

/** One of each call and effect, where a call that comes often counts as one. */
function shortened(faults: readonly MachineFault[]): readonly MachineFault[] {
  const seen = new Set<string>();
  const keyOf = ({ call, effect }: MachineFault): string => `${call.replace(/ \d+$/, "")} ${effect.replace(/\d+/, "")}`;
  return faults.filter((fault) => !seen.has(keyOf(fault)) && seen.add(keyOf(fault)));
}

/** Plays all, one after the other on each of several benches; a bench whose program did not survive is replaced. */
async function playAll(
  plan: readonly MachineFault[],
  jobs: number,
  onResult: (result: InjectionResult, log: string) => Promise<void>,
): Promise<void> {
  const waiting = [...plan];
  const keyOf = ({ lane, setting }: MachineFault): string => `${setting} ${lane}`;
  const take = (key: string | undefined): MachineFault | undefined => {
    const at = waiting.findIndex((fault) => keyOf(fault) === key);
    return waiting.splice(Math.max(0, at), 1)[0];
  };
  const work = async (): Promise<void> => {
    let bench: Bench | undefined;
    let key: string | undefined;
    try {
      for (let next = take(undefined); next !== undefined; next = take(key)) {
        if (bench === undefined || key !== keyOf(next)) {
          await bench?.[Symbol.asyncDispose]();
          bench = await openBench(next);
          key = keyOf(next);
        }
        const result = await playMachineFault(bench, next);
        await onResult(result, bench.lane.process()?.log() ?? "");
        if (result.survived && result.observed) continue;
        await bench[Symbol.asyncDispose]();
        bench = undefined;
      }
    } finally {
      await bench?.[Symbol.asyncDispose]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, plan.length) }, work));
}

async function main(): Promise<number> {
  const { plan, skipped } = await playable();
  for (const group of skipped) console.log(skippedLine(group));
  if (plan.length === 0) throw new Error("nothing to play: see --list");
  if (values.list) {
    for (const { id } of plan) console.log(id);
    return 0;
  }
  const report = await openReport(plan.length, values.only !== undefined, kind);
  const results: InjectionResult[] = [];
  await playAll(plan, Number(values.jobs), async (result, log) => {
    results.push(result);
    await report.add(result, log);
  });
  return await finish(results, plan.length, kind, skipped);
}

process.exitCode = await main();
