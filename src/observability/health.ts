import { type Clock, timeLimit } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { LoopAge } from "./loop-ages.ts";

/** What the worker knows about itself, as the health endpoints need it. */
export interface WorkerStatus {
  readonly state: "starting" | "polling" | "standby" | "draining" | "stopped";
  /** Wall clock, milliseconds: when C1 last answered a poll; `undefined` before the first. */
  readonly lastPollSuccessMs: number | undefined;
  /** For how many milliseconds no poll has been answered; `undefined` while they are, or while none is due. */
  readonly pollFailingForMs: number | undefined;
  /** How the last call for Hello or work failed; `undefined` when it did not. */
  readonly lastErrorCode: string | undefined;
}

/** One health answer; becomes the JSON body that baton-sdk's own health server gives. */
export interface HealthAnswer {
  readonly ok: boolean;
  readonly status: string;
  readonly details: Readonly<Record<string, string | number>>;
}

export interface HealthDeps {
  readonly clock: Clock;
  readonly worker: () => WorkerStatus;
  /** The loops of this process. */
  readonly loops: () => readonly LoopAge[];
  /** Proves the upstream credentials; one call to the vendor. */
  readonly validate: (signal: AbortSignal) => Promise<void>;
  /** A credential problem found at start that keeps the process from being ready, in words. */
  readonly credentialProblem: () => string | undefined;
  /** Takes secrets and people out of a text: whoever reaches the port can read it. */
  readonly clean: (text: string) => string;
}

export interface Health {
  /**
   * Whether the process itself works: each of its loops has moved in time. Never about others, so that no outage of theirs
   * restarts anything.
   */
  live(): HealthAnswer;
  /** Whether there is any use in it: credentials, Hello, and an answered poll within the last ten minutes of asking. */
  ready(): HealthAnswer;
  /** At most one validation per 30 s, and one at a time, so that probes never eat the vendor's rate budget. */
  health(): Promise<HealthAnswer>;
}

/**
 * An outage of C1 makes the process unready only after this long without an answered poll; one answer ends it. In between it
 * stays what it was, so that a C1 that answers now and then makes no flapping.
 */
const pollStaleAfterMs = 10 * 60_000;
const validationCacheMs = 30_000;
const validationDeadlineMs = 30_000;

/** The three answers behind /live, /ready and /health. */
export function createHealth(deps: HealthDeps): Health {
  const cache: { answer: Promise<HealthAnswer> | undefined; atMs: number } = { answer: undefined, atMs: 0 };
  return {
    live: () => liveness(deps.loops()),
    ready: () => readiness(deps),
    health() {
      const nowMs = deps.clock.monotonicMs();
      if (cache.answer === undefined || nowMs - cache.atMs >= validationCacheMs) {
        cache.atMs = nowMs;
        cache.answer = validation(deps);
      }
      return cache.answer;
    },
  };
}

function liveness(loops: readonly LoopAge[]): HealthAnswer {
  const ages = Object.fromEntries(loops.map(({ name, ageMs }) => [`${name}_loop_age_seconds`, seconds(ageMs)]));
  const resting = loops.filter(({ allowedMs }) => allowedMs === undefined).map(({ name }) => name);
  const details = { ...ages, ...(resting.length === 0 ? {} : { resting_loops: resting.join(", ") }) };
  const late = loops.flatMap(({ name, ageMs, allowedMs }) =>
    allowedMs === undefined || ageMs <= allowedMs
      ? []
      : [`the ${name} loop has stood still for ${seconds(ageMs)} s and was to move within ${seconds(allowedMs)} s`],
  );
  if (late.length === 0) return { ok: true, status: "alive", details };
  return { ok: false, status: "not_alive", details: { error: late.join("; "), ...details } };
}

function readiness({ worker, clock, credentialProblem, clean }: HealthDeps): HealthAnswer {
  const { state, lastPollSuccessMs, pollFailingForMs, lastErrorCode } = worker();
  const sincePollMs = lastPollSuccessMs === undefined ? undefined : Math.max(0, clock.nowMs() - lastPollSuccessMs);
  const details = {
    state,
    ...(sincePollMs === undefined ? {} : { seconds_since_last_poll: seconds(sincePollMs) }),
    ...(pollFailingForMs === undefined ? {} : { polls_failing_seconds: seconds(pollFailingForMs) }),
    ...(lastErrorCode === undefined ? {} : { last_error: lastErrorCode }),
  };
  const notReady = (error: string): HealthAnswer => ({
    ok: false,
    status: "not_ready",
    details: { error: clean(error), ...details },
  });
  const problem = credentialProblem();
  if (problem !== undefined) return notReady(problem);
  if (state === "starting") return notReady("C1 has not answered Hello yet");
  if (state !== "polling" && state !== "standby") return notReady("the process is shutting down");
  // Not the age of the last poll: with every slot taken, none is due, and that is no outage.
  if (pollFailingForMs !== undefined && pollFailingForMs > pollStaleAfterMs) {
    return notReady("C1 has not answered a poll for more than 10 minutes");
  }
  return { ok: true, status: "ready", details };
}

async function validation({ validate, clean }: HealthDeps): Promise<HealthAnswer> {
  using limit = timeLimit(validationDeadlineMs);
  try {
    await validate(limit.signal);
    return { ok: true, status: "healthy", details: {} };
  } catch (reason) {
    const error = StatusError.from(reason);
    return {
      ok: false,
      status: "unhealthy",
      details: { error: "connector validation failed", validation_error: clean(error.message) },
    };
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
