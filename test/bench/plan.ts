import { parseArgs } from "node:util";

/** A made-up team. */
export interface Team {
  readonly active: number;
  readonly removed: number;
  /** Rows of each answer; absent for the documented answer, which is the whole team at once. */
  readonly pageSize?: number;
}

export interface TeamPlan extends Team {
  /** Runs, each in a daemon of its own; the others' runs come between them. */
  readonly rounds: number;
  /** Whether the SDK's writers and the yardstick get the same rows. */
  readonly compare: boolean;
}

/** What one call of the benchmark measures. */
export interface Plan {
  readonly short: boolean;
  readonly teams: readonly TeamPlan[];
  /** Syncs one after the other in one process, and the team they are of. */
  readonly inARow: { readonly syncs: number; readonly team: Team };
  /** Milliseconds of polling before the memory of an idle daemon is read. */
  readonly idleMs: number;
}

/** The team that the acceptance figures are about, and the one that must come through at all. */
export const measuredTeam = 100_000;
export const largestTeam = 1_000_000;

const pageSize = 5_000;

/** Nearly everybody is active. One answer holds the whole team up to the size where it would be refused as too long. */
function team(active: number): Team {
  const whole: Team = { active, removed: Math.ceil(active / 500) };
  return active < largestTeam ? whole : { ...whole, pageSize };
}

const full: Plan = {
  short: false,
  teams: [
    { ...team(1_000), rounds: 5, compare: true },
    { ...team(10_000), rounds: 5, compare: true },
    { ...team(measuredTeam), rounds: 5, compare: true },
    { ...team(largestTeam), rounds: 1, compare: true },
  ],
  inARow: { syncs: 10, team: team(measuredTeam) },
  idleMs: 30_000,
};

const short: Plan = {
  short: true,
  teams: [
    { ...team(1_000), rounds: 1, compare: false },
    { ...team(10_000), rounds: 1, compare: false },
    { ...team(measuredTeam), rounds: 3, compare: true },
  ],
  inARow: { syncs: 10, team: team(10_000) },
  idleMs: 5_000,
};

/** Reads the command line: `--short`, and for work on the benchmark itself `--members N` to run one team only. */
export function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: "boolean", default: false }, members: { type: "string" } },
  });
  const plan = values.short ? short : full;
  if (values.members === undefined) return plan;
  const members = Number(values.members);
  const teams = full.teams.filter(({ active }) => active === members);
  if (teams.length === 0) throw new Error(`--members is one of ${full.teams.map(({ active }) => active).join(", ")}`);
  return { ...plan, teams };
}
