import { type FSWatcher, watch } from "node:fs";
import type { Clock } from "../baton/clock.ts";
import { type Loops, longestCallMs, unwatchedLoops } from "../baton/loops.ts";

export interface WatchOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Milliseconds after the first event before the directory counts as changed: a swap makes several. */
  readonly debounceMs: number;
  /** Milliseconds between looks without any event: notifications get lost, and some mounts have none. */
  readonly safetyMs: number;
  readonly loops?: Loops;
}

/**
 * Calls `look` after each change of the directory and every `safetyMs`, one call at a time, until `signal` aborts. The
 * directory itself is watched, never a file of it, since a watch on a file ends with the first swap; should it be replaced,
 * the watch is set up anew. `look` must not reject. Resolves when the watch has ended; never rejects.
 */
export async function watchDirectory(
  options: WatchOptions,
  look: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, directory } = options;
  using loop = (options.loops ?? unwatchedLoops).enter("credentials");
  let current = openWatch(directory);
  while (!signal.aborted) {
    loop.within(options.safetyMs + options.debounceMs);
    await sleep(clock, options.safetyMs, AbortSignal.any([signal, current.changed]));
    if (current.changed.aborted) await sleep(clock, options.debounceMs, signal);
    // Before the look, so that a change during it is seen, and anew, because the directory itself may be another one.
    current.close();
    current = openWatch(directory);
    loop.within(longestCallMs);
    if (!signal.aborted) await look();
  }
  current.close();
}

interface Watch {
  /** Aborts at the first change. */
  readonly changed: AbortSignal;
  close(): void;
}

/** Where the directory cannot be watched, nothing is ever noticed; the safety look does the work then. */
function openWatch(directory: string): Watch {
  const changed = new AbortController();
  try {
    // The kinds of events differ between systems, so that every one counts.
    const watcher: FSWatcher = watch(directory, { persistent: false }, () => changed.abort());
    watcher.on("error", () => changed.abort());
    return { changed: changed.signal, close: () => watcher.close() };
  } catch {
    return { changed: changed.signal, close: () => undefined };
  }
}

async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch {
    // Ended early, which the caller sees.
  }
}
