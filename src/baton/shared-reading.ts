import { type Clock, type TimeLimit, timeLimit } from "./clock.ts";
import { StatusError, throwIfAborted } from "./status-error.ts";

/** Something expensive to read that several callers share. */
export interface SharedReading<T> {
  /**
   * A value whose reading began at most `maxAgeMs` before this call; 0 asks for one that begins now or later. Callers that
   * can share a reading do. Rejects as the reading does; on abort with the signal's reason, and the reading itself is given
   * up once nobody waits for it.
   */
  get(maxAgeMs: number, signal: AbortSignal): Promise<T>;
}

interface Running<T> {
  readonly startedMs: number;
  readonly result: Promise<T>;
  readonly abandon: AbortController;
  waiting: number;
}

/**
 * Shares what `read` gives. A value is kept for `keepMs` milliseconds; after that its memory is given back.
 */
export function createSharedReading<T>(
  read: (signal: AbortSignal) => Promise<T>,
  keepMs: number,
  clock: Clock,
): SharedReading<T> {
  let kept: { readonly startedMs: number; readonly value: T } | undefined;
  let keeping: TimeLimit | undefined;
  let running: Running<T> | undefined;

  function start(): Running<T> {
    const abandon = new AbortController();
    const startedMs = clock.monotonicMs();
    const started: Running<T> = { startedMs, result: read(abandon.signal), abandon, waiting: 0 };
    running = started;
    started.result.then(
      (value) => {
        if (running === started) running = undefined;
        keep(startedMs, value);
      },
      () => {
        if (running === started) running = undefined;
      },
    );
    return started;
  }

  function keep(startedMs: number, value: T): void {
    // A reading that was given up may end after the one that followed it.
    if (kept !== undefined && kept.startedMs > startedMs) return;
    kept = { startedMs, value };
    // Only memory depends on this timer, which does not hold the process; ages are judged by the clock.
    keeping?.[Symbol.dispose]();
    keeping = timeLimit(keepMs);
    keeping.signal.addEventListener("abort", () => {
      kept = undefined;
    });
  }

  async function join(reading: Running<T>, signal: AbortSignal): Promise<T> {
    reading.waiting += 1;
    try {
      return await untilAborted(reading.result, signal);
    } finally {
      reading.waiting -= 1;
      if (reading.waiting === 0) {
        if (running === reading) running = undefined;
        reading.abandon.abort(new StatusError("cancelled", "nobody waits for this reading any more"));
      }
    }
  }

  return {
    async get(maxAgeMs, signal) {
      throwIfAborted(signal);
      const oldestMs = clock.monotonicMs() - maxAgeMs;
      for (;;) {
        if (kept !== undefined && kept.startedMs >= oldestMs) return kept.value;
        if (running === undefined) return join(start(), signal);
        if (running.startedMs >= oldestMs) return join(running, signal);
        // Too old to be shared. Its end is waited for, so that there is never more than one at a time.
        const older = running.result.then(
          () => undefined,
          () => undefined,
        );
        await untilAborted(older, signal);
      }
    },
  };
}

/** What `promise` gives, or the signal's reason as soon as it aborts; the promise itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(StatusError.from(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
