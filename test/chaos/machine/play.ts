import { setTimeout as delay } from "node:timers/promises";
import type { InjectionResult } from "../injection.ts";
import { describe, type Outcome } from "../manifest/outcome.ts";
import type { ProcessUnderTest } from "../program.ts";
import { lookAround } from "../run/look-around.ts";
import { mark, observe } from "../run/observe.ts";
import { bringPerson, nobody, type Person, taskOf } from "../run/people.ts";
import type { Bench, MachineFault, Planted } from "./fault.ts";
import { machineManifest } from "./manifest.ts";

/** Far more than anything takes, so that a busy machine fails nothing. */
const patienceMs = 120_000;

interface Played {
  readonly outcome: Outcome;
  readonly planted: Planted;
  readonly problems: readonly string[];
}

/** Plays one fault and holds what came of it against the manifest. Never rejects. */
export async function playMachineFault(bench: Bench, fault: MachineFault): Promise<InjectionResult> {
  const startedMs = performance.now();
  const { call, effect, id, lasting, phase, target, task } = fault;
  const head = {
    id,
    target,
    call,
    phase,
    effect,
    task,
    lasting,
    attempt: 1,
    seed: 0,
    underTest: "baton-cursor",
  } as const;
  const took = (): number => Math.round(performance.now() - startedMs);
  try {
    const allowed = machineManifest(fault, bench.lane.rows).map(describe);
    const { outcome, planted, problems } = await (task === "start" ? playStart(bench, fault) : playTask(bench, fault));
    const found = describe(outcome);
    const all = [...(planted.problems?.() ?? []), ...problems];
    return {
      ...head,
      observed: planted.seen(),
      expected: allowed.find((each) => each === found) ?? allowed.join(" or "),
      outcome: [found, ...all].join("; "),
      survived: allowed.includes(found) && all.length === 0,
      tookMs: took(),
    };
  } catch (reason) {
    const outcome = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    return { ...head, observed: false, expected: "an end", outcome, survived: false, tookMs: took() };
  }
}

async function playTask(bench: Bench, fault: MachineFault): Promise<Played> {
  const { lane } = bench;
  const { c1 } = lane.stage;
  const task = fault.task === "create" ? "create" : "sync";
  if (fault.fresh === true) await lane.stop();
  const process = await lane.ready();
  const person = bringPerson(lane.stage, task, lane.next());
  const since = mark(lane.stage);
  const planted = await fault.plant(bench, process);
  const taskId = c1.enqueue(taskOf(task, person));
  const isOver = await Promise.race([
    c1.awaitFinish(taskId, patienceMs).then(
      () => true,
      () => false,
    ),
    process.ended.then(() => false),
  ]);
  await planted.end();
  const next = fault.kills === true ? await startAgain(bench, taskId, process) : process;
  const problems = isOver === (fault.kills === true) ? [isOver ? "it was not killed" : "the task did not end"] : [];
  const outcome = await observedAtLast(bench, task, taskId, person, since);
  if (fault.tidiedLater === true) await c1.awaitFinish(c1.enqueue(taskOf("sync", nobody)), patienceMs);
  const found = (await lookAround(lane, next)).filter((problem) => fault.tolerates?.test(problem) !== true);
  return { outcome, planted, problems: [...problems, ...found] };
}

/** Kubernetes starts again what was killed, and C1's lease ends. */
async function startAgain({ lane }: Bench, taskId: string, killed: ProcessUnderTest): Promise<ProcessUnderTest> {
  const { c1 } = lane.stage;
  const { signal } = await killed.ended;
  if (signal !== "SIGKILL") throw new Error(`the process was not killed: ${killed.log()}`);
  const next = await lane.start();
  c1.requeue(taskId);
  await c1.awaitFinish(taskId, patienceMs);
  return next;
}

/** What is done after the report may still be under way. */
async function observedAtLast(
  { lane }: Bench,
  task: "sync" | "create",
  taskId: string,
  person: Person,
  since: ReturnType<typeof mark>,
): Promise<Outcome> {
  await delay(20);
  return observe(lane.stage, task, taskId, person, since);
}

async function playStart(bench: Bench, fault: MachineFault): Promise<Played> {
  const { lane } = bench;
  const { c1 } = lane.stage;
  const planted = await fault.plant(bench, await lane.ready());
  const process = await lane.start();
  const tooLong = delay(patienceMs, { code: "no", signal: null }, { ref: false });
  const { code, signal } = await Promise.race([process.ended, tooLong]);
  await planted.end();
  const next = await lane.start();
  await c1.awaitFinish(c1.enqueue(taskOf("sync", nobody)), patienceMs);
  const nothing = { content: "-", directory: "-", team: "-", effects: "-" };
  return { outcome: { ending: `exit ${code ?? signal}`, ...nothing }, planted, problems: await lookAround(lane, next) };
}
