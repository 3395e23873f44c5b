import { setTimeout as delay, setImmediate } from "node:timers/promises";

/** What is near comes within so many turns of the event loop; after that, waiting must not take the machine from others. */
const quickTurns = 200;

/** Resolves as soon as `condition` holds; rejects, naming `what`, when it does not within twenty seconds of real time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  for (let turns = 0; !condition(); turns += 1) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await (turns < quickTurns ? setImmediate() : delay(2));
  }
}
