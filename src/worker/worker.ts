import type { C1Client, PollResult } from "../baton/c1-client.ts";
import type { Clock, Random } from "../baton/clock.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import type { Logger } from "../baton/logger.ts";
import { type Loops, type LoopWatch, longestCallMs, unwatchedLoops } from "../baton/loops.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import type { Task, TaskHandlers, TaskType } from "../baton/task.ts";
import { introduce } from "./hello.ts";
import type { WorkerHooks, WorkerState } from "./hooks.ts";
import { createOutage, type Outage } from "./outage.ts";
import { createPollSchedule, type PollSchedule } from "./poll-schedule.ts";
import { createReporter } from "./report.ts";
import { type RunTaskDeps, type RunTaskSignals, runTask, type TaskTracer } from "./run-task.ts";
import { limitReports, type ShutdownSignals } from "./shutdown.ts";
import { createSlots, type ReleaseSlot, type Slots } from "./slots.ts";
import { everyTurn, type PollTurn } from "./turn.ts";

/*
 * | State      | Entered when                                         | Does                                              |
 * |------------|------------------------------------------------------|---------------------------------------------------|
 * | `starting` | created                                              | Hello with back-off                               |
 * | `polling`  | the first Hello was answered                         | a slot first, then the question, then off it goes |
 * | `standby`  | it is another instance's turn to poll                | finishes what it has, asks for nothing            |
 * | `draining` | `stop` aborted                                       | asks for nothing more; tasks end and are reported |
 * | `stopped`  | every task is reported, or Hello was refused for good | nothing                                           |
 */

export interface WorkerOptions {
  /** How many tasks run at once, 1 to 100. */
  readonly concurrency: number;
  /** Asks for several tasks at a time (GetTasks) and queues them here; otherwise for one (GetTask). */
  readonly batched: boolean;
}

export interface WorkerDeps {
  readonly c1: Pick<C1Client, "hello" | "getTask" | "getTasks" | "heartbeat" | "finishTask" | "forget">;
  readonly handlers: TaskHandlers;
  readonly metadata: ConnectorMetadata;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks: WorkerHooks;
  readonly options: WorkerOptions;
  /** When this instance may ask for work; by default always. */
  readonly turn?: PollTurn;
  /** Runs each task's work within a trace of its own; by default in none. */
  readonly traced?: TaskTracer | undefined;
  /** Who watches the loops of the worker; by default nobody. */
  readonly loops?: Loops;
}

/** What the worker is doing, for the readiness probe and people. Times are wall-clock milliseconds. */
export interface WorkerStatus {
  readonly state: WorkerState;
  /** When C1 last answered a poll. */
  readonly lastPollSuccessMs: number | undefined;
  /** Since when no poll has been answered; `undefined` while polls succeed or none was due. */
  readonly pollFailingSinceMs: number | undefined;
  /** For how many milliseconds that has been so, whatever happened to the wall clock. */
  readonly pollFailingForMs: number | undefined;
  /** How the last Hello or poll failed; `undefined` when it did not. */
  readonly lastErrorCode: StatusCode | undefined;
  /** When C1 is asked next, a free slot provided; in the past while one is lacking. */
  readonly nextPollMs: number;
  readonly running: readonly { readonly id: string; readonly type: TaskType; readonly startedMs: number }[];
  /** Tasks that were fetched and wait for a slot. */
  readonly queued: number;
}

export interface Worker {
  status(): WorkerStatus;
  /**
   * Introduces the connector to C1, then works until `stop` aborts; resolves when every task has ended and is reported.
   * A sync that is still collecting ends at `stop`; other tasks, and a sync that uploads, may go on until `abort`.
   * Reports have 30 s from then. Rejects with the StatusError of a Hello that C1 has refused for good, and with `unavailable` when
   * the time ended before C1 knew how every task ended. Call it once.
   */
  run(signals: ShutdownSignals): Promise<void>;
}

/** A worker that has not begun; `run` starts it. */
export function createWorker(deps: WorkerDeps): Worker {
  return new PollingWorker(deps);
}

/** The wire's limit on the size of a GetTasks page. */
const largestPage = 100;

interface RunningTask {
  readonly id: string;
  readonly type: TaskType;
  readonly startedMs: number;
  readonly ended: Promise<void>;
}

class PollingWorker implements Worker {
  readonly #deps: WorkerDeps;
  readonly #turn: PollTurn;
  readonly #slots: Slots;
  readonly #schedule: PollSchedule;
  readonly #taskDeps: RunTaskDeps;
  readonly #outage: Outage;
  readonly #queue: Task[] = [];
  readonly #running = new Map<string, RunningTask>();
  #state: WorkerState = "starting";
  #lastPollSuccessMs: number | undefined;
  #lastErrorCode: StatusCode | undefined;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#turn = deps.turn ?? everyTurn;
    this.#slots = createSlots(deps.options.concurrency);
    this.#schedule = createPollSchedule(deps.clock, deps.random);
    this.#outage = createOutage(deps.clock);
    this.#taskDeps = { ...deps, reporter: createReporter(deps), syncSlot: createSlots(1) };
  }

  status(): WorkerStatus {
    return {
      state: this.#state,
      lastPollSuccessMs: this.#lastPollSuccessMs,
      pollFailingSinceMs: this.#outage.sinceMs(),
      pollFailingForMs: this.#outage.forMs(),
      lastErrorCode: this.#lastErrorCode,
      nextPollMs: this.#deps.clock.nowMs() + this.#schedule.dueInMs(),
      running: [...this.#running.values()].map(({ id, type, startedMs }) => ({ id, type, startedMs })),
      queued: this.#queue.length,
    };
  }

  async run({ stop, abort }: ShutdownSignals): Promise<void> {
    using reports = limitReports(abort, this.#deps.clock);
    const signals = { stop: AbortSignal.any([stop, abort]), abort, reports: reports.signal };
    try {
      using watch = (this.#deps.loops ?? unwatchedLoops).enter("poll");
      const onFailure = (code: StatusCode): void => {
        this.#lastErrorCode = code;
      };
      if (await introduce({ ...this.#deps, onFailure }, watch, signals.stop)) {
        this.#lastErrorCode = undefined;
        this.#enter("polling");
        await this.#work(signals, watch);
      }
      // What follows has its own end: reports stop when their time is over.
      watch.resting();
      this.#enter("draining");
      await this.#drain(signals);
    } finally {
      this.#enter("stopped");
    }
  }

  #enter(state: WorkerState): void {
    this.#state = state;
    this.#deps.log.info("worker state changed", { state });
    this.#deps.hooks.onState?.(state);
  }

  async #work(signals: RunTaskSignals, watch: LoopWatch): Promise<void> {
    while (!signals.stop.aborted) {
      try {
        watch.resting();
        // A slot first: nothing is claimed that cannot be started.
        const release = await this.#slots.acquire(signals.stop);
        this.#start(await this.#nextTask(signals.stop, watch), signals, release);
      } catch (reason) {
        if (!signals.stop.aborted) throw reason;
      }
    }
  }

  /** Polls until there is a task. Rejects when `stop` aborts, and for no other reason. */
  async #nextTask(stop: AbortSignal, watch: LoopWatch): Promise<Task> {
    for (;;) {
      const task = this.#queue.shift();
      if (task !== undefined) return task;
      const waitMs = this.#schedule.dueInMs();
      watch.within(waitMs);
      if (waitMs > 0) await this.#deps.clock.sleep(waitMs, stop);
      watch.resting();
      await this.#standBy(stop);
      watch.within(longestCallMs);
      await this.#poll(stop);
    }
  }

  async #standBy(stop: AbortSignal): Promise<void> {
    if (this.#turn.mine()) return;
    this.#enter("standby");
    // Who does not ask cannot be refused: an outage that it saw before is no longer its own.
    this.#outage.end();
    while (!this.#turn.mine()) await this.#turn.wait(stop);
    this.#enter("polling");
  }

  async #poll(stop: AbortSignal): Promise<void> {
    const { clock, log, hooks } = this.#deps;
    const over = this.#turn.over();
    try {
      const { tasks, nextPollMs } = await this.#ask(over === undefined ? stop : AbortSignal.any([stop, over]));
      const fresh = tasks.filter((task, index) => this.#isFresh(task, tasks.slice(0, index)));
      this.#queue.push(...fresh);
      this.#schedule.answered(nextPollMs, fresh.length > 0);
      this.#lastPollSuccessMs = clock.nowMs();
      const ended = this.#outage.end();
      // One lost poll is no outage.
      if (ended.failures > 1) log.info("C1 answers again", ended);
      this.#lastErrorCode = undefined;
      hooks.onPoll?.(fresh.length > 0 ? "task" : "empty", undefined);
    } catch (reason) {
      if (stop.aborted) throw reason;
      if (over?.aborted === true) return;
      const error = StatusError.from(reason);
      const waitMs = this.#schedule.failed();
      this.#lastErrorCode = error.code;
      log.warn("C1 could not be asked for work; trying again", {
        code: error.code,
        error: error.message,
        failures: this.#outage.failed(),
        waitMs: Math.round(waitMs),
      });
      hooks.onPoll?.("error", error.code);
    }
  }

  #ask(stop: AbortSignal): Promise<PollResult> {
    const { c1, options } = this.#deps;
    if (!options.batched) return c1.getTask(stop);
    // The queue is empty here, so that the running tasks are all that C1 need not send.
    const knownTaskIds = [...this.#running.keys()];
    return c1.getTasks(
      { pageSize: Math.min(2 * options.concurrency - knownTaskIds.length, largestPage), knownTaskIds },
      stop,
    );
  }

  #isFresh(task: Task, before: readonly Task[]): boolean {
    const known = this.#running.has(task.id) || before.some(({ id }) => id === task.id);
    if (known) this.#deps.log.debug("C1 handed out a task that is already here; ignored", { taskId: task.id });
    return !known;
  }

  #start(task: Task, signals: RunTaskSignals, release: ReleaseSlot): void {
    const ended = runTask(task, this.#taskDeps, signals)
      .catch((reason: unknown) => {
        this.#deps.log.error("a task ended in a way that it never should", {
          taskId: task.id,
          taskType: task.type,
          error: StatusError.from(reason).message,
        });
      })
      .finally(() => {
        this.#running.delete(task.id);
        this.#deps.c1.forget(task.id);
        release();
      });
    this.#running.set(task.id, { id: task.id, type: task.type, startedMs: this.#deps.clock.nowMs(), ended });
  }

  /**
   * Gives back what was fetched but not begun, and waits for what runs, at most as long as reports may go on. Rejects with
   * `unavailable` when C1 was not told of every task by then.
   */
  async #drain(signals: RunTaskSignals): Promise<void> {
    for (const task of this.#queue.splice(0)) this.#start(task, signals, () => undefined);
    const allEnded = Promise.all([...this.#running.values()].map(({ ended }) => ended));
    await Promise.race([allEnded, aborted(signals.reports)]);
    for (const { id, type } of this.#running.values()) {
      this.#deps.log.error("a task did not end in time and is left to C1's own timeout", {
        taskId: id,
        taskType: type,
      });
    }
    const untold = this.#running.size + this.#taskDeps.reporter.cutShort();
    if (untold > 0)
      throw new StatusError("unavailable", `C1 could not be told before the end how ${untold} task(s) ended`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
