import type { SyncCounts } from "../baton/sync-writer.ts";
import type { SyncSummary } from "../baton/task.ts";

/** The steps of a sync in order; `validate` is the reading of the upstream, which proves the credentials too. */
export type SyncPhase = "validate" | "types" | "resources" | "entitlements" | "grants" | "pack" | "upload";

/** What a sync tells whoever counts and shows. Hooks must not throw. */
export interface SyncHooks {
  onPhaseStart?(phase: SyncPhase): void;
  /** The phase has been completed; not called for one that failed. */
  onPhase?(phase: SyncPhase, durationMs: number): void;
  /** Counts so far, every thousand rows or so. */
  onProgress?(phase: SyncPhase, counts: SyncCounts): void;
  /** C1 has accepted the sync file; `partial` when it had asked for less than everything. */
  onAccepted?(summary: SyncSummary, partial: boolean): void;
}
