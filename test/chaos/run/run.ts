import { setTimeout as delay } from "node:timers/promises";
import type { Fault } from "../catalog/fault.ts";
import type { Injection, InjectionResult } from "../injection.ts";
import { holds } from "../manifest/judge.ts";
import { manifestOf, plainOutcome } from "../manifest/manifest.ts";
import { describe, type Manifest, type Outcome } from "../manifest/outcome.ts";
import type { ProcessUnderTest } from "../program.ts";
import type { Lane } from "./lane.ts";
import { mark, observe } from "./observe.ts";
import { bringPerson, type Person, taskOf } from "./people.ts";
import { type Planted, plant } from "./play.ts";

/** Far more than anything takes, so that a busy machine fails nothing. */
const patienceMs = 120_000;
/** C1's lease of a task that nobody speaks of ends after this. */
const leaseMs = 4_000;
const longLeaseMs = 25_000;
const tidyMs = 10_000;
const nobody: Person = { email: "", memberId: "" };

/** Plays one injection and holds what came of it against the manifest. Never rejects. */
export async function playInjection(
  lane: Lane,
  entry: Fault,
  injection: Injection,
  seed: number,
): Promise<InjectionResult> {
  const { id, target, call, phase, effect, task, lasting, attempt } = injection;
  const underTest = lane.program.name;
  const startedMs = performance.now();
  const head = { id, target, call, phase, effect, task, lasting, attempt, seed, underTest };
  try {
    const played = task === "start" ? await playStart(lane, entry, injection) : await playTask(lane, entry, injection);
    const { observed, problems } = played;
    const expected = describe(played.expected);
    const outcome = [describe(played.outcome), ...problems].join("; ");
    const tookMs = Math.round(performance.now() - startedMs);
    const survived = problems.length === 0 && holds(underTest, played);
    return { ...head, observed, expected, outcome, survived, tookMs };
  } catch (reason) {
    const outcome = reason instanceof Error ? reason.message : String(reason);
    const tookMs = Math.round(performance.now() - startedMs);
    return { ...head, observed: false, expected: "an end", outcome, survived: false, tookMs };
  }
}

/** Whatever holds after one injection. */
interface Played {
  readonly observed: boolean;
  readonly expected: Outcome;
  readonly outcome: Outcome;
  /** What comes of the task when nothing happens. */
  readonly plain: Outcome;
  readonly problems: readonly string[];
}

async function playTask(lane: Lane, entry: Fault, injection: Injection): Promise<Played> {
  const { stage } = lane;
  const process = await lane.ready();
  const task = injection.task === "start" ? "sync" : injection.task;
  const person = bringPerson(stage, task, lane.next());
  const manifest = manifestOf(injection, stage.cursor.members);
  const plain = plainOutcome(task, stage.cursor.members);
  const since = mark(stage);
  const planted = plant(lane, entry, injection);
  const taskId = stage.c1.enqueue(taskOf(task, person));
  planted.watch(taskId);
  await settle(lane, process, injection, { entry, manifest, planted, taskId });
  await planted.end();
  const outcome = observe(stage, task, taskId, person, since);
  const problems = await lookAround(lane, process);
  return { observed: planted.seen(), expected: manifest.outcome, outcome, plain, problems };
}

interface Play {
  readonly entry: Fault;
  readonly manifest: Manifest;
  readonly planted: Planted;
  readonly taskId: string;
}

/**
 * Waits until C1 has the end of the task; hands it out once more where the manifest says that it may be lost. From a program that
 * does not say when it gives up, a lasting fault is taken away after a while: waiting for better times is an answer too.
 */
async function settle(
  { program: { silenceMs }, stage: { c1 } }: Lane,
  process: ProcessUnderTest,
  { lasting }: Injection,
  { entry, manifest, planted, taskId }: Play,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs + 3 * entry.takesMs;
  const isOver = (): boolean => c1.task(taskId).state === "finished";
  const spoken = (): number => {
    const about = (["Heartbeat", "FinishTask", "Hello"] as const).flatMap((method) =>
      c1.calls(method).filter(({ request }) => request?.taskId === taskId),
    );
    return Math.max(0, ...about.map(({ atMs, endedMs }) => endedMs ?? atMs));
  };
  let ended = false;
  process.ended.then(() => {
    ended = true;
  });
  let seenAtMs = 0;
  let handedOutAgain = false;
  while (!isOver() && !ended) {
    await delay(25);
    const nowMs = performance.now();
    if (nowMs > giveUpAt) return;
    if (seenAtMs === 0 && planted.seen()) seenAtMs = nowMs;
    if (seenAtMs === 0 || handedOutAgain) continue;
    const quietMs = nowMs - Math.max(seenAtMs, spoken());
    if (silenceMs !== undefined && quietMs > silenceMs + entry.takesMs && !manifest.lost) return;
    if (silenceMs !== undefined && lasting === "always" && nowMs - seenAtMs > silenceMs) await planted.end();
    if (manifest.outcome.ending === "nothing" && quietMs > leaseMs) return;
    if (!manifest.lost || quietMs < (lasting === "always" ? longLeaseMs : leaseMs)) continue;
    handedOutAgain = true;
    await planted.end();
    c1.requeue(taskId);
  }
}

async function playStart(lane: Lane, entry: Fault, injection: Injection): Promise<Played> {
  const { c1, cursor } = lane.stage;
  const manifest = manifestOf(injection, cursor.members);
  // A process that was before may still ask.
  await lane.start().then((process) => process[Symbol.asyncDispose]());
  c1.takeViolations();
  const planted = plant(lane, entry, injection);
  const process = await lane.start();
  const taskId = c1.enqueue(taskOf("sync", nobody));
  const started = c1.awaitFinish(taskId, patienceMs + 3 * entry.takesMs).then(() => "started");
  const exited = process.ended.then(({ code, signal }) => `exit ${code ?? signal}`);
  const ending = await Promise.race([started, exited]);
  started.catch(() => undefined);
  await planted.end();
  const outcome = { ...manifest.outcome, ending };
  // Kubernetes starts again what has ended.
  const next = ending === "started" ? process : await lane.start();
  await c1.awaitFinish(taskId, patienceMs);
  const problems = await lookAround(lane, next);
  const plain = { ...manifest.outcome, ending: "started" };
  return { observed: planted.seen(), expected: manifest.outcome, outcome, plain, problems };
}

/** What has to hold after every injection: it lives, has left nothing behind, has broken no rule, and works. */
async function lookAround(lane: Lane, process: ProcessUnderTest): Promise<readonly string[]> {
  const { c1, cursor, scim } = lane.stage;
  const problems: string[] = [];
  const giveUpAt = performance.now() + tidyMs;
  while (process.leftovers().length > 0 && performance.now() < giveUpAt) await delay(50);
  if (process.leftovers().length > 0) problems.push(`left behind: ${process.leftovers().join(", ")}`);
  const live = await process.live();
  if (live !== 200) problems.push(`/live says ${live}`);
  await lane.reset();
  const since = mark(lane.stage);
  const taskId = c1.enqueue(taskOf("sync", nobody));
  const ended = process.ended.then(({ code }) => problems.push(`the process ended with ${code}`));
  await Promise.race([c1.awaitFinish(taskId, patienceMs).catch(() => undefined), ended]);
  const wanted = describe(plainOutcome("sync", cursor.members));
  const found = describe(observe(lane.stage, "sync", taskId, nobody, since));
  if (found !== wanted) problems.push(`the sync after it: ${found}, not ${wanted}`);
  const broken = c1.takeViolations().map(({ where, field, message }) => `${where}: ${field} ${message}`);
  problems.push(...broken, ...takeNew(scim.violations));
  return problems;
}

const told = new WeakMap<readonly string[], number>();

/** The entries that were not there the last time. */
function takeNew(violations: readonly string[]): readonly string[] {
  const fresh = violations.slice(told.get(violations) ?? 0);
  told.set(violations, violations.length);
  return fresh;
}
