import { clearTimeout, setTimeout } from "node:timers";
import type { Finish, UploadRecord } from "./types.ts";

/** Something that the client did which the real C1 would refuse. */
export interface Violation {
  readonly atMs: number;
  /** The RPC, or `token`, or `connection`. */
  readonly where: string;
  /** The field or part that is wrong. */
  readonly field: string;
  readonly message: string;
}

/** What happened at C1, in order. */
export type C1Event =
  | { readonly type: "token"; readonly status: number }
  | { readonly type: "hello"; readonly hostId: string; readonly taskId: string; readonly displayName: string }
  /** A poll was answered, with these tasks. */
  | { readonly type: "poll"; readonly hostId: string; readonly taskIds: readonly string[] }
  | { readonly type: "heartbeat"; readonly taskId: string; readonly beat: number; readonly cancelled: boolean }
  | { readonly type: "upload-started"; readonly taskId: string }
  | { readonly type: "upload-progress"; readonly taskId: string; readonly bytes: number }
  /** An upload stream has ended, accepted or not. */
  | { readonly type: "upload-finished"; readonly upload: UploadRecord }
  | { readonly type: "finish"; readonly finish: Finish }
  | { readonly type: "violation"; readonly violation: Violation };

/** Keeps everything that happened and tells who listens. Times are milliseconds on a clock that never jumps. */
export interface Recorder {
  readonly violations: readonly Violation[];
  violation(where: string, field: string, message: string): void;
  /** Returns the violations so far and forgets them. */
  takeViolations(): readonly Violation[];
  emit(event: C1Event): void;
  /** Asks the waiting conditions again. */
  touch(): void;
  /** Calls `listener` for every event until the returned function is called. */
  onEvent(listener: (event: C1Event) => void): () => void;
  /** The events from now on; ends when the server stops or the loop is left. */
  events(): AsyncGenerator<C1Event>;
  /** Resolves with the first answer of `look` that is neither undefined nor false; asked again whenever something happens. */
  until<T>(look: () => T | undefined | false, timeoutMs: number, what: string): Promise<T>;
  /** Ends the streams of events and fails what still waits. */
  close(): void;
}

/** Creates an empty recorder. */
export function createRecorder(): Recorder {
  const listeners = new Set<(event: C1Event) => void>();
  const waiting = new Set<() => void>();
  const closing = new AbortController();
  let violations: Violation[] = [];

  const recorder: Recorder = {
    get violations() {
      return violations;
    },
    violation(where, field, message) {
      const violation: Violation = { atMs: performance.now(), where, field, message };
      violations.push(violation);
      recorder.emit({ type: "violation", violation });
    },
    takeViolations() {
      const taken = violations;
      violations = [];
      return taken;
    },
    emit(event) {
      for (const listener of [...listeners]) listener(event);
      recorder.touch();
    },
    touch() {
      for (const ask of [...waiting]) ask();
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    events: () => streamEvents(recorder, closing.signal),
    until: (look, timeoutMs, what) => waitUntil(waiting, closing.signal, look, timeoutMs, what),
    close: () => closing.abort(),
  };
  return recorder;
}

async function waitUntil<T>(
  waiting: Set<() => void>,
  closed: AbortSignal,
  look: () => T | undefined | false,
  timeoutMs: number,
  what: string,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const ask = (): void => {
    try {
      const answer = look();
      if (answer !== undefined && answer !== false) resolve(answer);
    } catch (reason) {
      reject(reason);
    }
  };
  const stop = (): void => reject(new Error(`the fake C1 stopped while waiting for ${what}`));
  const timer = setTimeout(() => reject(new Error(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
  waiting.add(ask);
  closed.addEventListener("abort", stop);
  try {
    ask();
    if (closed.aborted) stop();
    return await promise;
  } finally {
    clearTimeout(timer);
    waiting.delete(ask);
    closed.removeEventListener("abort", stop);
  }
}

/** Listens from the call on, not from the first `next()`. */
function streamEvents(recorder: Recorder, closed: AbortSignal): AsyncGenerator<C1Event> {
  const queue: C1Event[] = [];
  let wake = (): void => undefined;
  const unsubscribe = recorder.onEvent((event) => {
    queue.push(event);
    wake();
  });
  const onClose = (): void => wake();
  closed.addEventListener("abort", onClose);

  async function* stream(): AsyncGenerator<C1Event> {
    try {
      while (!closed.aborted || queue.length > 0) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      unsubscribe();
      closed.removeEventListener("abort", onClose);
    }
  }
  return stream();
}
