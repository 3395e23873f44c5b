import type { Clock } from "../baton/clock.ts";
import type { CredentialHooks } from "../credentials/slot.ts";
import { credentialMetrics, syncMetrics, workerMetrics } from "../observability/hooks.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { StatusModel } from "../status/status-model.ts";
import type { SyncHooks } from "../tasks/sync-hooks.ts";
import type { WorkerHooks } from "../worker/hooks.ts";
import type { AppDeps } from "./deps.ts";

/** Who is told of what happens, beside the metrics. */
type Watchers = Pick<AppDeps, "clock" | "log" | "status" | "tracing">;

/** Counts and shows phases, and gives memory back after the one that leaves the parsed answer of the upstream behind. */
export function syncHooks(metrics: Metrics, { clock, log, status, tracing }: Watchers): SyncHooks {
  const hooks = syncMetrics(metrics, clock);
  const page = status?.syncHooks;
  return {
    ...page,
    onAccepted(summary, partial) {
      hooks.onAccepted(summary, partial);
      page?.onAccepted(summary);
    },
    onPhase(phase, durationMs) {
      hooks.onPhase(phase, durationMs);
      page?.onPhase(phase, durationMs);
      log.debug("a phase of the sync ended", { phase, durationMs: Math.round(durationMs) });
      tracing?.stepped(`sync ${phase}`, durationMs);
      if (phase === "validate") reclaimMemory();
    },
  };
}

/**
 * Counts and shows tasks, and gives memory back after the start, which leaves much behind, and after each sync: garbage of
 * one must not add to the peak of the next.
 */
export function workerHooks(metrics: Metrics, { clock, status, tracing }: Watchers): WorkerHooks {
  const hooks = workerMetrics(metrics, clock);
  const page = status?.workerHooks;
  return {
    ...hooks,
    onState(state) {
      hooks.onState(state);
      page?.onState();
      if (state === "polling") reclaimMemory();
    },
    onPoll(outcome) {
      hooks.onPoll(outcome);
      page?.onPoll();
    },
    onTaskStart(type, id) {
      hooks.onTaskStart(type);
      page?.onTaskStart(type, id);
    },
    onTaskDone(done) {
      hooks.onTaskDone(done);
      const seen = page?.onTaskDone(done);
      tracing?.taskDone(done.outcome, done.error?.code);
      if (done.type === "sync_full") void Promise.resolve(seen).then(reclaimMemory);
    },
  };
}

/** Counts and shows what becomes of credentials. */
export function credentialHooks(metrics: Metrics, clock: Clock, status: StatusModel | undefined): CredentialHooks {
  const hooks = credentialMetrics(metrics, clock);
  const page = status?.credentialHooks;
  return {
    onReload(name, outcome, note) {
      hooks.onReload(name, outcome);
      page?.onReload(name, outcome, note);
    },
    onPending(name, pending) {
      hooks.onPending(name, pending);
      page?.onPending(name, pending);
    },
    onActive(name) {
      hooks.onActive(name);
      page?.onActive(name);
    },
  };
}

/** A full garbage collection where the launcher allows it (`--expose-gc`): some 50 ms for a hundred thousand members. */
function reclaimMemory(): void {
  globalThis.gc?.();
}
