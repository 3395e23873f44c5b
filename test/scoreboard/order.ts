import type { Fault } from "../chaos/catalog/fault.ts";
import type { ProgramName } from "../chaos/injection.ts";
import { shuffled } from "../chaos/schedule.ts";

/**
 * The faults that can be played to a program, in the order of the seed: first those that both can be played, in the same order for
 * both, and each part spread evenly over the kinds. So whatever the time is enough for, it is comparable and leaves out no kind.
 */
export function inOrder(entries: readonly Fault[], program: ProgramName, seed: number): readonly Fault[] {
  const mixed = shuffled(entries, seed).filter(({ underTest }) => underTest.includes(program));
  const isCommon = ({ underTest }: Fault): boolean => underTest.length > 1;
  return [...spread(mixed.filter(isCommon)), ...spread(mixed.filter((entry) => !isCommon(entry)))];
}

/** One of each kind, then the next of each. */
function spread(entries: readonly Fault[]): readonly Fault[] {
  const turns = new Map<string, number>();
  const placed = entries.map((entry) => {
    const turn = turns.get(entry.target) ?? 0;
    turns.set(entry.target, turn + 1);
    return { entry, turn };
  });
  return placed.sort((one, other) => one.turn - other.turn).map(({ entry }) => entry);
}
