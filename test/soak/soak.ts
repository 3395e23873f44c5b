/** Thousands of tasks of every kind with faults, swaps and clock jumps: `make soak` (SOAK_TASKS, SOAK_SECONDS, SOAK_SEED). */
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { showCount, showMib, showSeconds, table } from "../bench/numbers.ts";
import type { FaultRates } from "./faults.ts";
import { type LaneResult, pollMs, runLane } from "./lane.ts";
import { judgeLane, type Line, rssAfterTasks, surplus } from "./verdict.ts";

const say = (text = ""): void => void process.stdout.write(`${text}\n`);
const setting = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] || otherwise);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`${name} is ${process.env[name]}: give a whole number`);
  return value;
};

const tasks = setting("SOAK_TASKS", 10_000);
const seconds = setting("SOAK_SECONDS", 0);
const seed = setting("SOAK_SEED", 1);

const taskConcurrency = 20;
/** Limits that the connector keeps towards others, raised so that the soak is about the connector. */
const raised = {
  BATON_CURSOR_REQUESTS_PER_MINUTE: "100000",
  BATON_SCIM_REQUESTS_PER_MINUTE: "100000",
  BATON_MAX_DELETES_PER_HOUR: "100000",
  BATON_CURSOR_ROSTER_MAX_AGE: "5s",
  // The large team is gone after its sync, while people come and go.
  BATON_CURSOR_MAX_SHRINK_PERCENT: "100",
} as const;
const rates: FaultRates = {
  poll: 0.005,
  hello: 0.1,
  heartbeat: 0.1,
  upload: 0.1,
  finish: 0.05,
  cursor: 0.05,
  scim: 0.05,
};
/** A short run has no time to find its level first. */
const warmUpShare = 0.3;

function announce(): void {
  const [load = 0] = loadavg();
  say(`soak: ${showCount(tasks)} tasks, half by GetTask and half by GetTasks, seed ${seed}`);
  if (seconds > 0) say(`no new ones after ${seconds} s`);
  const limits = { ...raised, BATON_TASK_CONCURRENCY: taskConcurrency };
  say(
    `limits: ${Object.entries(limits)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`,
  );
  say(`        next_poll=${pollMs}ms`);
  say(
    `faults: ${Object.entries(rates)
      .map(([name, rate]) => `${(100 * rate).toFixed(1)} % ${name}`)
      .join(", ")}`,
  );
  say(`machine: ${availableParallelism()} processors, load ${load.toFixed(2)}; Node ${process.versions.node}\n`);
}

async function main(): Promise<boolean> {
  announce();
  const ofLane = Math.ceil(tasks / 2);
  const warmUp = Math.min(rssAfterTasks, Math.ceil(ofLane * warmUpShare));
  const deadline = new AbortController();
  const clock = new AbortController();
  if (seconds > 0) {
    delay(seconds * 1_000, undefined, { signal: clock.signal }).then(
      () => deadline.abort(),
      () => undefined,
    );
  }
  const common = { seed, tasks: ofLane, warmUp, rates, deadline: deadline.signal, env: raised, taskConcurrency, say };
  const lanes = await Promise.all([runLane({ ...common, name: "GetTask" }), runLane({ ...common, name: "GetTasks" })]);
  clock.abort();
  const lines = lanes.map((lane) => {
    const own = judgeLane(lane);
    report(lane, own);
    return own;
  });
  const good = lines.flat().every(({ verdict }) => verdict !== "FAIL");
  const ended = lanes.reduce((sum, { outcome }) => sum + outcome.ended, 0);
  say(`\nsoak of ${showCount(ended)} tasks, SOAK_SEED=${seed}: ${good ? "PASS" : "FAIL"}`);
  return good;
}

const shownProblems = 10;

function report(result: LaneResult, lines: readonly Line[]): void {
  const { clockJumps, end, name, outcome, seconds: took, swaps, troubles, warm } = result;
  const since = `${showCount(end.tasks - warm.tasks)} of them in ${showSeconds(took)}`;
  say(`\n== ${name}: ${showCount(outcome.ended)} tasks, ${since}`);
  say(`${swaps} swaps of credentials, ${clockJumps} clock jumps (${outcome.refusedClocks} tokens refused for them),`);
  say(`${outcome.largeSyncs} syncs of the large team, at most ${outcome.mostAtOnce} tasks handed out at once,`);
  const heap = `heap ${showMib(warm.heapBytes)}, then ${showMib(end.heapBytes)}`;
  say(`${outcome.handedOutAgain} handed out again after a silence; ${heap}`);
  say(`tasks: ${listed(Object.entries(outcome.kinds).map(([kind, count]) => `${count} ${kind}`))}`);
  const faults = Object.entries(outcome.faults);
  say(`faults: ${listed(faults.map(([kind, { calls, faults: wrong }]) => `${kind} ${wrong} of ${calls}`))}`);
  const problems = [...surplus(result), ...troubles, ...outcome.problems];
  for (const problem of problems.slice(0, shownProblems)) say(`  ! ${problem}`);
  if (problems.length > shownProblems) say(`  ! and ${problems.length - shownProblems} more`);
  const rows = lines.map(({ found, verdict, wanted, what }) => [what, found, wanted, verdict]);
  say(table(["", "found", "wanted", ""], rows));
}

const listed = (texts: readonly string[]): string => texts.join(", ");

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
