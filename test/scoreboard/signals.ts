import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CatalogEntry, InjectionResult, Phase } from "../chaos/injection.ts";
import { contentOf, digest } from "../chaos/manifest/team.ts";
import type { ChaosStage, ProcessUnderTest, ProgramUnderTest } from "../chaos/program.ts";
import { mark, observe } from "../chaos/run/observe.ts";
import { teamOf } from "../chaos/run/people.ts";
import type { Call } from "../fakes/c1-server.ts";
import { startAccountStage } from "../integration/account-stage.ts";
import { syncTask } from "../integration/scene.ts";

type Signal = "SIGTERM" | "SIGKILL";

/** What the program is doing when the signal comes. */
interface Moment {
  readonly phase: Phase;
  /** Makes it last. */
  arrange(stage: ChaosStage): void;
  /** Whether it has begun, by what the stand-ins have seen of the program, and of this task where there is one. */
  reached(stage: ChaosStage, taskId: string): boolean;
  /** Whether the task is in the program's hands by then. */
  readonly hasTask: boolean;
}

const uploadOf = ({ request }: Call<"UploadAsset">): string | undefined =>
  request?.msg.case === "metadata" ? request.msg.value.taskId : undefined;

const slowMs = 3_000;
const patienceMs = 120_000;
const tidyMs = 10_000;

const moments: readonly Moment[] = [
  {
    phase: "starting",
    arrange: ({ c1 }) => c1.script("Hello", [{ delayMs: slowMs }]),
    reached: ({ c1 }) => c1.calls("Hello").length > 0,
    hasTask: false,
  },
  {
    phase: "polling",
    arrange: () => undefined,
    reached: ({ c1 }) => c1.calls("GetTask").some(({ code }) => code === 0),
    hasTask: false,
  },
  {
    phase: "collecting",
    // What ours asks at its start is answered at once.
    arrange: ({ cursor }) => cursor.script({ delayMs: slowMs }),
    reached: ({ c1, cursor }, taskId) =>
      c1.task(taskId).leases > 0 && cursor.requests.some(({ status }) => status === undefined),
    hasTask: true,
  },
  {
    phase: "uploading",
    arrange: ({ c1 }) => c1.script("UploadAsset", [{ chunkDelayMs: slowMs }]),
    reached: ({ c1 }, taskId) => c1.calls("UploadAsset").some((call) => uploadOf(call) === taskId),
    hasTask: true,
  },
  {
    phase: "reporting",
    arrange: ({ c1 }) => c1.script("FinishTask", [{ delayMs: slowMs }]),
    reached: ({ c1 }, taskId) => c1.calls("FinishTask").some(({ request }) => request?.taskId === taskId),
    hasTask: true,
  },
];

interface Case {
  readonly entry: CatalogEntry;
  readonly moment: Moment;
  readonly signal: Signal;
}

const signals: readonly Signal[] = ["SIGTERM", "SIGKILL"];

const cases: readonly Case[] = signals.flatMap((signal) =>
  moments.map((moment) => {
    const { hasTask, phase } = moment;
    const task = hasTask ? "sync" : phase === "starting" ? "start" : "idle";
    const entry: CatalogEntry = {
      id: `process:${task}:${phase}:${signal}`,
      target: "machine",
      call: "process",
      phase,
      effect: signal,
      task,
      lasting: "once",
      attempts: [1],
      underTest: ["baton-cursor", "go-sdk"],
    };
    return { entry, moment, signal };
  }),
);

/** A signal at each moment of a sync; after it the program is started again, as Kubernetes does, with the same temporary directory. */
export const signalEntries: readonly CatalogEntry[] = cases.map(({ entry }) => entry);

/** Plays all signals to a program, some beside each other. */
export async function playSignals(
  program: ProgramUnderTest,
  jobs: number,
  onResult: (result: InjectionResult) => void,
): Promise<void> {
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) onResult(await play(program, next));
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

async function play(program: ProgramUnderTest, { entry, moment, signal }: Case): Promise<InjectionResult> {
  const startedMs = performance.now();
  const { attempts: _attempts, underTest: _underTest, ...words } = entry;
  const head = { ...words, attempt: 1, seed: 0, underTest: program.name };
  const tempDir = await mkdtemp(join(tmpdir(), "scoreboard-signal-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(tempDir, { recursive: true, force: true }));
  const stage = stack.use(await startAccountStage({ c1: { nextPollMs: 200 }, cursor: { members: teamOf("small") } }));
  stack.defer(() => void stage.c1.takeViolations());
  const start = async (): Promise<ProcessUnderTest> => stack.use(await program.start(stage, { BATON_TMPDIR: tempDir }));
  const expected = expectedOf(stage, moment, signal);
  try {
    const found = await interrupt(stage, start, { moment, signal });
    const left = await leavings(tempDir);
    const outcome = [...found, ...(left.length === 0 ? [] : [`left behind: ${left.join(", ")}`])].join("; ");
    const tookMs = Math.round(performance.now() - startedMs);
    return { ...head, observed: true, expected, outcome, survived: outcome === expected, tookMs };
  } catch (reason) {
    const outcome = reason instanceof Error ? reason.message : String(reason);
    const tookMs = Math.round(performance.now() - startedMs);
    return { ...head, observed: false, expected, outcome, survived: false, tookMs };
  }
}

/**
 * Asked to stop, it tells C1 before it ends what became of the task (with exit code 0 or by the signal); after a stop or a kill the
 * task is done, once, and rightly, and nothing is left behind.
 */
function expectedOf({ cursor }: ChaosStage, { hasTask }: Moment, signal: Signal): string {
  const told = hasTask && signal === "SIGTERM" ? "C1 was told of the task; " : "";
  return `ended; ${told}done once; sync ${digest(contentOf(cursor.members))}`;
}

async function interrupt(
  stage: ChaosStage,
  start: () => Promise<ProcessUnderTest>,
  { moment, signal }: Pick<Case, "moment" | "signal">,
): Promise<readonly string[]> {
  const { c1 } = stage;
  if (!moment.hasTask) moment.arrange(stage);
  const first = await start();
  if (moment.hasTask) await ready(stage, first);
  if (moment.hasTask) moment.arrange(stage);
  const since = mark(stage);
  const taskId = moment.hasTask ? c1.enqueue(syncTask, { requeueOnError: 1 }) : "";
  await inTime(() => moment.reached(stage, taskId), first, `the moment ${moment.phase}`);
  first.kill(signal);
  const end = await Promise.race([first.ended, delay(patienceMs, undefined, { ref: false })]);
  if (end === undefined) return ["it did not end"];
  const ending = end.code === 0 || end.signal === signal ? "ended" : `ended with ${end.code ?? end.signal}`;
  const told = c1.inFlight.now === 0 ? "C1 was told of the task" : "C1 was not told of the task";
  for (const method of ["Hello", "UploadAsset", "FinishTask"] as const) c1.unscript(method);
  const second = await start();
  const id = moment.hasTask ? taskId : c1.enqueue(syncTask, { requeueOnError: 1 });
  // The lease of a task that nobody speaks of ends.
  if (c1.task(id).state === "leased") c1.requeue(id);
  await inTime(() => c1.task(id).state === "finished", second, "the end of the task");
  const oks = c1.task(id).finishes.filter(({ ok }) => ok).length;
  const done = oks === 1 ? "done once" : `done ${oks} times`;
  // A kill between upload and report costs a second upload of the same.
  const content = observe(stage, "sync", id, { email: "", memberId: "" }, since).content.replace(/^\d+ × /, "");
  const aboutTask = moment.hasTask && signal === "SIGTERM" ? [told] : [];
  return [ending, ...aboutTask, done, `sync ${content}`];
}

/** It works, and what it asks at its start has been answered. */
async function ready({ c1, cursor }: ChaosStage, process: ProcessUnderTest): Promise<void> {
  const id = c1.enqueue(syncTask);
  await inTime(() => c1.task(id).state === "finished", process, "a first sync");
  await inTime(() => cursor.requests.every(({ status }) => status !== undefined), process, "Cursor's answers");
}

async function inTime(condition: () => boolean, process: ProcessUnderTest, what: string): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  let ended = false;
  void process.ended.then(() => {
    ended = true;
  });
  while (!condition()) {
    if (ended) throw new Error(`the program ended by itself before ${what}`);
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await delay(10);
  }
}

/** What stays in the temporary directory once the second process has had time to tidy up. */
async function leavings(tempDir: string): Promise<readonly string[]> {
  const giveUpAt = performance.now() + tidyMs;
  while ((await readdir(tempDir)).length > 0 && performance.now() < giveUpAt) await delay(50);
  return await readdir(tempDir);
}
