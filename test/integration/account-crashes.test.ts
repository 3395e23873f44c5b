import { suite } from "node:test";
import { accountScenarios } from "../chaos/sweeps/account-scenarios.ts";
import { sweep } from "../chaos/sweeps/sweep.ts";

suite("accounts and a process that is killed", () => {
  const picks = (name: string): boolean => name.includes(": working, ");
  for (const scenario of accountScenarios) sweep(scenario, { signals: ["SIGKILL"], picks });
});
