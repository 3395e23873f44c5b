import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** What the worker knows about itself, as the health endpoints need it. */
export interface WorkerStatus {
  readonly state: "starting" | "polling" | "standby" | "draining" | "stopped";
  /** Wall clock, milliseconds: when C1 last answered a poll; `undefined` before the first. */
  readonly lastPollSuccessMs: number | undefined;
  /** Wall clock, milliseconds: since when no poll has been answered; `undefined` while they are, or while none is due. */
  readonly pollFailingSinceMs: number | undefined;
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
  /** Proves the upstream credentials; one call to the vendor. */
  readonly validate: (signal: AbortSignal) => Promise<void>;
  /** A credential problem found at start that keeps the process from being ready, in words. */
  readonly credentialProblem: () => string | undefined;
}

export interface Health {
  live(): HealthAnswer;
  ready(): HealthAnswer;
  /** At most one validation per 30 s, and one at a time, so that probes never eat the vendor's rate budget. */
  health(): Promise<HealthAnswer>;
}

/** An outage of C1 makes the process unready only after this long without an answered poll. */
const pollStaleAfterMs = 10 * 60_000;
const validationCacheMs = 30_000;
const validationDeadlineMs = 30_000;

/** The three answers behind /live, /ready and /health. */
export function createHealth(deps: HealthDeps): Health {
  const cache: { answer: Promise<HealthAnswer> | undefined; atMs: number } = { answer: undefined, atMs: 0 };
  return {
    live: () => ({ ok: true, status: "alive", details: {} }),
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

function readiness({ worker, clock, credentialProblem }: HealthDeps): HealthAnswer {
  const { state, lastPollSuccessMs, pollFailingSinceMs } = worker();
  const sincePollMs = lastPollSuccessMs === undefined ? undefined : clock.nowMs() - lastPollSuccessMs;
  const details = {
    state,
    ...(sincePollMs === undefined ? {} : { seconds_since_last_poll: Math.round(sincePollMs / 1000) }),
  };
  const notReady = (error: string): HealthAnswer => ({
    ok: false,
    status: "not_ready",
    details: { error, ...details },
  });
  const problem = credentialProblem();
  if (problem !== undefined) return notReady(problem);
  if (state === "starting") return notReady("C1 has not answered Hello yet");
  if (state !== "polling" && state !== "standby") return notReady("the process is shutting down");
  // Not the age of the last poll: with every slot taken, none is due, and that is no outage.
  if (pollFailingSinceMs !== undefined && clock.nowMs() - pollFailingSinceMs > pollStaleAfterMs) {
    return notReady("C1 has not answered a poll for more than 10 minutes");
  }
  return { ok: true, status: "ready", details };
}

async function validation({ validate }: HealthDeps): Promise<HealthAnswer> {
  try {
    await validate(AbortSignal.timeout(validationDeadlineMs));
    return { ok: true, status: "healthy", details: {} };
  } catch (reason) {
    const error = StatusError.from(reason);
    return {
      ok: false,
      status: "unhealthy",
      details: { error: "connector validation failed", validation_error: error.message },
    };
  }
}
