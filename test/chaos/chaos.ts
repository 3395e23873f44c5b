/** Plays faults to a connector and tells which it survived: `make chaos`, `make chaos-full`. */
import { parseArgs } from "node:util";
import { catalog } from "./catalog/catalog.ts";
import type { Fault } from "./catalog/fault.ts";
import type { InjectionResult, ProgramName } from "./injection.ts";
import type { ProgramUnderTest } from "./program.ts";
import { goSdk } from "./programs/go-sdk.ts";
import { finish, network, openReport } from "./report.ts";
import { batonCursor } from "./run/baton-cursor.ts";
import { type Piece, runAll } from "./run/workers.ts";
import { planned, shortened, shuffled, storms } from "./schedule.ts";

const programs: Readonly<Partial<Record<ProgramName, ProgramUnderTest>>> = {
  "baton-cursor": batonCursor,
  "go-sdk": goSdk,
};

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    match: { type: "string" },
    short: { type: "boolean", default: false },
    storm: { type: "string", default: "0" },
    jobs: { type: "string", default: "8" },
    list: { type: "boolean", default: false },
    "under-test": { type: "string", default: "baton-cursor" },
  },
});

function faultsOf(seed: number, underTest: string): readonly Fault[] {
  const { match, only, short } = values;
  const able = catalog.filter((entry) => entry.underTest.some((name) => name === underTest));
  if (only !== undefined) return able.filter(({ id }) => id === only);
  const matching = match === undefined ? able : able.filter(({ id }) => new RegExp(match).test(id));
  return short ? shortened(matching, seed) : shuffled(matching, seed);
}

function stormsOf(seed: number, count: number): readonly Piece[] {
  const number = /^storm-(\d+)$/.exec(values.only ?? "")?.[1];
  return number === undefined ? storms(catalog, seed, count) : storms(catalog, seed, Number(number)).slice(-1);
}

function planOf(seed: number, underTest: string): readonly Piece[] {
  const { only = "", storm } = values;
  if (only.startsWith("storm-")) return stormsOf(seed, 0);
  const faults = faultsOf(seed, underTest).map((entry) => planned(entry, seed));
  return only === "" ? [...faults, ...stormsOf(seed, Number(storm))] : faults;
}

async function main(): Promise<number> {
  const seed = Number(values.seed);
  const program = Object.values(programs).find(({ name }) => name === values["under-test"]);
  if (program === undefined) throw new Error(`there is no program ${values["under-test"]}`);
  const plan = planOf(seed, program.name);
  if (plan.length === 0) throw new Error("nothing to play: see --list");
  if (values.list) {
    for (const piece of plan) {
      if ("faults" in piece) console.log(`${piece.id}\t${piece.faults.map(({ entry }) => entry.id).join(" + ")}`);
      else console.log(`${piece.entry.id}\tattempt ${piece.injection.attempt}\t${piece.entry.underTest.join(", ")}`);
    }
    return 0;
  }
  const kind = { ...network, isPart: values.only !== undefined || values.match !== undefined };
  const report = await openReport(plan.length, values.only !== undefined, kind);
  const results: InjectionResult[] = [];
  const jobs = values.only === undefined ? Number(values.jobs) : 1;
  await runAll({
    plan,
    program,
    seed,
    jobs,
    async onResult(result, log) {
      results.push(result);
      await report.add(result, log);
    },
  });
  return await finish(results, plan.length, kind);
}

process.exitCode = await main();
