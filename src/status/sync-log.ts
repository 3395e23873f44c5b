import type { Clock } from "../baton/clock.ts";
import type { StatusError } from "../baton/status-error.ts";
import type { SyncCounts } from "../baton/sync-writer.ts";
import { type ChangeCounts, type CountsView, type SyncPhase, type SyncView, syncPhases } from "./view.ts";

/** How a sync ended. */
export interface SyncEnd {
  readonly outcome: SyncView["outcome"];
  readonly error: StatusError | undefined;
  readonly durationMs: number;
}

/** What the sync at work is doing. */
export interface SyncProgress {
  readonly phase: SyncPhase;
  /** 0 to 1, to three digits. */
  readonly progress: number;
  readonly counts: CountsView;
}

/** The syncs since the start, and how far the one at work is. */
export interface SyncLog {
  started(id: string): void;
  phaseStarted(phase: SyncPhase): void;
  phaseEnded(phase: SyncPhase, durationMs: number): void;
  counted(counts: SyncCounts): void;
  accepted(counts: SyncCounts, bytes: number): void;
  /** Returns the row; it has `bytes` when the sync had been accepted. */
  ended(id: string, end: SyncEnd): SyncView;
  /** What the sync of this row changed. */
  compared(row: SyncView, changes: ChangeCounts): void;
  /** Newest first, at most 50; the array is a new one after each change. */
  rows(): readonly SyncView[];
  /** `undefined` for a sync that waits for another one, or has not begun its first phase. */
  progressOf(id: string): SyncProgress | undefined;
}

const mostRows = 50;
/** Shares of the time that the phases of a first sync take, roughly; later ones are measured by the one before. */
const usualMs: Readonly<Record<SyncPhase, number>> = {
  validate: 3_000,
  types: 0,
  resources: 1_000,
  entitlements: 0,
  grants: 1_000,
  pack: 1_000,
  upload: 1_000,
};
/** A phase that takes longer than expected stays below its end. */
const mostOfPhase = 0.95;

interface Work {
  phase: SyncPhase | undefined;
  phaseStartedMs: number;
  counts: CountsView;
  readonly spentMs: Map<SyncPhase, number>;
  accepted: Pick<SyncView, "bytes" | "counts"> | undefined;
}

/** An empty log. Syncs go one after the other; of several that were started the first is the one at work. */
export function createSyncLog(clock: Clock): SyncLog {
  return new History(clock);
}

class History implements SyncLog {
  readonly #clock: Clock;
  /** Ids of syncs that have not ended, in the order in which they come to work. */
  readonly #open = new Set<string>();
  #work = noWork();
  #rows: readonly SyncView[] = [];
  /** How long the phases of the last good sync took, and what it held. */
  #expectedMs: ReadonlyMap<SyncPhase, number> = new Map(syncPhases.map((phase) => [phase, usualMs[phase]]));
  #expected: CountsView | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  started(id: string): void {
    this.#open.add(id);
  }

  phaseStarted(phase: SyncPhase): void {
    this.#work.phase = phase;
    this.#work.phaseStartedMs = this.#clock.monotonicMs();
  }

  phaseEnded(phase: SyncPhase, durationMs: number): void {
    this.#work.spentMs.set(phase, durationMs);
  }

  counted(counts: SyncCounts): void {
    this.#work.counts = countsView(counts);
  }

  accepted(counts: SyncCounts, bytes: number): void {
    this.#work.accepted = { bytes, counts: countsView(counts) };
  }

  ended(id: string, { durationMs, error, outcome }: SyncEnd): SyncView {
    const atWork = this.#isAtWork(id);
    this.#open.delete(id);
    const { accepted, counts, spentMs } = atWork ? this.#work : noWork();
    if (atWork) this.#work = noWork();
    if (accepted !== undefined) {
      this.#expectedMs = spentMs;
      this.#expected = accepted.counts ?? counts;
    }
    const row: SyncView = {
      startedMs: Math.round(this.#clock.nowMs() - durationMs),
      durationMs: Math.round(durationMs),
      outcome,
      code: outcome === "failure" ? error?.code : undefined,
      bytes: accepted?.bytes,
      counts: accepted?.counts,
      changes: undefined,
    };
    this.#rows = [row, ...this.#rows].slice(0, mostRows);
    return row;
  }

  compared(row: SyncView, changes: ChangeCounts): void {
    this.#rows = this.#rows.map((each) => (each === row ? { ...row, changes } : each));
  }

  rows(): readonly SyncView[] {
    return this.#rows;
  }

  progressOf(id: string): SyncProgress | undefined {
    const { counts, phase } = this.#work;
    if (phase === undefined || !this.#isAtWork(id)) return undefined;
    return { phase, progress: this.#progressIn(phase), counts };
  }

  #isAtWork(id: string): boolean {
    return this.#open.values().next().value === id;
  }

  #progressIn(phase: SyncPhase): number {
    const expected = (each: SyncPhase): number => this.#expectedMs.get(each) ?? 0;
    const before = syncPhases.slice(0, syncPhases.indexOf(phase));
    const total = sum(syncPhases.map(expected));
    if (total === 0) return 0;
    const done = sum(before.map(expected)) + expected(phase) * this.#shareOf(phase, expected(phase));
    return Math.round((done / total) * 1000) / 1000;
  }

  /** How much of a phase is done: by rows where their number can be guessed, else by the time it usually takes. */
  #shareOf(phase: SyncPhase, expectedMs: number): number {
    const { counts, phaseStartedMs, spentMs } = this.#work;
    if (spentMs.has(phase)) return 1;
    const rows = rowsOf(phase, counts);
    const expectedRows = this.#expected && rowsOf(phase, this.#expected);
    if (rows !== undefined && expectedRows !== undefined && expectedRows > 0) return Math.min(1, rows / expectedRows);
    if (expectedMs === 0) return 1;
    return Math.min(mostOfPhase, (this.#clock.monotonicMs() - phaseStartedMs) / expectedMs);
  }
}

function noWork(): Work {
  const counts = { users: 0, disabled: 0, roles: 0, entitlements: 0, grants: 0 };
  return { phase: undefined, phaseStartedMs: 0, counts, spentMs: new Map(), accepted: undefined };
}

function countsView(counts: SyncCounts): CountsView {
  const { entitlements, grants, roles, usersActive, usersDisabled } = counts;
  return { users: usersActive, disabled: usersDisabled, roles, entitlements, grants };
}

function rowsOf(phase: SyncPhase, counts: CountsView): number | undefined {
  if (phase === "resources") return counts.users + counts.disabled + counts.roles;
  return phase === "grants" ? counts.grants : undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
