import type { Clock, Random } from "../../src/baton/clock.ts";
import { createElector, type Elector, type ElectorTimes } from "../../src/kubernetes/elector.ts";
import { createLeaseStore, type LeaseStore } from "../fakes/lease-store.ts";
import { createRecordingLogger, type RecordingLogger } from "../fakes/recording-logger.ts";
import { createVirtualClock, type VirtualClock } from "../fakes/virtual-clock.ts";

/** How an instance's clocks differ from true time. */
export interface ClockFault {
  /** Its wall clock is ahead by so many milliseconds. */
  readonly skewMs?: number;
  /** All its clocks run so many times faster. */
  readonly rate?: number;
}

export interface Candidate {
  readonly name: string;
  readonly elector: Elector;
  readonly log: RecordingLogger;
  /** Virtual times of each begin and end of leading. */
  readonly changes: readonly { readonly atMs: number; readonly leading: boolean }[];
  readonly ended: Promise<void>;
  stop(): void;
}

export interface Election extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly store: LeaseStore;
  stand(name: string, options?: CandidateOptions): Candidate;
  /** Calls of this one fail from now on without effect, or work again. */
  cutOff(name: string, off?: boolean): void;
  /** Names of those who lead now. */
  leaders(): string[];
  /** Lets virtual time pass. */
  pass(ms: number): Promise<void>;
}

export interface CandidateOptions extends ClockFault {
  readonly strict?: boolean;
  readonly random?: Random;
  readonly times?: Partial<ElectorTimes>;
}

const forever = new AbortController().signal;

/** A Lease in memory and whoever stands for it, on a virtual clock. Disposing stops everybody. */
export function holdElection(): Election {
  const clock = createVirtualClock();
  const store = createLeaseStore(clock);
  const candidates: Candidate[] = [];
  const cut = new Set<string>();
  store.faults = ({ caller }) => (cut.has(caller) ? { outcome: "refused" } : {});
  return {
    clock,
    store,
    stand(name, options = {}) {
      const candidate = createCandidate(name, clock, store, options);
      candidates.push(candidate);
      return candidate;
    },
    cutOff(name, off = true) {
      if (off) cut.add(name);
      else cut.delete(name);
    },
    leaders: () => candidates.filter(({ elector }) => elector.leads()).map(({ name }) => name),
    pass: (ms) => clock.sleep(ms, forever),
    async [Symbol.asyncDispose]() {
      for (const { stop } of candidates) stop();
      await Promise.all(candidates.map(({ ended }) => ended));
      clock.freeze();
    },
  };
}

function createCandidate(name: string, trueClock: Clock, store: LeaseStore, options: CandidateOptions): Candidate {
  const log = createRecordingLogger();
  const changes: { atMs: number; leading: boolean }[] = [];
  const stop = new AbortController();
  const elector = createElector({
    lease: store.api(name),
    identity: name,
    strict: options.strict ?? false,
    clock: faultyClock(trueClock, options),
    random: options.random ?? (() => 0.5),
    times: options.times ?? {},
    log,
    onLeading: (leading) => changes.push({ atMs: trueClock.monotonicMs(), leading }),
  });
  return { name, elector, log, changes, ended: elector.run(stop.signal), stop: () => stop.abort() };
}

function faultyClock(clock: Clock, { skewMs = 0, rate = 1 }: ClockFault): Clock {
  return {
    nowMs: () => clock.nowMs() + skewMs,
    monotonicMs: () => clock.monotonicMs() * rate + 12_345,
    sleep: (ms, signal) => clock.sleep(ms / rate, signal),
  };
}
