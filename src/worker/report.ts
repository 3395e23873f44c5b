import type { C1Client } from "../baton/c1-client.ts";
import { type Clock, jitter, type Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import type { TaskReport } from "../baton/task.ts";

export interface ReporterDeps {
  readonly c1: Pick<C1Client, "finishTask">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Brings results to C1. The outcome of a task must not get lost, and work that changes something upstream must not be
 * done twice because its report failed: what C1 has not acknowledged is kept for an hour, and given again instead of
 * working again when C1 hands out the same task.
 */
export interface Reporter {
  /** Reports, repeating as needed until `signal` aborts. Never rejects. */
  report(report: TaskReport, signal: AbortSignal): Promise<void>;
  /** One attempt whose failure does not matter: C1 has cancelled the task or taken it back. Never rejects. */
  mention(report: TaskReport, signal: AbortSignal): Promise<void>;
  /** Reports a kept result once more. Resolves to false when there is none for this task. */
  reportAgain(taskId: string, signal: AbortSignal): Promise<boolean>;
  /** How many results C1 had not acknowledged when the time for reports was over. */
  cutShort(): number;
}

/** Before the second attempt, the third …: five attempts over about two minutes, ±20 %. The task keeps its slot meanwhile. */
const waitsMs = [500, 6_000, 30_000, 80_000] as const;
const jitterShare = 0.2;

const retryableCodes: ReadonlySet<StatusCode> = new Set([
  "unavailable",
  "deadline_exceeded",
  "resource_exhausted",
  "aborted",
  "internal",
  "unknown",
  "unauthenticated",
]);

/** The report may have arrived although its answer did not. */
const ambiguousCodes: ReadonlySet<StatusCode> = new Set([
  "unavailable",
  "deadline_exceeded",
  "aborted",
  "internal",
  "unknown",
]);

/** After an attempt that may have arrived, these say that the task is settled. */
const settledCodes: ReadonlySet<StatusCode> = new Set(["not_found", "failed_precondition", "already_exists"]);

const keptForMs = 60 * 60_000;
/** Nobody hands out this many tasks in an hour without accepting one result; the bound only protects the memory. */
const keptAtMost = 1_000;

interface Kept {
  readonly report: TaskReport;
  readonly sinceMs: number;
  /** An attempt may have arrived. */
  readonly ambiguous: boolean;
}

type Delivery = { readonly acknowledged: boolean; readonly ambiguous: boolean };

export function createReporter(deps: ReporterDeps): Reporter {
  const { c1, clock, log } = deps;
  const kept = new Map<string, Kept>();
  const cut = new Set<string>();

  function keep(report: TaskReport, ambiguous: boolean): void {
    kept.delete(report.task.id);
    kept.set(report.task.id, { report, sinceMs: clock.monotonicMs(), ambiguous });
    for (const [id, { sinceMs }] of kept) {
      if (kept.size <= keptAtMost && clock.monotonicMs() - sinceMs <= keptForMs) break;
      kept.delete(id);
    }
  }

  function lookUp(taskId: string): Kept | undefined {
    const found = kept.get(taskId);
    return found !== undefined && clock.monotonicMs() - found.sinceMs <= keptForMs ? found : undefined;
  }

  async function send(report: TaskReport, maybeArrived: boolean, signal: AbortSignal): Promise<void> {
    const { acknowledged, ambiguous } = await deliver(report, maybeArrived, deps, signal);
    if (acknowledged) kept.delete(report.task.id);
    else keep(report, ambiguous);
    if (!acknowledged && signal.aborted) cut.add(report.task.id);
  }

  return {
    report: (report, signal) => send(report, false, signal),
    async mention(report, signal) {
      try {
        await c1.finishTask(report, signal);
      } catch (reason) {
        const { code, message } = StatusError.from(reason);
        log.debug("C1 did not take the report of a task that it no longer wants", {
          taskId: report.task.id,
          code,
          error: message,
        });
      }
    },
    async reportAgain(taskId, signal) {
      const found = lookUp(taskId);
      if (found === undefined) return false;
      log.info("C1 asks again for a task that is done; its result is reported again", { taskId });
      await send(found.report, found.ambiguous, signal);
      return true;
    },
    cutShort: () => cut.size,
  };
}

async function deliver(
  report: TaskReport,
  maybeArrived: boolean,
  deps: ReporterDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  let ambiguous = maybeArrived;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await deps.c1.finishTask(report, signal);
      return { acknowledged: true, ambiguous };
    } catch (reason) {
      const error = StatusError.from(reason);
      if (ambiguous && settledCodes.has(error.code)) return { acknowledged: true, ambiguous };
      ambiguous ||= signal.aborted || ambiguousCodes.has(error.code);
      const again = await waitBeforeNext(error, attempt, report, deps, signal);
      if (!again) return { acknowledged: false, ambiguous };
    }
  }
}

/** Resolves to false when there must not be another attempt, after having said so in the log. */
async function waitBeforeNext(
  error: StatusError,
  attempt: number,
  report: TaskReport,
  { clock, random, log }: ReporterDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const fields = { taskId: report.task.id, taskType: report.task.type, code: error.code, error: error.message };
  const waitMs = waitsMs[attempt - 1];
  if (waitMs === undefined || signal.aborted || !retryableCodes.has(error.code)) {
    log.error("the result of a task could not be reported; it is reported when C1 asks for the task again", fields);
    return false;
  }
  log.warn("the result of a task was not accepted yet; it is reported again", { ...fields, attempt });
  try {
    await clock.sleep(jitter(waitMs, jitterShare, random), signal);
    return true;
  } catch {
    log.error("the result of a task could not be reported before the process had to end", fields);
    return false;
  }
}
