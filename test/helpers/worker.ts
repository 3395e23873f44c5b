import type { Loops } from "../../src/baton/loops.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import type { TaskHandlers } from "../../src/baton/task.ts";
import { createDeleteBrake } from "../../src/tasks/delete-brake.ts";
import { createHello } from "../../src/tasks/hello.ts";
import { createProvisioning } from "../../src/tasks/provisioning.ts";
import { createRefusals } from "../../src/tasks/refusals.ts";
import type { TaskDone, WorkerHooks } from "../../src/worker/hooks.ts";
import type { PollTurn } from "../../src/worker/turn.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";
import { FakeC1 } from "../fakes/c1-client.ts";
import { createConnector, createSnapshot } from "../fakes/connector.ts";
import { createRecordingLogger, type RecordingLogger } from "../fakes/recording-logger.ts";
import { createVirtualClock, type VirtualClock } from "../fakes/virtual-clock.ts";

export const metadata = {
  displayName: "Test",
  description: "A connector for tests",
  helpUrl: "https://example.com/help",
  resourceTypes: [],
  accountFields: [],
};

/** What a handler that creates an account may answer. */
export const accountAnswer = { answers: "create_account", result: { kind: "in_progress" } } as const;

export interface WorkerSetUp {
  /** Default: every task is refused as the product refuses it, and a sync succeeds at once. */
  readonly handlers?: Partial<TaskHandlers>;
  readonly concurrency?: number;
  readonly batched?: boolean;
  readonly provisioning?: boolean;
  /** Several workers may share one. */
  readonly c1?: FakeC1;
  readonly clock?: VirtualClock;
  readonly turn?: PollTurn;
  readonly loops?: Loops;
}

export interface RunningWorker extends AsyncDisposable {
  readonly worker: Worker;
  readonly c1: FakeC1;
  readonly clock: VirtualClock;
  readonly log: RecordingLogger;
  readonly done: readonly TaskDone[];
  /** Names of hooks called, with their argument. */
  readonly events: readonly string[];
  readonly ended: Promise<void>;
  stop(): void;
  abort(): void;
}

/** A worker against the in-memory C1. Disposing stops it at once and checks that it has obeyed the protocol. */
export function startWorker(setUp: WorkerSetUp = {}): RunningWorker {
  const clock = setUp.clock ?? createVirtualClock();
  const c1 = setUp.c1 ?? new FakeC1(clock);
  const log = createRecordingLogger();
  const done: TaskDone[] = [];
  const events: string[] = [];
  const stop = new AbortController();
  const abort = new AbortController();
  const provisioning = setUp.provisioning ?? false;
  const connector = createConnector(createSnapshot(1));
  const brake = createDeleteBrake(50, clock);
  const worker = createWorker({
    c1,
    clock,
    log,
    metadata,
    random: () => 0.5,
    hooks: recordingHooks(events, done),
    ...(setUp.turn === undefined ? {} : { turn: setUp.turn }),
    ...(setUp.loops === undefined ? {} : { loops: setUp.loops }),
    options: { concurrency: setUp.concurrency ?? 3, batched: setUp.batched ?? false },
    handlers: {
      ...createRefusals({ provisioning }),
      ...createProvisioning({ connector, clock, provisioning, dryRun: false, brake, pending: "in_progress" }),
      hello: createHello({ c1, metadata, clock, random: () => 0.5 }),
      sync_full: async () => ({ counts: noCounts, bytes: 0 }),
      ...setUp.handlers,
    },
  });
  const ended = worker.run({ stop: stop.signal, abort: abort.signal });
  // A test that does not look at the end must not fail the process.
  ended.catch(() => undefined);
  const end = (controller: AbortController) => () => controller.abort(new StatusError("cancelled", "the test ends it"));
  return {
    worker,
    c1,
    clock,
    log,
    done,
    events,
    ended,
    stop: end(stop),
    abort: end(abort),
    async [Symbol.asyncDispose]() {
      stop.abort();
      abort.abort();
      await Promise.allSettled([ended]);
      clock.freeze();
      c1.assertObeyed();
    },
  };
}

export const noCounts = { resourceTypes: 0, usersActive: 0, usersDisabled: 0, roles: 0, entitlements: 0, grants: 0 };

/** The input of a `sync_full` task that asks for everything. */
export const everything = {
  resourceTypeIds: [],
  skipGrants: false,
  skipEntitlementsAndGrants: false,
  targetedResources: 0,
  storageEngine: "",
};

/** Waits like a handler at work: until the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(StatusError.from(signal.reason));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return promise;
}

function recordingHooks(events: string[], done: TaskDone[]): WorkerHooks {
  return {
    onState: (state) => events.push(`state ${state}`),
    onPoll: (outcome, code) => events.push(`poll ${code ?? outcome}`),
    onTaskStart: (type) => events.push(`start ${type}`),
    onTaskDone: (task) => {
      done.push(task);
      events.push(`done ${task.type} ${task.error?.code ?? "ok"}`);
    },
    onHeartbeat: (outcome) => events.push(`heartbeat ${outcome}`),
  };
}

/** For handlers that a test wants to hold in mid-work. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
