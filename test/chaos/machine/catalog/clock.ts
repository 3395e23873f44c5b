import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type MachineFault, machineFault, type Planted } from "../fault.ts";
import { moments, when } from "../moment.ts";

const minuteMs = 60_000;
const jumps: Readonly<Record<string, number>> = {
  "ten-minutes-ahead": 10 * minuteMs,
  "ten-minutes-back": -10 * minuteMs,
  "a-day-ahead": 24 * 60 * minuteMs,
  "a-day-back": -24 * 60 * minuteMs,
};
const setting = "movable-clock";
const call = "wall clock";
const pollMs = 2_500;
/** On a busy machine a poll comes late. */
const latestMs = 15_000;

/** Requests for a token that C1 has refused, and whatever else it has refused. */
function refusals({ lane: { stage } }: Bench): { readonly tokens: number; readonly others: readonly string[] } {
  const all = stage.c1.takeViolations();
  const others = all.filter(({ where }) => where !== "token").map(({ where, message }) => `${where}: ${message}`);
  return { tokens: all.length - others.length, others };
}

/** The clock jumps in the middle of a task, and stays wrong until the task has ended: nobody notices. */
function jumpAt(phase: "collecting" | "uploading" | "provisioning", offsetMs: number): MachineFault["plant"] {
  return async (bench): Promise<Planted> => {
    const { clock, lane } = bench;
    const ambush = when(lane.stage, moments[phase], () => clock?.set(offsetMs));
    let refused = { tokens: 0, others: [] as readonly string[] };
    return {
      seen: () => ambush.happened && clock?.wasRead(offsetMs) === true,
      async end() {
        ambush[Symbol.dispose]();
        clock?.set(0);
        refused = refusals(bench);
      },
      problems: () => [
        ...refused.others,
        ...(refused.tokens > 0 ? [`${refused.tokens} tokens asked for in vain`] : []),
      ],
    };
  };
}

/** The clock jumps while the process waits for its next poll, which comes when it was to come all the same. */
function jumpBetweenPolls(offsetMs: number): MachineFault["plant"] {
  return async (bench) => {
    const { clock, lane } = bench;
    const { c1 } = lane.stage;
    const problems: string[] = [];
    c1.defaults.nextPollMs = pollMs;
    const polls = () => c1.calls("GetTask");
    const next = async (): Promise<number> => {
      const { length } = polls();
      await c1.until(() => polls()[length]?.endedMs !== undefined, latestMs, "a poll");
      return polls()[length]?.endedMs ?? 0;
    };
    await next();
    const beforeMs = await next();
    clock?.set(offsetMs);
    const waitedMs = Math.round((await next()) - beforeMs);
    // A fifth of the wait is left to chance, so that many connectors do not ask at once.
    if (waitedMs < 0.7 * pollMs) problems.push(`the poll after the jump came after ${waitedMs} ms, not ${pollMs}`);
    return {
      seen: () => clock?.wasRead(offsetMs) === true,
      async end() {
        clock?.set(0);
        const { others, tokens } = refusals(bench);
        problems.push(...others);
        if (tokens > 0) problems.push(`${tokens} tokens asked for in vain`);
      },
      problems: () => problems,
    };
  };
}

/** The clock is wrong when a new token is needed: C1 refuses, until the clock is right again. */
function jumpWithoutToken(offsetMs: number): MachineFault["plant"] {
  return async (bench) => {
    const { clock, lane } = bench;
    const { token } = lane.stage.c1;
    const from = token.requests.length;
    clock?.set(offsetMs);
    token.revokeAll();
    await lane.stage.c1.until(
      () => token.requests.slice(from).some(({ status }) => status === 401),
      latestMs,
      "a refusal",
    );
    await delay(500);
    clock?.set(0);
    const refused = refusals(bench);
    return {
      seen: () => refused.tokens > 0 && clock?.wasRead(offsetMs) === true,
      end: async () => undefined,
      problems: () => refused.others,
    };
  };
}

/** The clock is wrong from the beginning. */
function wrongAtStart(offsetMs: number): MachineFault["plant"] {
  return async (bench) => {
    bench.clock?.set(offsetMs);
    let refused = { tokens: 0, others: [] as readonly string[] };
    return {
      seen: () => refused.tokens > 0 && bench.clock?.wasRead(offsetMs) === true,
      async end() {
        bench.clock?.set(0);
        refused = refusals(bench);
      },
      problems: () => refused.others,
    };
  };
}

export const clockFaults: readonly MachineFault[] = Object.entries(jumps).flatMap(([effect, offsetMs]) => [
  machineFault({ call, phase: "polling", effect, setting, plant: jumpBetweenPolls(offsetMs) }),
  machineFault({ call, phase: "collecting", effect, setting, plant: jumpAt("collecting", offsetMs) }),
  machineFault({ call, phase: "uploading", effect, setting, plant: jumpAt("uploading", offsetMs) }),
  machineFault({
    call,
    phase: "provisioning",
    effect,
    task: "create",
    setting,
    plant: jumpAt("provisioning", offsetMs),
  }),
  machineFault({
    call,
    phase: "polling",
    effect: `${effect}-without-token`,
    setting,
    plant: jumpWithoutToken(offsetMs),
  }),
  machineFault({ call, phase: "starting", effect, task: "start", setting, plant: wrongAtStart(offsetMs) }),
]);
