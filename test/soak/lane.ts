import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { inspectable, openInspector, shiftClock } from "../helpers/inspector.ts";
import type { FaultRates } from "./faults.ts";
import { makePlan, type PlannedEvent } from "./plan.ts";
import { type Holdings, idleHoldings, type Watched } from "./sample.ts";
import { type Credential, type Outcome, type StandIns, startStandIns } from "./stand-ins.ts";

/** One connector and the tasks that it gets. */
export interface LaneOptions {
  readonly seed: number;
  /** `GetTask` or `GetTasks`: how it asks for them. */
  readonly name: "GetTask" | "GetTasks";
  readonly tasks: number;
  /** After so many tasks counts and memory are taken that the later ones are compared with. */
  readonly warmUp: number;
  readonly rates: FaultRates;
  /** No more tasks are given out when it aborts. */
  readonly deadline: AbortSignal;
  readonly env: Readonly<Record<string, string>>;
  readonly taskConcurrency: number;
  say(text: string): void;
}

/** An idle moment. */
export interface Moment {
  readonly tasks: number;
  readonly rssBytes: number;
  /** Of the JavaScript heap, after a collection. */
  readonly heapBytes: number;
  readonly holdings: Holdings;
}

export interface LaneResult {
  readonly name: LaneOptions["name"];
  readonly warm: Moment;
  readonly end: Moment;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Swaps that came to be used, and clock jumps. */
  readonly swaps: number;
  readonly clockJumps: number;
  /** What went wrong outside of tasks. */
  readonly troubles: readonly string[];
}

/** A connector asks every 100 ms at most. */
export const pollMs = 50;
const leapMs = 2_000;
const activationMs = 240_000;
/** A task that C1 hands out once more after a silence has ended by then. */
const standstillMs = 300_000;
const sayEveryMs = 60_000;

/** Where the log of each connector is left. */
const logs = new URL("../../build/soak/", import.meta.url);

/** Runs one lane from start to clean stop. */
export async function runLane(options: LaneOptions): Promise<LaneResult> {
  const { deadline, name, rates, seed, tasks, warmUp } = options;
  const { events } = makePlan(seed, name, tasks);
  mkdirSync(logs, { recursive: true });
  await using standIns = await startStandIns({
    seed,
    lane: name,
    tasks,
    rates,
    ready: 3 * options.taskConcurrency,
    pollMs,
  });
  await using daemon = await spawnConnector([], {
    ...(await standIns.ask("env")),
    ...inspectable,
    ...options.env,
    BATON_GET_TASKS: String(name === "GetTasks"),
    BATON_TASK_CONCURRENCY: String(options.taskConcurrency),
  });
  // Not to be left behind, looking for its C1, when the soak is interrupted.
  process.once("exit", () => {
    daemon.kill("SIGKILL");
    writeFileSync(new URL(`${name}.log`, logs), daemon.stderr());
  });
  using inspector = await openInspector(daemon);
  const watched: Watched = { daemon, inspector, standIns };
  const troubles: string[] = [];

  await standIns.ask("feed", warmUp);
  const allEnded = await unlessEnded(daemon, untilOver(standIns));
  await standIns.ask("rest", true);
  const warm = await momentOf(watched, warmUp, await idleHoldings(watched));
  await standIns.ask("rest", false);

  const startedMs = performance.now();
  const over = new AbortController();
  const disturbed = disturb(watched, events, over.signal, troubles);
  const told = tell(watched, options, over.signal);
  if (allEnded) await standIns.ask("feed", tasks);
  const stopFeeding = (): void => void standIns.ask("feed", 0).catch(() => undefined);
  if (deadline.aborted) stopFeeding();
  else deadline.addEventListener("abort", stopFeeding, { once: true });
  if (allEnded) await unlessEnded(daemon, untilOver(standIns));
  over.abort();
  const done = await disturbed;
  await told;
  const seconds = (performance.now() - startedMs) / 1000;

  await standIns.ask("rest", true);
  await shiftClock(inspector, 0);
  const holdings = await idleHoldings(watched, warm.holdings);
  const { ended } = await standIns.ask("progress");
  const end = await momentOf(watched, ended, holdings);
  const outcome = await standIns.ask("outcome");
  inspector[Symbol.dispose]();
  await stop(daemon, troubles);
  return { name, warm, end, outcome, seconds, troubles, ...done };
}

async function momentOf({ daemon, inspector }: Watched, tasks: number, holdings: Holdings): Promise<Moment> {
  const rssBytes = await daemon.rssBytes();
  const heapBytes = await inspector.evaluate<number>("gc(), process.memoryUsage().heapUsed");
  return { tasks, rssBytes, heapBytes, holdings };
}

/** Until every task that was offered has ended; false when none has for so long that the others are lost. */
async function untilOver(standIns: StandIns): Promise<boolean> {
  let last = { ended: -1, atMs: 0 };
  for (;;) {
    const { ended, offered } = await standIns.ask("progress");
    if (ended === offered && ended > 0) return true;
    if (ended !== last.ended) last = { ended, atMs: performance.now() };
    if (performance.now() - last.atMs > standstillMs) return false;
    await delay(200);
  }
}

/** Swaps credentials and moves the clock as planned, each after so many tasks. */
async function disturb(
  { daemon, inspector, standIns }: Watched,
  events: readonly PlannedEvent[],
  over: AbortSignal,
  troubles: string[],
): Promise<{ swaps: number; clockJumps: number }> {
  const done = { swaps: 0, clockJumps: 0 };
  let clockMs = 0;
  for (const { afterTasks, aheadMs, what } of events) {
    while (!over.aborted && (await standIns.ask("progress")).ended < afterTasks) await delay(100);
    if (over.aborted) return done;
    if (what === "step-clock" || what === "leap-clock") {
      done.clockJumps += 1;
      await shiftClock(inspector, aheadMs);
      if (what === "step-clock") clockMs = aheadMs;
      else {
        await delay(leapMs);
        await shiftClock(inspector, clockMs);
      }
      continue;
    }
    const credential = what.slice("swap-".length) as Credential;
    const used = (): number => activations(daemon, credential);
    const before = used();
    await standIns.ask("swap", credential);
    const giveUpAtMs = performance.now() + activationMs;
    while (used() === before && performance.now() < giveUpAtMs) await delay(100);
    if (used() === before) troubles.push(`a new version of the credential ${credential} was not taken up`);
    else done.swaps += 1;
    await standIns.ask("retire", credential);
  }
  return done;
}

const names: Readonly<Record<Credential, string>> = { c1: "c1", cursor: "cursor_api", scim: "cursor_scim" };

/** How often a new version of the credential came to be used, by the connector's own words. */
function activations(daemon: DaemonProcess, credential: Credential): number {
  const words = "a new version of a credential is in use";
  return daemon
    .stderr()
    .split("\n")
    .filter((line) => line.includes(words) && line.includes(`"credential":"${names[credential]}"`)).length;
}

async function tell(
  { daemon, standIns }: Watched,
  { name, say, tasks }: LaneOptions,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await delay(sayEveryMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const { ended } = await standIns.ask("progress");
    say(`  ${name}: ${ended} of ${tasks} tasks, ${((await daemon.rssBytes()) / 1024 / 1024).toFixed(0)} MiB`);
  }
}

async function unlessEnded<T>(daemon: DaemonProcess, wait: Promise<T>): Promise<T> {
  const early = daemon.ended.then(({ stderr }) =>
    Promise.reject(new Error(`the connector ended:\n${stderr.slice(-2_000)}`)),
  );
  return await Promise.race([wait, early]);
}

async function stop(daemon: DaemonProcess, troubles: string[]): Promise<void> {
  daemon.kill("SIGTERM");
  const left = (): readonly string[] => daemon.leftovers();
  const { code, signal, stderr } = await daemon.ended;
  if (code !== 0) troubles.push(`the connector ended with ${code ?? signal}: ${stderr.slice(-500)}`);
  if (left().length > 0) troubles.push(`the connector left files behind: ${left().join(", ")}`);
}
