import { untilAborted } from "./shared-reading.ts";

/** Lets work about the same thing happen one after the other, in the order of asking. */
export interface KeyedLock {
  /** Runs `work` when no earlier work with this key is left. Rejects as it does; while waiting, with the signal's reason. */
  run<T>(key: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A lock that holds nothing for keys that are not in use. */
export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<void>>();
  return {
    async run(key, work, signal) {
      const before = tails.get(key) ?? Promise.resolve();
      const { promise: done, resolve: release } = Promise.withResolvers<void>();
      // Not only its own end: a caller that gives up waiting must not let the next one in beside whoever runs.
      const tail = before
        .then(() => done)
        .then(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      tails.set(key, tail);
      try {
        await untilAborted(before, signal);
        return await work();
      } finally {
        release();
      }
    },
  };
}
