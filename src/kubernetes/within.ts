import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** Runs `call` with a signal that aborts with `signal`, or with `deadline_exceeded` after `ms` milliseconds on `clock`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const late = new AbortController();
  clock.sleep(ms, ended.signal).then(
    () => {
      const seconds = Math.round(ms / 1000);
      late.abort(new StatusError("deadline_exceeded", `the Kubernetes API did not answer within ${seconds} s`));
    },
    () => undefined,
  );
  try {
    return await call(AbortSignal.any([signal, late.signal]));
  } finally {
    ended.abort();
  }
}
