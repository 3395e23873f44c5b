import { setTimeout as delay } from "node:timers/promises";
import type { C1Server, Finish } from "../../fakes/c1-server.ts";
import type { DaemonProcess, ProcessEnd } from "../../helpers/daemon.ts";
import { until } from "../../helpers/until.ts";
import type { AccountStage } from "../../integration/account-stage.ts";
import { createCounter, isPoll, type Point, pointName, watchMoments } from "./moments.ts";
import { finishMs, type Lodging, nextFinish, openLodging, type Poll, type Scenario, spawnIdle } from "./scene.ts";

export type Signal = "SIGKILL" | "SIGTERM";

/** What the first process left. */
export interface Before {
  readonly end: ProcessEnd;
  /** What C1 had been told of the task by then. */
  readonly finishes: readonly Finish[];
  readonly uploads: C1Server["uploads"];
  /** Whether the directory or the team had been changed. */
  readonly changed: boolean;
  /** What lay in the temporary directory. */
  readonly leavings: readonly string[];
  /** How many requests the directory had had. */
  readonly scimRequests: number;
}

/** What the second process did. */
export interface After {
  readonly taskId: string;
  /** What it reported. */
  readonly finish: Finish;
  readonly daemon: DaemonProcess;
  /** What lay in the temporary directory when it had started, before it had the task; `undefined` where it got that at once. */
  readonly sweptTo: readonly string[] | undefined;
}

export interface Interruption {
  readonly before: Before;
  readonly after: After;
  readonly lodging: Lodging;
}

/** Where a process is interrupted, and what with. */
export interface Plan {
  readonly scenario: Scenario;
  readonly stage: AccountStage;
  readonly lodging: Lodging;
  readonly signal: Signal;
}

/** Starts a process, interrupts it, and resolves when it is over. Rejects when the point does not come in time. */
export type Interrupt = (plan: Plan) => Promise<{ readonly taskId: string; readonly end: ProcessEnd }>;

/**
 * Interrupts a process from outside, starts another one with the same configuration and temporary directory, and has C1 hand
 * the task out again. The second process is idle when this resolves; disposing `lodging` is up to the caller.
 */
export async function interruptAndRepeat(
  scenario: Scenario,
  stage: AccountStage,
  interrupt: Interrupt,
  { signal, env }: { readonly signal: Signal; readonly env?: Readonly<Record<string, string>> | undefined },
): Promise<Interruption> {
  const lodging = await openLodging(scenario, stage, env);
  try {
    const plan = { scenario, stage, lodging, signal };
    const unchanged = changesOf(stage);
    const { taskId, end } = await interrupt(plan);
    const { finishes } = stage.c1.task(taskId);
    const before: Before = {
      end,
      finishes: [...finishes],
      uploads: [...stage.c1.uploads],
      changed: changesOf(stage) > unchanged,
      leavings: await lodging.leavings(),
      scimRequests: stage.scim.requests.length,
    };
    return { before, after: await repeat(plan, taskId), lodging };
  } catch (reason) {
    await lodging[Symbol.asyncDispose]();
    throw reason;
  }
}

/** Interrupts at a moment of a request that stand-ins see. */
export function atPoint(point: Point): Interrupt {
  return async (plan) => {
    const { scenario, stage, lodging, signal } = plan;
    const { c1 } = stage;
    const struck = Promise.withResolvers<void>();
    const current: { daemon: DaemonProcess | undefined } = { daemon: undefined };
    const strike = async (first: DaemonProcess): Promise<void> => {
      first.kill(signal);
      if (signal === "SIGKILL") await first.ended;
      // What the stand-in does next shall meet a process that knows of the stop.
      else await Promise.race([first.ended, heard(first)]);
      struck.resolve();
    };
    const arm = (): Disposable => watchFor(plan, point, () => current.daemon && strike(current.daemon));
    let taskId = point.busy === "starting" ? c1.enqueue(scenario.task) : undefined;
    using _early = point.busy === "starting" ? arm() : undefined;
    const first = await (point.busy === "starting" ? lodging.spawn() : spawnFirst(plan));
    current.daemon = first;
    using _late = point.busy === "starting" ? undefined : arm();
    if (point.busy === "working") taskId = c1.enqueue(scenario.task);
    if (point.moment === "answered") {
      const poll = pollOf(scenario);
      await c1.until(() => c1.inFlight.now > 0 && c1.calls(poll).at(-1)?.code === 0, finishMs, "the hand-out");
      await strike(first);
    }
    await inTime(struck.promise, first, `"${pointName(point)}" did not come`);
    const end = await inTime(first.ended, first, "the process did not end");
    return { taskId: taskId ?? c1.enqueue(scenario.task), end };
  };
}

/** Calls `strike` at the point. */
function watchFor(
  { scenario, stage, signal }: Plan,
  point: Point,
  strike: () => Promise<void> | undefined,
): Disposable {
  const counted = createCounter();
  return watchMoments(stage, async (name, moment) => {
    if (point.busy === "working") await scenario.during?.(stage, name, moment);
    if (name !== point.name || moment !== point.moment || counted(name, moment) !== point.count) return undefined;
    await strike();
    return signal === "SIGKILL" ? "drop" : undefined;
  });
}

/** A process that waits for work. */
export function spawnFirst({ scenario, stage, lodging }: Omit<Plan, "signal">): Promise<DaemonProcess> {
  return spawnIdle(stage, lodging, scenario.env(stage)["BATON_PROVISIONING"] === "true");
}

/** Whether the process has begun to stop. */
async function heard(first: DaemonProcess): Promise<void> {
  await Promise.race([until(() => first.stderr().includes('"draining"'), "the drain"), delay(2_000)]).catch(
    () => undefined,
  );
}

/** Rejects with the log when `wait` takes too long. */
export async function inTime<T>(wait: Promise<T>, first: DaemonProcess, problem: string): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${problem}:\n${first.stderr()}`)), finishMs);
  try {
    return await Promise.race([wait, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function repeat(plan: Plan, taskId: string): Promise<After> {
  const { stage, lodging } = plan;
  const { c1 } = stage;
  const { leases, state } = c1.task(taskId);
  const daemon = await spawnFirst(plan);
  const sweptTo = state === "queued" ? undefined : await lodging.leavings();
  if (state !== "queued") c1.requeue(taskId);
  return { taskId, finish: await nextFinish(stage, taskId, leases, daemon), daemon, sweptTo };
}

/** A number that grows with every change of the directory and every removal of a member. */
function changesOf({ cursor, scim }: AccountStage): number {
  return scim.effects.length + cursor.members.filter(({ isRemoved }) => isRemoved === true).length;
}

/** Lets processes start, wait and do the task undisturbed, and lists every moment of every request in order. */
export async function listPoints(scenario: Scenario): Promise<readonly Point[]> {
  await using stage = await scenario.stage();
  await using lodging = await openLodging(scenario, stage);
  const poll = pollOf(scenario);
  const points: Point[] = [];
  const listen = (busy: Point["busy"]): Disposable => {
    const count = createCounter();
    return watchMoments(stage, async (name, moment) => {
      points.push({ busy, name, count: count(name, moment), moment });
      if (busy === "working") await scenario.during?.(stage, name, moment);
      return undefined;
    });
  };
  let daemon: DaemonProcess;
  {
    using _starting = listen("starting");
    daemon = await spawnFirst({ scenario, stage, lodging });
    await stage.c1.awaitCall(poll, 1, finishMs);
  }
  {
    using _idle = listen("idle");
    await stage.c1.awaitCall(poll, stage.c1.calls(poll).length + 1, finishMs);
  }
  {
    using _working = listen("working");
    const taskId = stage.c1.enqueue(scenario.task);
    await nextFinish(stage, taskId, 0, daemon);
    await until(
      () => points.some(({ name, moment }) => name === "FinishTask" && moment === "took effect"),
      "the report",
    );
  }
  scenario.proves?.(stage);
  const kept = points.filter(isRepeatable);
  const handedOut = kept.findIndex((point) => point.busy === "working" && point.name === poll);
  // The answer with the task on its way to the program.
  return kept.toSpliced(handedOut + 2, 0, { busy: "working", name: poll, count: 1, moment: "answered" });
}

function pollOf({ poll = "GetTask" }: Scenario): Poll {
  return poll;
}

/** Polls go on all the time: one of each kind stands for all. Whatever else comes, comes in every run. */
function isRepeatable({ busy, name, count }: Point): boolean {
  if (!isPoll(name)) return busy !== "idle";
  return busy === "working" ? count <= 2 : count === 1;
}
