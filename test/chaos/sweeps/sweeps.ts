import { suite } from "node:test";
import { accountScenarios } from "./account-scenarios.ts";
import { sweep } from "./sweep.ts";
import { syncScenarios } from "./sync-scenarios.ts";

/** The beginning of the name of a scenario or of a point. */
const only = process.env["SWEEP_ONLY"] ?? "";

suite("sweeps", () => {
  for (const scenario of [...syncScenarios, ...accountScenarios]) {
    const wanted = only === "" || `${scenario.name}: `.startsWith(only) || only.startsWith(`${scenario.name}: `);
    if (wanted) sweep(scenario, { signals: ["SIGKILL", "SIGTERM"], picks: (name) => name.startsWith(only) });
  }
});
