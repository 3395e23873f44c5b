import { createLoopAges, type LoopAge } from "../../src/observability/loop-ages.ts";
import type { VirtualClock } from "../fakes/virtual-clock.ts";

const never = new AbortController().signal;

/** Ages of loops on a virtual clock, and the loops that the liveness probe would have found dead while time passed. */
export function watchLoops(clock: VirtualClock) {
  const ages = createLoopAges(clock);
  const late = (): string[] =>
    ages.read().flatMap(({ name, ageMs, allowedMs }) => (allowedMs === undefined || ageMs <= allowedMs ? [] : [name]));
  return {
    loops: ages,
    late,
    of: (name: string): LoopAge | undefined => ages.read().find((loop) => loop.name === name),
    /** Lets virtual time pass and looks every ten seconds. */
    async pass(ms: number): Promise<string[]> {
      const found = new Set<string>();
      for (let passedMs = 0; passedMs < ms; passedMs += 10_000) {
        await clock.sleep(10_000, never);
        for (const name of late()) found.add(name);
      }
      return [...found];
    },
  };
}
