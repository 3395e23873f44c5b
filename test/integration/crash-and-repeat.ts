import { setTimeout as delay } from "node:timers/promises";
import type { C1Event, C1Server, Finish, TaskInit } from "../fakes/c1-server.ts";
import type { CursorRequest } from "../fakes/cursor-server.ts";
import type { ScimRequest } from "../fakes/scim-server.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { type AccountStage, accountEnv } from "./account-stage.ts";
import { processEnv } from "./scene.ts";

/** Something that a task does which others see. */
export interface Step {
  readonly at: "hand-out" | "cursor" | "directory" | "report";
  /** Counted from 0 among the task's requests to the same place. */
  readonly index: number;
  /** What a person calls it: method, path and kind of filter, without names and ids. */
  readonly name: string;
}

/** The moment in a step: the other side has the request, and has done nothing yet or everything but answer. */
export type Moment = "received" | "took effect";

const startMs = 20_000;
const finishMs = 20_000;

/**
 * Starts a connector and waits until it has looked at its credentials, so that the next requests are a task's. Its log goes
 * with the error when it ends early.
 */
export async function startIdle(
  stage: AccountStage,
  env: Readonly<Record<string, string>> = {},
): Promise<DaemonProcess> {
  const { c1, cursor, scim } = stage;
  const before = { hellos: c1.calls("Hello").length, cursor: cursor.requests.length, scim: scim.requests.length };
  const daemon = await spawnConnector([], processEnv(stage, { ...accountEnv(stage), ...env }));
  const ready = (): boolean =>
    c1.calls("Hello").length > before.hellos &&
    cursor.requests[before.cursor]?.status === 200 &&
    scim.requests[before.scim]?.status === 200;
  try {
    await unlessEnded(daemon, c1.until(ready, startMs, "the start of the connector"));
    return daemon;
  } catch (reason) {
    await daemon[Symbol.asyncDispose]();
    throw reason;
  }
}

async function unlessEnded<T>(daemon: DaemonProcess, wait: Promise<T>): Promise<T> {
  const early = daemon.ended.then(({ stderr }) => Promise.reject(new Error(`the connector ended:\n${stderr}`)));
  return await Promise.race([wait, early]);
}

/** Lets a connector do the task without a crash and lists its steps in order. */
export async function listSteps(
  stage: AccountStage,
  task: TaskInit,
  env?: Readonly<Record<string, string>>,
): Promise<readonly Step[]> {
  await using daemon = await startIdle(stage, env);
  const { c1, cursor, scim } = stage;
  const from = { cursor: cursor.requests.length, scim: scim.requests.length };
  await unlessEnded(daemon, c1.awaitFinish(c1.enqueue(task), finishMs));
  const seen = (at: Step["at"]) => (request: CursorRequest | ScimRequest, index: number) => ({
    step: { at, index, name: nameOf(at, request) },
    atMs: request.atMs,
  });
  const requests = [
    ...cursor.requests.slice(from.cursor).map(seen("cursor")),
    ...scim.requests.slice(from.scim).map(seen("directory")),
  ].sort((one, other) => one.atMs - other.atMs);
  return [
    { at: "hand-out", index: 0, name: "hand-out" },
    ...requests.map(({ step }) => step),
    { at: "report", index: 0, name: "FinishTask" },
  ];
}

function nameOf(at: Step["at"], { method, path, query }: CursorRequest | ScimRequest): string {
  const { filter, startIndex, count } = query;
  const place = path.replace(/^\/Users\/.+$/, "/Users/{id}");
  const by = filter?.replace(/".*"/, '""');
  const detail = by ?? (startIndex === undefined ? undefined : `${startIndex}+${count}`);
  return `${at === "cursor" ? "Cursor " : ""}${method} ${place}${detail === undefined ? "" : ` ${detail}`}`;
}

/** What a crash left, and what the repetition said. */
export interface Aftermath {
  readonly taskId: string;
  readonly finish: Finish;
  /** Whether the first process had changed the directory or the team before it died. */
  readonly changedBefore: boolean;
  /** The second process, idle again. */
  readonly daemon: DaemonProcess;
}

/**
 * Kills a connector from outside at `moment` of `step`, starts another one with the same credentials, and has C1 hand the
 * same task out again. `whileDead` is done between the two. Resolves with the last result; the caller disposes the process.
 */
export async function crashAndRepeat(
  stage: AccountStage,
  task: TaskInit,
  { step, moment, env }: { readonly step: Step; readonly moment: Moment; readonly env?: Record<string, string> },
): Promise<Aftermath> {
  const { c1 } = stage;
  const unchanged = changesOf(stage);
  let taskId = "";
  {
    await using first = await startIdle(stage, env);
    const die = async (): Promise<void> => {
      first.kill("SIGKILL");
      await first.ended;
    };
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const dead = killAt(stage, step, moment, die);
    taskId = c1.enqueue(task);
    const timer = setTimeout(() => reject(new Error(`"${step.name}" did not come, or did not kill`)), finishMs);
    try {
      await Promise.race([dead, tooLate]);
    } finally {
      clearTimeout(timer);
    }
    const { signal } = await first.ended;
    if (signal !== "SIGKILL") throw new Error(`the first process was not killed: ${first.stderr()}`);
  }
  const changedBefore = changesOf(stage) > unchanged;
  const daemon = await startIdle(stage, env);
  try {
    const { leases } = c1.task(taskId);
    c1.requeue(taskId);
    // A report that was taken before the crash has left the task finished: the second one is meant.
    await unlessEnded(
      daemon,
      c1.until(() => c1.task(taskId).leases > leases, finishMs, "the second hand-out"),
    );
    return { taskId, finish: await unlessEnded(daemon, c1.awaitFinish(taskId, finishMs)), changedBefore, daemon };
  } catch (reason) {
    await daemon[Symbol.asyncDispose]();
    throw reason;
  }
}

/** A number that grows with every change of the directory and every removal of a member. */
function changesOf({ cursor, scim }: AccountStage): number {
  return scim.effects.length + cursor.members.filter(({ isRemoved }) => isRemoved === true).length;
}

/** Resolves when `die` has been called at this moment of this step and the process is gone. */
function killAt(stage: AccountStage, step: Step, moment: Moment, die: () => Promise<void>): Promise<void> {
  switch (step.at) {
    case "hand-out":
      return killAtHandOut(stage.c1, moment, die);
    case "report":
      return killAtReport(stage.c1, moment, die);
    case "cursor":
      return killAtCursor(stage, step.index, moment, die);
    case "directory":
      return killAtDirectory(stage, step.index, moment, die);
  }
}

/** Taking effect is the answer's leaving C1. */
async function killAtHandOut(c1: C1Server, moment: Moment, die: () => Promise<void>): Promise<void> {
  if (moment === "received") return dieOn(c1, (event) => event.type === "poll" && event.taskIds.length > 0, die);
  const handedOut = (): boolean => c1.inFlight.now > 0 && c1.calls("GetTask").at(-1)?.code === 0;
  await c1.until(handedOut, finishMs, "the answer with the task");
  await die();
}

async function killAtReport(c1: C1Server, moment: Moment, die: () => Promise<void>): Promise<void> {
  if (moment === "took effect") {
    c1.script("FinishTask", [{ dropResponse: true }]);
    return dieOn(c1, ({ type }) => type === "finish", die);
  }
  c1.script("FinishTask", [{ hang: true }]);
  await c1.awaitCall("FinishTask", 1, finishMs);
  await die();
}

/** Kills while the event is being told, before C1 answers anybody. */
function dieOn(c1: C1Server, wanted: (event: C1Event) => boolean, die: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = c1.onEvent((event) => {
    if (!wanted(event)) return;
    unsubscribe();
    resolve(die());
  });
  return promise;
}

async function killAtCursor(
  { c1, cursor }: AccountStage,
  index: number,
  moment: Moment,
  die: () => Promise<void>,
): Promise<void> {
  const from = cursor.requests.length;
  if (index > 0) cursor.script({ times: index });
  cursor.script(moment === "received" ? { hang: true } : { hangAfterEffect: true });
  // Asked at every poll of the connector, which goes on while the request waits.
  await c1.until(() => cursor.requests.length > from + index, finishMs, "the request to Cursor");
  // The request is written down before its body has come.
  await delay(20);
  await die();
}

function killAtDirectory(
  { scim }: AccountStage,
  index: number,
  moment: Moment,
  die: () => Promise<void>,
): Promise<void> {
  const from = scim.requests.length;
  const phase = moment === "received" ? "received" : "done";
  const { promise, resolve } = Promise.withResolvers<void>();
  scim.setOnRequest(async (request, now) => {
    if (now !== phase || request !== scim.requests[from + index]) return undefined;
    scim.setOnRequest(undefined);
    await die();
    resolve();
    return "drop";
  });
  return promise;
}
