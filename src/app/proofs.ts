import { StatusError } from "../baton/status-error.ts";
import type { AppDeps } from "./deps.ts";
import type { Parts } from "./parts.ts";

/**
 * Asks Cursor and the SCIM directory once whether they accept their credentials, beside whatever comes next: C1 shall hear of
 * the connector whatever others say. Disposing waits for the answers, after `stop` aborts them. Where members whom the
 * directory does not know may be removed, it is asked first, and a failure rejects: a directory that does not answer must not
 * be taken for one without people.
 */
export async function proveAtStart(deps: AppDeps, parts: Parts, stop: AbortSignal): Promise<AsyncDisposable> {
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const strict = deps.config.cursorRemoveUnmanaged;
  if (strict) await proveDirectory(deps, parts, signal);
  const proofs = Promise.all([
    proveCursor(deps, parts, signal),
    strict ? undefined : proveDirectory(deps, parts, signal),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await proofs;
    },
  };
}

/**
 * While Cursor rejects the key (401 or 403), /ready says so, so that a rollout with a wrong key stops. Other failures are left
 * to the syncs. Never rejects.
 */
async function proveCursor({ log }: AppDeps, { connector, credentials }: Parts, signal: AbortSignal): Promise<void> {
  const key = credentials.cursor.active();
  if (key === undefined) return;
  try {
    await connector.validate(signal);
  } catch (reason) {
    const error = StatusError.from(reason);
    const { code, message } = error;
    if (!isRefusal(error) || credentials.cursor.active() !== key) return;
    credentials.cursor.suspect(error);
    log.error("the connector is not ready: Cursor does not accept the key", { code, error: message });
  }
}

/**
 * A failure is logged, and rejects where a directory is needed to tell whom to remove, unless it is about credentials that
 * can still be put right.
 */
async function proveDirectory(
  { config, log }: AppDeps,
  { connector, credentials }: Parts,
  signal: AbortSignal,
): Promise<void> {
  if (!config.provisioning || connector.accounts === undefined) return;
  // What is wrong with them was said when they were read.
  if (credentials.scim.active() === undefined) return;
  try {
    await connector.accounts.validate(signal);
  } catch (reason) {
    if (signal.aborted) return;
    const error = StatusError.from(reason);
    if (config.cursorRemoveUnmanaged && !(credentials.rotates && isRefusal(error))) throw error;
    const { code, message } = error;
    log.error("accounts cannot be created or deleted: the SCIM directory does not answer as it should", {
      code,
      error: message,
    });
  }
}

/** Whether a service does not accept the credentials, rather than being out of order. */
function isRefusal({ code }: StatusError): boolean {
  return code === "unauthenticated" || code === "permission_denied";
}
