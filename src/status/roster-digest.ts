import type { ChangedNames } from "./view.ts";

/**
 * Who is in a team and with which role, as 8 bytes a person: 44 bits of a keyed hash of the id and 8 of the state. Among a
 * million people two ids may share a hash once in some 40 teams, and then a change of one of them may go uncounted.
 */
export interface RosterDigest {
  /** `hash * stateCount + state`, ascending. */
  readonly people: Float64Array;
  /** Names by hash; `undefined` where they are not to be shown or would take too much room. */
  readonly names: ReadonlyMap<number, string> | undefined;
}

export const stateCount = 256;

/** Work in slices of a few milliseconds: at each `yield` others may go first. */
export type Sliced<T> = Generator<undefined, T>;

/** So many people make a slice. */
export const perSlice = 8_192;

/** Somebody who is there and cannot log in; every other state is active. */
export const disabledState = 0;

/** 44 bits of a hash of `text`: fast, not secret, different for each pair of seeds. */
export function hash44(text: string, [seed1, seed2]: readonly [number, number]): number {
  let high = seed1;
  let low = seed2;
  const { length } = text;
  // Two units at a time, because this runs for everybody. Past the end there is NaN, which counts as 0.
  for (let at = 0; at < length; at += 2) {
    const unit = text.charCodeAt(at) ^ (text.charCodeAt(at + 1) << 16);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high ^= length;
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return (high >>> 0) * 0x1000 + (low >>> 20);
}

/** How one team differs from another. */
export interface RosterChanges {
  readonly added: number;
  readonly removed: number;
  readonly roleChanges: number;
  /** How often each change from one active state to another occurs: `before * stateCount + now`. */
  readonly moves: ReadonlyMap<number, number>;
  readonly names: ChangedNames | undefined;
}

/** `people` in ascending order. Hashes are spread evenly, so that their beginnings part them into small heaps. */
export function* sortPeople(people: Float64Array): Sliced<Float64Array> {
  if (people.length <= perSlice) return people.sort();
  const heaps = Array.from({ length: 256 }, (): number[] => []);
  for (const [at, person] of people.entries()) {
    if ((at + 1) % perSlice === 0) yield;
    heaps[Math.floor(person / 2 ** 44)]?.push(person);
  }
  let filled = 0;
  for (const heap of heaps) {
    yield;
    people.set(Float64Array.from(heap).sort(), filled);
    filled += heap.length;
  }
  return people;
}

const mostNames = 10;

/** One walk through both, which are in the same order. */
export function* compareRosters(before: RosterDigest, now: RosterDigest): Sliced<RosterChanges> {
  const added: number[] = [];
  const removed: number[] = [];
  const changed: number[] = [];
  const moves = new Map<number, number>();
  const counts = { added: 0, removed: 0, roleChanges: 0 };
  const note = (list: number[], key: number): void => {
    if (list.length < mostNames) list.push(key);
  };
  yield* walk(before.people, now.people, (key, old, current) => {
    if (old === current) return;
    if (old === disabledState) {
      counts.added += 1;
      note(added, key);
    } else if (current === disabledState) {
      counts.removed += 1;
      note(removed, key);
    } else {
      const move = old * stateCount + current;
      counts.roleChanges += 1;
      moves.set(move, (moves.get(move) ?? 0) + 1);
      note(changed, key);
    }
  });
  if (before.names === undefined || now.names === undefined) return { ...counts, moves, names: undefined };
  const named = (keys: readonly number[]): string[] =>
    keys.flatMap((key) => now.names?.get(key) ?? before.names?.get(key) ?? []);
  return { ...counts, moves, names: { added: named(added), removed: named(removed), roleChanges: named(changed) } };
}

/** Calls `visit` for everybody in either team; who is not there counts as disabled. */
function* walk(
  before: Float64Array,
  now: Float64Array,
  visit: (key: number, old: number, current: number) => void,
): Sliced<void> {
  let left = 0;
  let right = 0;
  for (let steps = 1; left < before.length || right < now.length; steps += 1) {
    if (steps % perSlice === 0) yield;
    const old = before[left] ?? Number.POSITIVE_INFINITY;
    const current = now[right] ?? Number.POSITIVE_INFINITY;
    if (old === current) {
      left += 1;
      right += 1;
      continue;
    }
    const oldKey = Math.floor(old / stateCount);
    const currentKey = Math.floor(current / stateCount);
    if (oldKey <= currentKey) left += 1;
    if (currentKey <= oldKey) right += 1;
    const key = Math.min(oldKey, currentKey);
    visit(key, stateIn(old, key), stateIn(current, key));
  }
}

function stateIn(person: number, key: number): number {
  return Math.floor(person / stateCount) === key ? person - key * stateCount : disabledState;
}
