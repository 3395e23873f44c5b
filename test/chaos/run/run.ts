import { setTimeout as delay } from "node:timers/promises";
import type { InjectionResult, TaskKind } from "../injection.ts";
import { holds } from "../manifest/judge.ts";
import { manifestOf, plainOutcome } from "../manifest/manifest.ts";
import { describe, type Manifest, type Outcome } from "../manifest/outcome.ts";
import type { Row } from "../manifest/team.ts";
import type { ProcessUnderTest } from "../program.ts";
import type { Planned, Storm } from "../schedule.ts";
import type { Lane } from "./lane.ts";
import { lookAround } from "./look-around.ts";
import { mark, observe } from "./observe.ts";
import { bringPerson, nobody, taskOf } from "./people.ts";
import { type Planted, plant } from "./play.ts";

/** Far more than anything takes, so that a busy machine fails nothing. */
const patienceMs = 120_000;
/** A fault for which the task did not wait still comes within this. */
const lateMs = 30_000;
/** C1's lease of a task that nobody speaks of ends after this. */
const leaseMs = 4_000;
const longLeaseMs = 25_000;

/** Plays one injection and holds what came of it against the manifest. Never rejects. */
export function playInjection(lane: Lane, { entry, injection }: Planned, seed: number): Promise<InjectionResult> {
  const { id, target, call, phase, effect, task, lasting, attempt } = injection;
  const head = { id, target, call, phase, effect, task, lasting, attempt, seed, underTest: lane.program.name };
  const faults = [{ entry, injection }];
  const manifest = (rows: readonly Row[]): Manifest => manifestOf(injection, rows);
  return judged(head, () =>
    task === "start"
      ? playStart(lane, { faults, manifest })
      : playTask(lane, task, { faults, manifest, leaseMs: lasting === "always" ? longLeaseMs : leaseMs }),
  );
}

/** Plays several faults to one task, all of which it has to get over. Never rejects. */
export function playStorm(lane: Lane, { faults, id, task }: Storm, seed: number): Promise<InjectionResult> {
  const words = { call: "several", phase: "before", effect: "storm", lasting: "once", attempt: 1 } as const;
  const target = faults[0]?.injection.target ?? "token";
  const note = faults.map(({ injection }) => injection.id).join(" ");
  const manifest = (rows: readonly Row[]): Manifest => {
    return { outcome: plainOutcome(task, rows), lost: false, mayRepeat: false };
  };
  const head = { id, target, task, ...words, seed, underTest: lane.program.name, note };
  return judged(head, () => playTask(lane, task, { faults, manifest, leaseMs }));
}

/** Whatever was seen of what was played. */
interface Played {
  readonly observed: boolean;
  readonly expected: Outcome;
  readonly outcome: Outcome;
  /** What comes of the task when nothing happens. */
  readonly plain: Outcome;
  readonly problems: readonly string[];
}

type Head = Omit<InjectionResult, "observed" | "expected" | "outcome" | "survived" | "tookMs">;

async function judged(head: Head, play: () => Promise<Played>): Promise<InjectionResult> {
  const startedMs = performance.now();
  const took = (): number => Math.round(performance.now() - startedMs);
  try {
    const { observed, problems, ...played } = await play();
    const expected = describe(played.expected);
    const outcome = [describe(played.outcome), ...problems].join("; ");
    const survived = problems.length === 0 && holds(head.underTest, played);
    return { ...head, observed, expected, outcome, survived, tookMs: took() };
  } catch (reason) {
    const outcome = reason instanceof Error ? reason.message : String(reason);
    return { ...head, observed: false, expected: "an end", outcome, survived: false, tookMs: took() };
  }
}

interface Script {
  readonly faults: readonly Planned[];
  manifest(rows: readonly Row[]): Manifest;
}

async function playTask(
  lane: Lane,
  task: Exclude<TaskKind, "start">,
  { faults, leaseMs, manifest }: Script & { readonly leaseMs: number },
): Promise<Played> {
  const { stage } = lane;
  const process = await lane.ready();
  const person = bringPerson(stage, task, lane.next());
  const { lost, mayRepeat, outcome: expected } = manifest(stage.cursor.members);
  const plain = plainOutcome(task, stage.cursor.members);
  const since = mark(stage);
  const planted = join(faults.map(({ entry, injection }) => plant(lane, entry, injection)));
  const taskId = stage.c1.enqueue(taskOf(task, person));
  planted.watch(taskId);
  const takesMs = Math.max(...faults.map(({ entry }) => entry.takesMs));
  const isLasting = faults.some(({ entry }) => entry.lasting === "always");
  const isDropped = expected.ending === "nothing";
  await settle(lane, process, { planted, taskId, takesMs, leaseMs, lost, isDropped, isLasting });
  await planted.end();
  // Before the next sync makes connections of its own.
  const observed = planted.seen();
  const found = observe(stage, task, taskId, person, since);
  const outcome = mayRepeat ? { ...found, content: found.content.replace(/^\d+ × /, "") } : found;
  const problems = await lookAround(lane, process);
  return { observed, expected, outcome, plain, problems };
}

function join(all: readonly Planted[]): Planted {
  return {
    watch(taskId) {
      for (const planted of all) planted.watch(taskId);
    },
    seen: () => all.every((planted) => planted.seen()),
    end: async () => void (await Promise.all(all.map((planted) => planted.end()))),
  };
}

interface Wait {
  readonly planted: Planted;
  readonly taskId: string;
  readonly takesMs: number;
  readonly leaseMs: number;
  /** C1 may have to hand it out once more. */
  readonly lost: boolean;
  /** C1 is told nothing of it. */
  readonly isDropped: boolean;
  /** The fault stays until it is taken away. */
  readonly isLasting: boolean;
}

/**
 * Waits until C1 has the end of the task and the fault has come; hands the task out once more where it may be lost. From a
 * program that does not say when it gives up, a lasting fault is taken away after a while: waiting for better times is an answer
 * too.
 */
async function settle({ program, stage: { c1 } }: Lane, process: ProcessUnderTest, wait: Wait): Promise<void> {
  const { isDropped, isLasting, leaseMs, lost, planted, taskId, takesMs } = wait;
  const { silenceMs } = program;
  const giveUpAt = performance.now() + patienceMs + 3 * takesMs;
  const spokenOf = (): number => {
    const about = (["Heartbeat", "FinishTask", "Hello"] as const).flatMap((method) =>
      c1.calls(method).filter(({ request }) => request?.taskId === taskId),
    );
    return Math.max(0, ...about.map(({ atMs, endedMs }) => endedMs ?? atMs));
  };
  let hasEnded = false;
  process.ended.then(() => {
    hasEnded = true;
  });
  let seenAtMs: number | undefined;
  let overAtMs: number | undefined;
  let isHandedOutAgain = false;
  for (; !hasEnded && performance.now() < giveUpAt; await delay(25)) {
    const nowMs = performance.now();
    if (planted.seen()) seenAtMs ??= nowMs;
    if (c1.task(taskId).state === "finished") overAtMs ??= nowMs;
    if (overAtMs !== undefined && (seenAtMs !== undefined || nowMs > overAtMs + lateMs)) return;
    if (overAtMs !== undefined || seenAtMs === undefined || isHandedOutAgain) continue;
    const quietMs = nowMs - Math.max(seenAtMs, spokenOf());
    if (silenceMs !== undefined && quietMs > silenceMs + takesMs && !lost) return;
    if (silenceMs !== undefined && isLasting && nowMs - seenAtMs > silenceMs) await planted.end();
    if (isDropped && quietMs > leaseMs) return;
    if (!lost || quietMs < leaseMs) continue;
    isHandedOutAgain = true;
    await planted.end();
    c1.requeue(taskId);
  }
}

async function playStart(lane: Lane, { faults, manifest }: Script): Promise<Played> {
  const { c1, cursor } = lane.stage;
  const { outcome: expected } = manifest(cursor.members);
  // One that was there before may still ask.
  await lane.stop();
  c1.takeViolations();
  const planted = join(faults.map(({ entry, injection }) => plant(lane, entry, injection)));
  const process = await lane.start();
  const taskId = c1.enqueue(taskOf("sync", nobody));
  const patience = patienceMs + 3 * Math.max(...faults.map(({ entry }) => entry.takesMs));
  const started = c1.awaitFinish(taskId, patience).then(
    () => "started",
    () => "nothing",
  );
  const exited = process.ended.then(({ code, signal }) => `exit ${code ?? signal}`);
  const ending = await Promise.race([started, exited]);
  await planted.end();
  const observed = planted.seen();
  // Kubernetes starts again what has ended.
  const next = ending === "started" ? process : await lane.start();
  await c1.awaitFinish(taskId, patience);
  const problems = await lookAround(lane, next);
  const plain = { ...expected, ending: "started" };
  return { observed, expected, outcome: { ...expected, ending }, plain, problems };
}
