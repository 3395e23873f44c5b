import { parseArgs } from "node:util";
import { type Settings, unlimited } from "./run-accounts.ts";

/** What one call of the benchmark of accounts measures. */
export interface AccountPlan {
  /** How many people join, and as many leave, while the directory throttles. */
  readonly people: number;
  /** Every so many refusals ask for a pause of one second; the others may be repeated at once. */
  readonly pauseEvery: number;
  readonly throttled: Settings;
  /** The same without gateway and limits: how many people, and the two ways of fetching tasks. */
  readonly freePeople: number;
  readonly free: readonly Settings[];
  /** Tasks of each kind that the connector and the bare client do side by side. */
  readonly pairs: number;
}

const raised = { maxDeletesPerHour: 1_000, taskConcurrency: 20 };
const free = { ...raised, scimRequestsPerMinute: unlimited };

const full: AccountPlan = {
  people: 300,
  pauseEvery: 5,
  // Less than the connector could make: otherwise nothing would be shown about the limit.
  throttled: { ...raised, scimRequestsPerMinute: 600, batched: false },
  freePeople: 200,
  free: [
    { ...free, batched: false },
    { ...free, batched: true },
  ],
  pairs: 100,
};

const short: AccountPlan = {
  ...full,
  pauseEvery: 20,
  throttled: { ...full.throttled, scimRequestsPerMinute: 1_300 },
  freePeople: 50,
  pairs: 40,
};

/** Reads the command line: `--short`. */
export function accountPlanOf(args: readonly string[]): AccountPlan {
  const { values } = parseArgs({ args: [...args], options: { short: { type: "boolean", default: false } } });
  return values.short ? short : full;
}
