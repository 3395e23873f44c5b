import type { Clock } from "../baton/clock.ts";
import { syncMetrics, workerMetrics } from "../observability/hooks.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { SyncHooks } from "../tasks/sync-hooks.ts";
import type { WorkerHooks } from "../worker/hooks.ts";

/** Counts phases, and gives memory back after the one that leaves the parsed answer of the upstream behind. */
export function syncHooks(metrics: Metrics, clock: Clock): SyncHooks {
  const hooks = syncMetrics(metrics, clock);
  return {
    ...hooks,
    onPhase(phase, durationMs) {
      hooks.onPhase(phase, durationMs);
      if (phase === "validate") reclaimMemory();
    },
  };
}

/**
 * Counts tasks, and gives memory back after the start, which leaves much behind, and after each sync: garbage of one must
 * not add to the peak of the next.
 */
export function workerHooks(metrics: Metrics, clock: Clock): WorkerHooks {
  const hooks = workerMetrics(metrics, clock);
  return {
    ...hooks,
    onState(state) {
      hooks.onState(state);
      if (state === "polling") reclaimMemory();
    },
    onTaskDone(done) {
      hooks.onTaskDone(done);
      if (done.type === "sync_full") reclaimMemory();
    },
  };
}

/** A full garbage collection where the launcher allows it (`--expose-gc`): some 50 ms for a hundred thousand members. */
function reclaimMemory(): void {
  globalThis.gc?.();
}
