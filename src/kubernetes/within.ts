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

/** A signal that aborts `ms` after `stop`; disposing stops the timer. */
export function endAfter(clock: Clock, ms: number, stop: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const end = new AbortController();
  const disposed = new AbortController();
  const start = (): void => {
    clock.sleep(ms, disposed.signal).then(
      () => end.abort(new StatusError("unavailable", "the process ends")),
      () => undefined,
    );
  };
  if (stop.aborted) start();
  else stop.addEventListener("abort", start, { once: true });
  return {
    signal: end.signal,
    [Symbol.dispose]() {
      stop.removeEventListener("abort", start);
      disposed.abort();
    },
  };
}
