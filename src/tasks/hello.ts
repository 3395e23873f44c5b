import type { C1Client } from "../baton/c1-client.ts";
import type { Clock, Random } from "../baton/clock.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { type RetryPolicy, withRetry } from "../baton/retry.ts";
import type { TaskHandler } from "../baton/task.ts";

export interface HelloDeps {
  readonly c1: Pick<C1Client, "hello">;
  readonly metadata: ConnectorMetadata;
  readonly clock: Clock;
  readonly random: Random;
}

const policy: RetryPolicy = {
  attempts: 4,
  initialDelayMs: 2_000,
  maxDelayMs: 15_000,
  maxRetryAfterMs: 60_000,
  retryOn: new Set(["unavailable", "deadline_exceeded", "resource_exhausted", "aborted", "internal", "unknown"]),
  // Nothing else tells C1 of the task: a few seconds without a network must not use up all attempts.
  leastShare: 0.5,
};

/** Introduces the connector once more, as C1 asked; Hello with the task's id is the answer to the task. */
export function createHello(deps: HelloDeps): TaskHandler<"hello"> {
  return async function hello(_input, { task, signal }) {
    await withRetry(() => deps.c1.hello(task.id, deps.metadata, signal), policy, deps, signal);
    return undefined;
  };
}
