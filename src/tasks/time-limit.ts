import { timeLimit } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** A change takes seconds; with a slow directory that asks for patience, minutes. It must not hold a task slot for hours. */
const limitMs = 30 * 60_000;

/**
 * Runs `work` for at most half an hour. Rejects as it does, with `deadline_exceeded` at the limit, and with the signal's reason
 * on abort; in the last two cases the change may have been made.
 */
export async function withTimeLimit<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using limit = timeLimit(limitMs);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } catch (reason) {
    if (signal.aborted || !limit.signal.aborted) throw reason;
    throw new StatusError(
      "deadline_exceeded",
      `the change was not finished within ${limitMs / 60_000} minutes, because Cursor or the SCIM directory asks for fewer requests or does not answer: look whether it was made before it is asked for again`,
    );
  }
}
