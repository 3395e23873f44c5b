import type { C1Client } from "../baton/c1-client.ts";
import type { Clock, Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { type Loops, longestCallMs, unwatchedLoops } from "../baton/loops.ts";
import { type RetryPolicy, withRetry } from "../baton/retry.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import type { WorkerHooks } from "./hooks.ts";

export interface HeartbeatDeps {
  readonly c1: Pick<C1Client, "heartbeat">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks: WorkerHooks;
  readonly loops?: Loops;
}

/** Tells C1 regularly that a task is being worked on, until disposed. */
export interface Heartbeat extends AsyncDisposable {
  /**
   * Aborts when the task must end. The reason is `cancelled` when C1 cancelled, `unavailable` when heartbeats were
   * lost, otherwise that of the parent signal.
   */
  readonly signal: AbortSignal;
  /** True once C1 has cancelled the task or taken it away. */
  readonly unwanted: boolean;
}

const defaultIntervalMs = 30_000;
const shortestIntervalMs = 1_000;
const longestIntervalMs = 5 * 60_000;
/** After a failure the next heartbeat comes sooner than C1 asked, so that one lost packet does not cost the lease. */
const longestIntervalAfterFailureMs = 10_000;
const toleratedFailures = 8;

/** C1 knows the task no longer, or has given it to somebody else. */
const leaseGoneCodes: ReadonlySet<StatusCode> = new Set(["not_found", "failed_precondition", "permission_denied"]);

const firstHeartbeatPolicy: RetryPolicy = {
  attempts: 4,
  initialDelayMs: 1_000,
  maxDelayMs: 5_000,
  maxRetryAfterMs: 10_000,
  retryOn: new Set(["unavailable", "deadline_exceeded", "resource_exhausted", "aborted", "internal", "unknown"]),
  leastShare: 0.5,
  // Until the first heartbeat is through, the sync waits, and the next one behind it.
  firstDelayMs: 200,
};

/**
 * Sends the first heartbeat and, when C1 still wants the task, keeps sending them. `undefined` means that the task must
 * be dropped without a report: C1 has cancelled it, or did not answer. Rejects with the parent's reason when `parent`
 * aborts meanwhile.
 */
export async function startHeartbeat(
  taskId: string,
  deps: HeartbeatDeps,
  parent: AbortSignal,
): Promise<Heartbeat | undefined> {
  try {
    const first = await withRetry(() => beat(taskId, deps, parent), firstHeartbeatPolicy, deps, parent);
    if (!first.cancelled) return beatUntilDisposed(taskId, intervalMs(first.nextHeartbeatMs), deps, parent);
    deps.log.info("C1 cancelled the task before it began");
  } catch (reason) {
    if (parent.aborted) throw StatusError.from(parent.reason);
    const { code, message } = StatusError.from(reason);
    deps.log.warn("the task was dropped because its first heartbeat failed", { code, error: message });
  }
  return undefined;
}

async function beat(taskId: string, { c1, hooks }: HeartbeatDeps, signal: AbortSignal) {
  try {
    const result = await c1.heartbeat(taskId, signal);
    hooks.onHeartbeat?.(result.cancelled ? "cancelled" : "ok");
    return result;
  } catch (reason) {
    if (!signal.aborted) hooks.onHeartbeat?.("error");
    throw reason;
  }
}

function beatUntilDisposed(
  taskId: string,
  firstIntervalMs: number,
  deps: HeartbeatDeps,
  parent: AbortSignal,
): Heartbeat {
  const disposed = new AbortController();
  const ended = new AbortController();
  // Not under the parent's signal: while a task winds down after a stop, C1 must not take it for dead.
  const loop = beatOnAndOn(taskId, firstIntervalMs, deps, disposed.signal).then((end) => {
    if (end !== undefined) ended.abort(end);
  });
  return {
    signal: AbortSignal.any([parent, ended.signal]),
    get unwanted() {
      return ended.signal.aborted;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort(new StatusError("cancelled", "the task has ended"));
      await loop;
    },
  };
}

/** Resolves to why the task must end, or to `undefined` when disposed. */
async function beatOnAndOn(
  taskId: string,
  firstIntervalMs: number,
  deps: HeartbeatDeps,
  disposed: AbortSignal,
): Promise<StatusError | undefined> {
  using watch = (deps.loops ?? unwatchedLoops).enter("heartbeat");
  let interval = firstIntervalMs;
  let failures = 0;
  while (!disposed.aborted) {
    try {
      const waitMs = failures === 0 ? interval : Math.min(interval, longestIntervalAfterFailureMs);
      watch.within(waitMs);
      await deps.clock.sleep(waitMs, disposed);
      watch.within(longestCallMs);
      const { cancelled, nextHeartbeatMs } = await beat(taskId, deps, disposed);
      if (cancelled) return new StatusError("cancelled", "C1 cancelled the task", { retryable: true });
      interval = intervalMs(nextHeartbeatMs);
      failures = 0;
    } catch (reason) {
      if (disposed.aborted) return undefined;
      failures += 1;
      const error = StatusError.from(reason);
      deps.log.warn("a heartbeat failed", { code: error.code, error: error.message, failures });
      if (leaseGoneCodes.has(error.code) || failures > toleratedFailures) return lost(error, failures);
    }
  }
  return undefined;
}

function lost(cause: StatusError, failures: number): StatusError {
  const why = leaseGoneCodes.has(cause.code) ? "C1 took the task back" : `${failures} heartbeats in a row failed`;
  return new StatusError("unavailable", `${why} (${cause.code}); the work was stopped`, { cause, retryable: true });
}

function intervalMs(nextHeartbeatMs: number | undefined): number {
  if (nextHeartbeatMs === undefined || nextHeartbeatMs === 0) return defaultIntervalMs;
  return Math.min(Math.max(nextHeartbeatMs, shortestIntervalMs), longestIntervalMs);
}
