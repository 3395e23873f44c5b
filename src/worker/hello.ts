import type { C1Client } from "../baton/c1-client.ts";
import { type Clock, jitter, type Random } from "../baton/clock.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import type { Logger } from "../baton/logger.ts";
import { type LoopWatch, longestCallMs } from "../baton/loops.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";

export interface HelloDeps {
  readonly c1: Pick<C1Client, "hello">;
  readonly metadata: ConnectorMetadata;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of each failure that is followed by another attempt. */
  readonly onFailure?: (code: StatusCode) => void;
}

/**
 * Repeating Hello cannot change these. An unreachable token endpoint is not among them: it arrives as `unavailable` or
 * `deadline_exceeded`, and only a real rejection of the credentials as `unauthenticated`.
 */
const permanentCodes: ReadonlySet<StatusCode> = new Set([
  "unauthenticated",
  "permission_denied",
  "invalid_argument",
  "unimplemented",
  "failed_precondition",
  "not_found",
]);

const firstWaitMs = 1_000;
const longestWaitMs = 5 * 60_000;
const jitterShare = 0.2;

/**
 * Introduces the connector to C1, for as long as it takes: waits 1, 2, 4 … s up to 5 min, ±20 %, between attempts.
 * Resolves to false when `stop` aborted first. Throws the StatusError of an answer that repeating cannot change.
 */
export async function introduce(deps: HelloDeps, watch: LoopWatch, stop: AbortSignal): Promise<boolean> {
  const { c1, metadata, clock, random, log } = deps;
  for (let attempt = 1; !stop.aborted; attempt += 1) {
    watch.within(longestCallMs);
    try {
      await c1.hello("", metadata, stop);
      return true;
    } catch (reason) {
      if (stop.aborted) break;
      const error = StatusError.from(reason);
      if (permanentCodes.has(error.code)) throw error;
      const waitMs = jitter(Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs), jitterShare, random);
      log.warn("C1 cannot be reached yet; Hello is tried again", {
        code: error.code,
        error: error.message,
        attempt,
        waitMs: Math.round(waitMs),
      });
      deps.onFailure?.(error.code);
      watch.within(waitMs);
      await pause(clock, waitMs, stop);
    }
  }
  return false;
}

async function pause(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, stop);
  } catch (reason) {
    if (!stop.aborted) throw reason;
  }
}
