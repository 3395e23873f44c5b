import type { Clock } from "../baton/clock.ts";
import { withLogScope } from "../baton/log-scope.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import type {
  OpaqueAny,
  Task,
  TaskAnswer,
  TaskHandler,
  TaskHandlers,
  TaskOutcome,
  TaskRun,
  TaskType,
} from "../baton/task.ts";
import { type HeartbeatDeps, startHeartbeat } from "./heartbeat.ts";
import type { TaskDone } from "./hooks.ts";
import type { Reporter } from "./report.ts";
import { type ShutdownSignals, shuttingDown, type TaskShutdown, watchShutdown } from "./shutdown.ts";
import type { Slots } from "./slots.ts";

export interface RunTaskDeps extends HeartbeatDeps {
  readonly clock: Clock;
  readonly handlers: TaskHandlers;
  readonly reporter: Reporter;
  /** One slot: syncs go one after the other, because they share the disk and the upstream's rate budget. */
  readonly syncSlot: Slots;
  readonly traced?: TaskTracer | undefined;
}

/** Runs `work` within a trace of the task. Rejects only as `work` does. */
export type TaskTracer = (id: string, type: TaskType, work: () => Promise<void>) => Promise<void>;

export interface RunTaskSignals extends ShutdownSignals {
  /** When it aborts, reporting ends too. */
  readonly reports: AbortSignal;
}

/** The only type that takes long enough to need heartbeats; C1 expects none for the others. */
const heartbeatType: TaskType = "sync_full";
/** The wire allows so many annotations in a report. */
const mostAnnotations = 16;

/** How a handler ended. */
type Handled = { readonly answer: TaskAnswer | undefined } | { readonly error: StatusError };

/** What there is to tell C1 about a task. */
interface Ending {
  readonly outcome: TaskOutcome;
  /** False when C1 has cancelled the task or taken it back: then it is told once and need not listen. */
  readonly wanted: boolean;
}

/**
 * One task: keep it alive, handle it, report it. Every task ends in exactly one report, except hello, which is answered by
 * Hello itself, and a sync that C1 cancelled (or did not answer for) before it began. Each log line that is written
 * meanwhile, wherever, carries the task's id and type. Never rejects.
 */
export function runTask(task: Task, deps: RunTaskDeps, signals: RunTaskSignals): Promise<void> {
  const work = (): Promise<void> => runInScope(task, deps, signals);
  const { traced } = deps;
  return withLogScope({ taskId: task.id, taskType: task.type }, () =>
    traced === undefined ? work() : traced(task.id, task.type, work),
  );
}

async function runInScope(task: Task, deps: RunTaskDeps, signals: RunTaskSignals): Promise<void> {
  if (await deps.reporter.reportAgain(task.id, signals.reports)) return;
  const startedMs = deps.clock.monotonicMs();
  deps.hooks.onTaskStart?.(task.type, task.id);
  deps.log.info("task started");
  const ending = await workOn(task, deps, signals);
  await tell(task, ending, deps.reporter, signals.reports);
  const done = summarise(task, ending, deps.clock.monotonicMs() - startedMs);
  const fields = { code: done.error?.code, error: done.error?.message, durationMs: Math.round(done.durationMs) };
  if (done.outcome === "failure") deps.log.warn("task failed", fields);
  else deps.log.info(done.outcome === "success" ? "task succeeded" : "task cancelled", fields);
  deps.hooks.onTaskDone?.(done);
}

/** `undefined` when the task was dropped before it began. */
async function workOn(task: Task, deps: RunTaskDeps, signals: RunTaskSignals): Promise<Ending | undefined> {
  // A task that arrives during shutdown goes back untouched.
  if (signals.stop.aborted) return { outcome: failed(task, shuttingDown()), wanted: true };
  using shutdown = watchShutdown(signals, task.type === heartbeatType);
  if (task.type !== heartbeatType) {
    return { outcome: outcomeOf(task, await handle(task, deps, shutdown, shutdown.signal)), wanted: true };
  }
  try {
    return await workWithHeartbeats(task, deps, shutdown);
  } catch (reason) {
    return { outcome: failed(task, StatusError.from(reason)), wanted: true };
  }
}

async function workWithHeartbeats(task: Task, deps: RunTaskDeps, shutdown: TaskShutdown): Promise<Ending | undefined> {
  const release = await deps.syncSlot.acquire(shutdown.signal);
  try {
    await using heartbeat = await startHeartbeat(task.id, deps, shutdown.signal);
    if (heartbeat === undefined) return undefined;
    const handled = await handle(task, deps, shutdown, heartbeat.signal);
    return { outcome: outcomeOf(task, handled), wanted: !heartbeat.unwanted };
  } finally {
    release();
  }
}

/** Runs the handler. Resolves to what it answers or why it failed; never rejects. */
async function handle<K extends TaskType>(
  task: Task<K>,
  { handlers, log }: RunTaskDeps,
  shutdown: TaskShutdown,
  signal: AbortSignal,
): Promise<Handled> {
  const run: TaskRun = {
    task: { id: task.id, debug: task.debug },
    signal,
    log,
    enterGracePhase: () => shutdown.enterGracePhase(),
  };
  try {
    throwIfAborted(signal);
    const handler: TaskHandler<K> = handlers[task.type];
    const output = await handler(task.input, run);
    return { answer: output !== undefined && "answers" in output ? output : undefined };
  } catch (reason) {
    if (signal.aborted) return { error: StatusError.from(signal.reason) };
    if (!(reason instanceof StatusError)) log.error("the task failed unexpectedly", { stack: stackOf(reason) });
    const error = StatusError.from(reason);
    // Whether to repeat a change that was refused or half done is for a person to decide: all but syncs are final.
    return { error: task.type === heartbeatType ? error : error.withRetryable(false) };
  }
}

function outcomeOf(task: Task, handled: Handled): TaskOutcome {
  if ("error" in handled) return failed(task, handled.error);
  return handled.answer === undefined ? { ok: true } : { ok: true, answer: handled.answer };
}

function failed(task: Task, error: StatusError): TaskOutcome {
  return { ok: false, error, annotations: echoed(task) };
}

/** C1 finds its ticket by the annotations that it sent, so a failed ticket task carries them back. */
function echoed(task: Task): readonly OpaqueAny[] {
  if (task.type !== "create_ticket_task" && task.type !== "get_ticket") return [];
  return task.input.annotations.slice(0, mostAnnotations);
}

async function tell(task: Task, ending: Ending | undefined, reporter: Reporter, signal: AbortSignal): Promise<void> {
  if (ending === undefined || task.type === "hello") return;
  const report = { task: { id: task.id, type: task.type }, outcome: ending.outcome };
  await (ending.wanted ? reporter.report(report, signal) : reporter.mention(report, signal));
}

function summarise({ id, type }: Task, ending: Ending | undefined, durationMs: number): TaskDone {
  const end = { id, type, durationMs };
  if (ending === undefined) return { ...end, outcome: "cancelled", error: undefined };
  if (ending.outcome.ok) return { ...end, outcome: "success", error: undefined };
  const { error } = ending.outcome;
  return { ...end, outcome: error.code === "cancelled" ? "cancelled" : "failure", error };
}

function stackOf(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}
