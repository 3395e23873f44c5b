import type { Clock, Random } from "../baton/clock.ts";
import { type RetryPolicy, withRetry } from "../baton/retry.ts";
import { StatusError } from "../baton/status-error.ts";
import { UploadError } from "./upload-stream.ts";

/** Five attempts, each from the first byte. Codes that would come again are not repeated. */
export const uploadRetryPolicy: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 1000,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 60_000,
  retryOn: new Set([
    "unavailable",
    "deadline_exceeded",
    "internal",
    "unknown",
    "aborted",
    "resource_exhausted",
    "data_loss",
  ]),
  // Five attempts within a moment would waste a sync of minutes on an outage of seconds.
  leastShare: 0.5,
};

export interface UploadDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Told before an upload starts again. */
  readonly onRetry: ((error: StatusError) => void) | undefined;
}

/**
 * Uploads until C1 has the file or repeating makes no sense; rejects with the last failure. `sendOnce` is one attempt from
 * the first byte. A complaint about the content of a complete file (`invalid_argument` after the checksum) is believed
 * only when the file, hashed and sent once more, gets it again. Stops at once when `signal` aborts.
 */
export async function uploadWithRetry(
  sendOnce: () => Promise<void>,
  deps: UploadDeps,
  signal: AbortSignal,
): Promise<void> {
  let complained = false;
  const hopeless = await withRetry(
    async (attempt) => {
      const failed = await uploadFailure(sendOnce);
      // Returned, not thrown: a broken file is not to be sent again whatever the code.
      if (failed === undefined || failed.stage === "local") return failed;
      const doubtful = failed.code === "invalid_argument" && failed.stage === "complete";
      if (!doubtful || complained || attempt === uploadRetryPolicy.attempts) throw failed;
      complained = true;
      throw new StatusError("data_loss", failed.message, { cause: failed });
    },
    uploadRetryPolicy,
    { clock: deps.clock, random: deps.random, onRetry: (error) => deps.onRetry?.(error) },
    signal,
  );
  if (hopeless !== undefined) throw hopeless;
}

/** How the attempt failed, undefined when it did not; what is no failure of the upload itself is thrown on. */
async function uploadFailure(sendOnce: () => Promise<void>): Promise<UploadError | undefined> {
  try {
    await sendOnce();
    return undefined;
  } catch (reason) {
    if (reason instanceof UploadError) return reason;
    throw reason;
  }
}
