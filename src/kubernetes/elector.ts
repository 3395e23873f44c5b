import type { Clock, Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { type Loops, unwatchedLoops } from "../baton/loops.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { microTime } from "./call.ts";
import type { LeaseApi } from "./lease-api.ts";
import { Observation } from "./observation.ts";
import { Term } from "./term.ts";
import { endAfter, within } from "./within.ts";

/** Milliseconds. */
export interface ElectorTimes {
  /** How long a holder may go without renewing before others take the Lease. */
  readonly leaseMs: number;
  /** Strict mode: how long a leader goes on after the last renewal that it knows of. */
  readonly renewDeadlineMs: number;
  /** Longest pause between two looks or renewals; the pauses vary between 80 and 100 % of it. */
  readonly retryMs: number;
  /** How long one call may take. */
  readonly callMs: number;
  /** How long the end may take: a call under way, then giving the Lease back. */
  readonly releaseMs: number;
}

const defaultTimes: ElectorTimes = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
  callMs: 5_000,
  releaseMs: 3_000,
};

export interface ElectorDeps {
  readonly lease: LeaseApi;
  /** Who this is; of no other process, ever. */
  readonly identity: string;
  readonly strict: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly times?: Partial<ElectorTimes>;
  /** Told when this instance begins and ceases to lead. Must not throw. */
  readonly onLeading: (leading: boolean) => void;
  /** Who watches the loop that looks at the Lease; by default nobody. */
  readonly loops?: Loops;
}

/** One of several instances that let one of them lead, by a Lease. */
export interface Elector {
  leads(): boolean;
  /** Resolves as soon as this instance leads; rejects with the signal's reason. */
  untilLeading(signal: AbortSignal): Promise<void>;
  /** Aborts when work that only a leader may do must be given up: in strict mode, at the end of leading. */
  lost(): AbortSignal | undefined;
  /**
   * Why this instance cannot lead, and won't by waiting: the API refused to let it read or take the Lease. In words;
   * `undefined` while it leads, and as long as it needs no more than it may, such as while another holds the Lease.
   */
  problem(): string | undefined;
  /**
   * Stands for election until `stop` aborts, then gives the Lease back; never rejects. Strict: leads for at most
   * `renewDeadlineMs` after a renewal was sent that succeeded, so that there are never two, whatever the clocks show.
   * Otherwise it fails open: who leads goes on until somebody else is seen to lead, so that there is always one.
   */
  run(stop: AbortSignal): Promise<void>;
}

/** An elector that has not begun; `run` starts it. */
export function createElector(deps: ElectorDeps): Elector {
  return new LeaseElector(deps);
}

/** How often one round starts over when somebody else was faster. */
const attemptsPerRound = 3;
/** About one line per minute of an outage. */
const failuresPerLine = 30;
const finalCodes: ReadonlySet<StatusCode> = new Set(["unauthenticated", "permission_denied", "not_found"]);

class LeaseElector implements Elector {
  readonly #deps: ElectorDeps;
  readonly #times: ElectorTimes;
  readonly #seen: Observation;
  readonly #term: Term;
  /** The newest record may be out of date: it was never read, or an update failed and may have worked all the same. */
  #stale = true;
  #failures = 0;
  #problem: string | undefined;

  constructor(deps: ElectorDeps) {
    this.#deps = deps;
    this.#times = { ...defaultTimes, ...deps.times };
    this.#seen = new Observation(deps.identity, this.#times.leaseMs);
    this.#term = new Term(deps);
  }

  leads = (): boolean => this.#term.active();
  untilLeading = (signal: AbortSignal): Promise<void> => this.#term.begun(signal);
  lost = (): AbortSignal | undefined => this.#term.lost();
  problem = (): string | undefined => (this.leads() ? undefined : this.#problem);

  async run(stop: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    using end = endAfter(clock, this.#times.releaseMs, stop);
    using watch = (this.#deps.loops ?? unwatchedLoops).enter("lease");
    while (!stop.aborted) {
      watch.within(2 * attemptsPerRound * this.#times.callMs + this.#times.retryMs);
      await this.#round(end.signal);
      await clock.sleep(this.#pauseMs(), stop).catch(() => undefined);
    }
    // Not to lead any more comes first: the Lease is given away only by who no longer uses it.
    this.#term.end("the process ends");
    await this.#release(end.signal);
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      for (let attempt = 1; attempt <= attemptsPerRound; attempt += 1) {
        if (await this.#attempt(signal)) break;
      }
      if (this.#failures > 0) this.#deps.log.info("the Kubernetes API answers again", { lease_holder: this.#holder() });
      this.#failures = 0;
      // Not before: of what is needed to lead, reading is only the first half.
      this.#problem = undefined;
    } catch (reason) {
      this.#failed(StatusError.from(reason));
    }
  }

  /** Looks and acts once. False when somebody else was faster, so that it has to be looked at again. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { clock, identity, strict } = this.#deps;
    if (this.#stale || !this.#seen.mine) {
      const record = await this.#call(signal, (limited) => this.#deps.lease.read(limited));
      this.#seen.see(record, clock.monotonicMs());
      this.#stale = false;
      // Its own name there is an update that worked although its answer was lost.
      if (this.#seen.mine && !strict) this.#term.lead(undefined);
    }
    const { rival } = this.#seen;
    if (rival !== undefined && (strict || this.#seen.rivalKnows)) this.#term.end(`${rival} holds the Lease`);
    if (this.#seen.expiresInMs(clock.monotonicMs()) > 0) return true;
    return await this.#claim(identity, signal);
  }

  /** Takes or renews the Lease. False when it has changed meanwhile. */
  async #claim(identity: string, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#deps;
    const { record, mine } = this.#seen;
    if (record === undefined) return false;
    const sentAtMs = clock.monotonicMs();
    const now = microTime(clock.nowMs());
    const wanted = mine
      ? { ...record, durationMs: this.#times.leaseMs, renewTime: now }
      : {
          ...record,
          holder: identity,
          durationMs: this.#times.leaseMs,
          acquireTime: now,
          renewTime: now,
          transitions: record.transitions + 1,
        };
    this.#stale = true;
    try {
      const written = await this.#call(signal, (limited) => this.#deps.lease.update(wanted, limited));
      this.#seen.see(written, clock.monotonicMs());
      this.#stale = false;
    } catch (reason) {
      if (StatusError.from(reason).code === "aborted") return false;
      throw reason;
    }
    this.#term.lead(this.#deps.strict ? sentAtMs + this.#times.renewDeadlineMs : undefined);
    return true;
  }

  /** Empties the Lease if it is this instance's, so that another need not wait for its end. Best effort. */
  async #release(signal: AbortSignal): Promise<void> {
    const { clock, lease, log } = this.#deps;
    try {
      for (let attempt = 1; attempt <= 2 && (this.#seen.mine || this.#stale); attempt += 1) {
        if (this.#stale)
          this.#seen.see(await this.#call(signal, (limited) => lease.read(limited)), clock.monotonicMs());
        const { record, mine } = this.#seen;
        if (record === undefined || !mine) return;
        const now = microTime(clock.nowMs());
        const empty = { ...record, holder: "", durationMs: 1_000, acquireTime: now, renewTime: now };
        this.#stale = true;
        if (await this.#call(signal, (limited) => lease.update(empty, limited)).then(() => true, isConflict)) {
          log.info("gave the Lease back");
          return;
        }
      }
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      log.warn("the Lease could not be given back; others take it when it has expired", { code, error: message });
    }
  }

  #call<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.#deps.clock, this.#times.callMs, signal, call);
  }

  /** A standby wakes when the Lease expires, if that comes before its next look. */
  #pauseMs(): number {
    const retryMs = this.#times.retryMs * (0.8 + 0.2 * this.#deps.random());
    const untilExpiryMs = this.#seen.expiresInMs(this.#deps.clock.monotonicMs());
    return untilExpiryMs > 0 ? Math.min(retryMs, untilExpiryMs) : retryMs;
  }

  #holder = (): string => this.#seen.record?.holder ?? "";

  /** As far as is known, nobody but this instance could lead now. */
  #isNeeded(): boolean {
    if (this.leads()) return false;
    return this.#seen.record === undefined || this.#seen.expiresInMs(this.#deps.clock.monotonicMs()) <= 0;
  }

  #failed({ code, message }: StatusError): void {
    if (finalCodes.has(code) && this.#isNeeded()) this.#problem = message;
    this.#failures += 1;
    if (this.#failures % failuresPerLine !== 1) return;
    this.#deps.log.warn("the Lease could not be read or renewed; trying again", {
      code,
      error: message,
      failures: this.#failures,
      leading: this.leads(),
      lease_holder: this.#holder(),
    });
  }
}

/** Resolves a conflict to false and rejects with everything else. */
function isConflict(reason: unknown): false {
  if (StatusError.from(reason).code === "aborted") return false;
  throw reason;
}
