import type { Clock } from "../baton/clock.ts";
import type { Snapshot } from "../baton/connector.ts";
import type { Logger } from "../baton/logger.ts";
import type { SyncCounts } from "../baton/sync-writer.ts";
import { type CredentialFacts, createCredentialLog } from "./credential-log.ts";
import { createProblemLog } from "./problem-log.ts";
import { createRosterWatch } from "./roster-watch.ts";
import { shorten } from "./shorten.ts";
import { createSyncLog, type SyncEnd } from "./sync-log.ts";
import type {
  AboutView,
  BudgetView,
  ChangeCounts,
  ChangesView,
  ConnectionView,
  StatusView,
  SyncPhase,
  TasksView,
} from "./view.ts";

export interface StatusModelDeps {
  readonly clock: Clock;
  readonly about: Omit<AboutView, "startedMs">;
  /** Takes secrets and, unless they may be shown, people out of a text. */
  readonly clean: (text: string) => string;
}

/** What the page asks for when it needs it, rather than being told. */
export interface StatusSources {
  /** `undefined` before there is one. */
  worker(): WorkerFacts | undefined;
  credentials(): readonly CredentialFacts[];
  c1Host(): string | undefined;
  /** Why the process is not ready although C1 may answer, in words. */
  problem(): string | undefined;
}

/** What the worker knows about itself. Times are wall-clock milliseconds. */
export interface WorkerFacts {
  readonly state: ConnectionView["state"];
  readonly lastPollSuccessMs: number | undefined;
  readonly pollFailingSinceMs: number | undefined;
  readonly nextPollMs?: number;
  readonly running?: readonly { readonly id: string; readonly type: string; readonly startedMs: number }[];
  readonly queued?: number;
}

/** A rate budget as its limiter tells it. */
export interface BudgetFacts {
  readonly requestsPerMinute: number;
  readonly used: number;
  readonly waiting: number;
  readonly pauseLeftMs: number;
}

/** A task that has ended, as the worker tells it. */
interface TaskEnd extends SyncEnd {
  readonly id: string;
  readonly type: string;
}

/**
 * Collects what the status page shows. Its memory is bounded: 50 syncs, 20 problems, 8 bytes for each person of the last
 * accepted sync. The hooks fit those of the rooms that call them; none throws.
 */
export class StatusModel {
  readonly #clock: Clock;
  readonly #about: AboutView;
  readonly #clean: (text: string) => string;
  readonly #syncs;
  readonly #roster;
  readonly #problems;
  readonly #credentials;
  readonly #budgets: { readonly name: string; readonly look: () => BudgetFacts }[] = [];
  #sources: StatusSources | undefined;
  #listener: (() => void) | undefined;
  /** Gets every line of the log. */
  readonly log: Logger;

  constructor({ about, clean, clock }: StatusModelDeps) {
    const onChange = (): void => this.#listener?.();
    this.#clock = clock;
    this.#about = { ...about, startedMs: clock.nowMs() };
    this.#clean = (text) => shorten(clean(text), longestNote);
    this.#syncs = createSyncLog(clock);
    this.#roster = createRosterWatch({ clock, showPeople: about.showsPeople });
    this.#problems = createProblemLog({ clock, clean, onChange });
    this.#credentials = createCredentialLog({ clock, clean: this.#clean, onChange });
    this.log = this.#problems.logger;
  }

  /** What happens to credentials. */
  get credentialHooks() {
    return this.#credentials.hooks;
  }

  /** What the worker does. */
  readonly workerHooks = {
    onState: (): void => this.#changed(),
    onPoll: (): void => this.#changed(),
    onTaskStart: (type: string, id: string): void => {
      if (type === "sync_full") this.#syncs.started(id);
      this.#changed();
    },
    /** Resolves when nothing of the task is held any more, which for a large team is a little later; never rejects. */
    onTaskDone: async (done: TaskEnd): Promise<void> => {
      const row = done.type === "sync_full" ? this.#syncs.ended(done.id, done) : undefined;
      this.#changed();
      if (row?.bytes === undefined) return;
      const changes = countsOf(await this.#roster.settle());
      if (changes !== undefined) this.#syncs.compared(row, changes);
      this.#changed();
    },
  };

  /** What a sync does. */
  readonly syncHooks = {
    onPhaseStart: (phase: SyncPhase): void => {
      this.#syncs.phaseStarted(phase);
      this.#changed();
    },
    onPhase: (phase: SyncPhase, durationMs: number): void => this.#syncs.phaseEnded(phase, durationMs),
    onProgress: (_phase: SyncPhase, counts: SyncCounts): void => {
      this.#syncs.counted(counts);
      this.#changed();
    },
    onAccepted: ({ bytes, counts }: { readonly counts: SyncCounts; readonly bytes: number }): void => {
      this.#syncs.accepted(counts, bytes);
      this.#changed();
    },
  };

  /** The access token for C1 expires then, wall clock. */
  onTokenExpiry(expiryMs: number): void {
    this.#credentials.tokenExpires(expiryMs);
  }

  /** Shows a rate budget from now on. */
  addBudget(name: string, look: () => BudgetFacts): void {
    this.#budgets.push({ name, look });
  }

  /** The same snapshot, looked at while it is read. */
  watch(snapshot: Snapshot): Snapshot {
    return this.#roster.watch(snapshot);
  }

  /** Compares a snapshot of `watch` that C1 has accepted with the one before; returns what was given to `watch`. */
  accepted(snapshot: Snapshot): Snapshot {
    return this.#roster.accepted(snapshot);
  }

  /** Where to look for what nobody tells. */
  attach(sources: StatusSources): void {
    this.#sources = sources;
  }

  /** Calls `listener`, and nobody else, after each change; often. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }

  /** Everything as it is now. */
  view(): StatusView {
    const worker = this.#sources?.worker() ?? notStarted;
    return {
      about: this.#about,
      connection: this.#connection(worker),
      tasks: this.#tasks(worker),
      syncs: this.#syncs.rows(),
      changes: this.#roster.changes(),
      budgets: this.#budgets.map(({ look, name }) => this.#budget(name, look())),
      credentials: this.#credentials.view(this.#sources?.credentials() ?? []),
      problems: this.#problems.problems(),
    };
  }

  #changed(): void {
    this.#listener?.();
  }

  #connection({ lastPollSuccessMs, nextPollMs, pollFailingSinceMs, state }: WorkerFacts): ConnectionView {
    const problem = this.#sources?.problem();
    return {
      state,
      host: this.#sources?.c1Host(),
      lastPollMs: lastPollSuccessMs,
      nextPollMs: state === "polling" && nextPollMs !== undefined ? toTenth(nextPollMs) : undefined,
      failingSinceMs: pollFailingSinceMs,
      problem: problem === undefined ? undefined : this.#clean(problem),
    };
  }

  #tasks({ queued = 0, running = [] }: WorkerFacts): TasksView {
    const tasks = running.slice(0, mostTasks).map(({ id, startedMs, type }) => {
      const progress = this.#syncs.progressOf(id);
      return { id, type, startedMs, phase: progress?.phase, progress: progress?.progress, counts: progress?.counts };
    });
    return { running: tasks, more: running.length - tasks.length, queued };
  }

  #budget(name: string, { pauseLeftMs, requestsPerMinute, used, waiting }: BudgetFacts): BudgetView {
    const pausedUntilMs = pauseLeftMs > 0 ? toTenth(this.#clock.nowMs() + pauseLeftMs) : undefined;
    return { name, requestsPerMinute, used, waiting, pausedUntilMs };
  }
}

/** Characters of a note. */
const longestNote = 300;
/** Of a hundred tasks at once nobody reads more. */
const mostTasks = 10;

const notStarted: WorkerFacts = { state: "starting", lastPollSuccessMs: undefined, pollFailingSinceMs: undefined };

/** Without the names, of which only the last sync keeps any. */
function countsOf(changes: ChangesView): ChangeCounts | undefined {
  if (changes.kind === "none") return undefined;
  const { added, removed, roleChanges } = changes;
  return { added, removed, roleChanges };
}

/** Two readings of the same instant on different clocks shall be the same text. */
function toTenth(ms: number): number {
  return Math.round(ms / 100) * 100;
}
