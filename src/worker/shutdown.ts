import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** The two steps of a shutdown, and the end of reporting that follows the second. */
export interface ShutdownSignals {
  /** Ask for no more work; what can be repeated cheaply ends at once. */
  readonly stop: AbortSignal;
  /** The grace is over: all work ends. */
  readonly abort: AbortSignal;
}

/** What a task that we cut short is reported as: C1 hands it to another instance, or to this one when it is back. */
export function shuttingDown(): StatusError {
  return new StatusError("unavailable", "connector shutting down", { retryable: true });
}

/** A shutdown as one task sees it. */
export interface TaskShutdown extends Disposable {
  /** Aborts with `shuttingDown()` when the task has to end. */
  readonly signal: AbortSignal;
  /** From now on `stop` does not end the task, only `abort` does. Too late once `signal` has aborted. */
  enterGracePhase(): void;
}

/** `endsAtStop` says that the task may not use the grace until it has called `enterGracePhase`. */
export function watchShutdown({ stop, abort }: ShutdownSignals, endsAtStop: boolean): TaskShutdown {
  const controller = new AbortController();
  const end = (): void => controller.abort(shuttingDown());
  if (abort.aborted || (endsAtStop && stop.aborted)) end();
  abort.addEventListener("abort", end);
  if (endsAtStop) stop.addEventListener("abort", end);
  return {
    signal: controller.signal,
    enterGracePhase: () => stop.removeEventListener("abort", end),
    [Symbol.dispose]() {
      stop.removeEventListener("abort", end);
      abort.removeEventListener("abort", end);
    },
  };
}

/** How long reports may still go on when the grace is over, in milliseconds. */
export const reportingAfterGraceMs = 30_000;

/** A signal that ends reporting `reportingAfterGraceMs` after `abort`; disposing stops the timer. */
export function limitReports(abort: AbortSignal, clock: Clock): Disposable & { readonly signal: AbortSignal } {
  const limit = new AbortController();
  const disposed = new AbortController();
  const start = (): void => {
    clock.sleep(reportingAfterGraceMs, disposed.signal).then(
      () => limit.abort(shuttingDown()),
      () => undefined,
    );
  };
  if (abort.aborted) start();
  else abort.addEventListener("abort", start, { once: true });
  return {
    signal: limit.signal,
    [Symbol.dispose]() {
      abort.removeEventListener("abort", start);
      disposed.abort(shuttingDown());
    },
  };
}
