import type { C1Client, Upload } from "../baton/c1-client.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";
import type { TaskRun } from "../baton/task.ts";

/** The log of one task in a private file, redacted and bounded by whoever makes it. Disposing removes the file and never rejects. */
export interface DebugLog extends AsyncDisposable {
  /** Closes the file and describes it; `undefined` when there is nothing to upload. */
  finish(): Promise<Upload | undefined>;
}

/** Opens the file for the task that it is called from: from then on all lines of that task are written to it as well. */
export type OpenDebugLog = () => Promise<DebugLog>;

/** The debug log of a task for which C1 wants one. A log that cannot be opened is a warning, never a failure. */
export async function openForTask(open: OpenDebugLog | undefined, run: TaskRun): Promise<DebugLog | undefined> {
  if (open === undefined || !run.task.debug) return undefined;
  try {
    return await open();
  } catch (reason) {
    warn(run.log, "opened", reason);
    return undefined;
  }
}

/** Sends the log as the task's second asset. Failing to is a warning: the sync is what matters. */
export async function uploadDebugLog(
  debugLog: DebugLog,
  c1: Pick<C1Client, "uploadAsset">,
  run: TaskRun,
): Promise<void> {
  try {
    const upload = await debugLog.finish();
    if (upload !== undefined) await c1.uploadAsset(run.task.id, upload, run.signal);
  } catch (reason) {
    warn(run.log, "uploaded", reason);
  }
}

function warn(log: Logger, what: string, reason: unknown): void {
  const { code, message } = StatusError.from(reason);
  log.warn(`the debug log that C1 asked for could not be ${what}`, { code, error: message });
}
