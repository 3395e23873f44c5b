/** Plays faults to a connector and tells which it survived: `make chaos`, `make chaos-full`. */
import { parseArgs } from "node:util";
import { catalog } from "./catalog/catalog.ts";
import type { Fault } from "./catalog/fault.ts";
import type { InjectionResult, ProgramName } from "./injection.ts";
import type { ProgramUnderTest } from "./program.ts";
import { goSdk } from "./programs/go-sdk.ts";
import { finish, openReport } from "./report.ts";
import { batonCursor } from "./run/baton-cursor.ts";
import { runAll } from "./run/workers.ts";
import { planned, shortened, shuffled } from "./schedule.ts";

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
    jobs: { type: "string", default: "8" },
    list: { type: "boolean", default: false },
    "under-test": { type: "string", default: "baton-cursor" },
  },
});

function chosen(seed: number, underTest: string): readonly Fault[] {
  const { match, only, short } = values;
  const able = catalog.filter((entry) => entry.underTest.some((name) => name === underTest));
  if (only !== undefined) return able.filter(({ id }) => id === only);
  const matching = match === undefined ? able : able.filter(({ id }) => new RegExp(match).test(id));
  return short ? shortened(matching, seed) : shuffled(matching, seed);
}

async function main(): Promise<number> {
  const seed = Number(values.seed);
  const program = Object.values(programs).find(({ name }) => name === values["under-test"]);
  if (program === undefined) throw new Error(`there is no program ${values["under-test"]}`);
  const entries = chosen(seed, program.name);
  if (entries.length === 0) throw new Error("nothing to play: see --list");
  if (values.list) {
    for (const { id, takesMs, underTest } of entries) console.log(`${id}\t${takesMs} ms\t${underTest.join(", ")}`);
    return 0;
  }
  const report = await openReport(entries.length, values.only !== undefined);
  const results: InjectionResult[] = [];
  await runAll({
    plan: entries.map((entry) => planned(entry, seed)),
    program,
    seed,
    jobs: values.only === undefined ? Number(values.jobs) : 1,
    async onResult(result, log) {
      results.push(result);
      await report.add(result, log);
    },
  });
  return finish(results, entries.length);
}

process.exitCode = await main();
