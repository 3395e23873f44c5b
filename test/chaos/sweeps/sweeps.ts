import { suite, test } from "node:test";
import { straceProblem } from "../../helpers/strace.ts";
import { accountScenarios, oddScenarios } from "./account-scenarios.ts";
import { callCases } from "./call-cases.ts";
import { patient, sweep, sweepCases } from "./sweep.ts";
import type { SweepScenario } from "./sweep-scenario.ts";
import { syncScenarios } from "./sync-scenarios.ts";

/** The beginning of the name of a scenario or of a point. */
const only = process.env["SWEEP_ONLY"] ?? "";
/** The points of a minute or so. */
const short = process.env["SWEEP_SHORT"] === "1";
const signals = ["SIGKILL", "SIGTERM"] as const;

function wanted({ name }: SweepScenario): boolean {
  return `${name}: `.startsWith(only) || only.startsWith(`${name}: `);
}

/** In the short form; other ordinary ones are played in full alone. */
const shortNames = ["sync", "create", "delete"];

function wantedShort({ name }: SweepScenario): boolean {
  return !short || shortNames.includes(name);
}

/** The short form stops account tasks only; they are killed in the integration tests. */
function picks(name: string): boolean {
  return name.startsWith(only) && (!short || name.startsWith("sync: ") || /: working, .*: SIGTERM$/.test(name));
}

/** The short form kills where the directory has done something. */
function picksOdd(name: string): boolean {
  return name.startsWith(only) && (!short || /, (POST|PATCH|PUT|DELETE) .*: took effect: SIGKILL$/.test(name));
}

function picksCall(name: string): boolean {
  return name.startsWith(only) && (!short || name.endsWith("(1): SIGKILL"));
}

suite("sweeps", () => {
  for (const scenario of [...syncScenarios, ...accountScenarios].filter(wanted).filter(wantedShort))
    sweep(scenario, { signals, picks });
  for (const scenario of oddScenarios.filter(wanted)) sweep(scenario, { signals, picks: picksOdd });

  for (const scenario of syncScenarios
    .filter(({ keepsCall }) => keepsCall)
    .filter(wanted)
    .filter(wantedShort)) {
    const skip = straceProblem() ?? false;
    test(`${scenario.name}: interrupted at every call on its files, then repeated`, { ...patient, skip }, async (t) => {
      await sweepCases(t, scenario, await callCases(scenario), { signals, picks: picksCall });
    });
  }
});
