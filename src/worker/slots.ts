import { StatusError, throwIfAborted } from "../baton/status-error.ts";

/** Gives the slot back; calling it again does nothing. */
export type ReleaseSlot = () => void;

/** A fixed number of slots, handed out in the order of asking. */
export interface Slots {
  readonly free: number;
  /** Takes a slot, waiting for one if all are taken. Rejects with the signal's reason as soon as it aborts. */
  acquire(signal: AbortSignal): Promise<ReleaseSlot>;
}

/** Slots for `count` holders at once. */
export function createSlots(count: number): Slots {
  const waiting = new Set<() => void>();
  let free = count;

  function giveBack(): void {
    const [next] = waiting;
    if (next === undefined) {
      free += 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  function turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      waiting.delete(onTurn);
      reject(StatusError.from(signal.reason));
    };
    const onTurn = (): void => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    waiting.add(onTurn);
    return promise;
  }

  return {
    get free() {
      return free;
    },
    async acquire(signal) {
      throwIfAborted(signal);
      if (free > 0) free -= 1;
      else await turn(signal);
      let held = true;
      return () => {
        if (held) giveBack();
        held = false;
      };
    },
  };
}
