import type { Clock } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";

/** One provisioning action, for its line in the log. */
export interface AuditedAction {
  readonly action: "create_account" | "delete_resource";
  /** `<type>:<id>`; for a person without an account yet, `email:` and the address, which the logger makes a digest of. */
  readonly target: string;
}

/**
 * Does the work and writes one line about it, however it ends: what was done to whom, with which result, and how long it
 * took. `log` is the task's logger, so that the line names the task.
 */
export async function audited<T extends { readonly kind: string }>(
  { action, target }: AuditedAction,
  deps: { readonly clock: Clock; readonly log: Logger },
  work: () => Promise<T>,
): Promise<T> {
  const { clock, log } = deps;
  const startedMs = clock.monotonicMs();
  const fields = (result: string) => ({
    action,
    target,
    result,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
  });
  let result: T;
  try {
    result = await work();
  } catch (reason) {
    log.warn("provisioning action", { ...fields("failed"), code: StatusError.from(reason).code });
    throw reason;
  }
  log.info("provisioning action", fields(result.kind));
  return result;
}
