import { setImmediate } from "node:timers/promises";

/** Resolves as soon as `condition` holds; rejects, naming `what`, when it does not within ten seconds of real time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await setImmediate();
  }
}
