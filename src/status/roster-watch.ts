import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../baton/clock.ts";
import type { Snapshot } from "../baton/connector.ts";
import { compareRosters, type RosterChanges, type RosterDigest, type Sliced, stateCount } from "./roster-digest.ts";
import { createRosterStates, type RosterStates } from "./roster-states.ts";
import { createRosterTap, type RosterTap } from "./roster-tap.ts";
import type { ChangesView } from "./view.ts";

/** Looks at snapshots as they are read, and compares each accepted one with the one before. */
export interface RosterWatch {
  /** The same snapshot, looked at while it is iterated. */
  watch(snapshot: Snapshot): Snapshot;
  /** C1 has what a snapshot of `watch` held. Returns the snapshot that was given to `watch`. */
  accepted(snapshot: Snapshot): Snapshot;
  /**
   * Compares what has been accepted by now and was not compared yet; for a large team that takes a while, during which others
   * go on. Resolves with what the last of it changed, and never rejects.
   */
  settle(): Promise<ChangesView>;
  /** What the last snapshot changed that was compared. */
  changes(): ChangesView;
}

export interface RosterWatchDeps {
  readonly clock: Clock;
  /** Remembers names, of teams that are not too large for that. */
  readonly showPeople: boolean;
}

const mostMoves = 6;
const firstCapacity = 1024;

/** Keeps 8 bytes a person between syncs, and the names of small teams where they may be shown. */
export function createRosterWatch({ clock, showPeople }: RosterWatchDeps): RosterWatch {
  const bytes = randomBytes(8);
  const seeds = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)] as const;
  const states = createRosterStates();
  const taps = new WeakMap<Snapshot, { readonly inner: Snapshot; readonly tap: RosterTap }>();
  let last: { readonly digest: RosterDigest; readonly atMs: number } | undefined;
  let changes: ChangesView = { kind: "none", reason: "No sync has been accepted since the start." };
  let capacity = firstCapacity;
  let waiting: Accepted | undefined;
  /** Comparisons go one after the other, in the order of the syncs. */
  let settled: Promise<ChangesView> = Promise.resolve(changes);

  async function compare({ atMs, tap }: Accepted): Promise<ChangesView> {
    const digest = await inTurns(tap.digest());
    if (digest === undefined) {
      changes = { kind: "none", reason: "The last sync left something out, so it is not compared." };
      return changes;
    }
    changes =
      last === undefined
        ? { kind: "none", reason: "There is no earlier sync of this process to compare with." }
        : view(await inTurns(compareRosters(last.digest, digest)), states, last.atMs, atMs);
    last = { digest, atMs };
    capacity = digest.people.length + firstCapacity;
    return changes;
  }

  function settle(): Promise<ChangesView> {
    const next = waiting;
    waiting = undefined;
    if (next !== undefined) settled = settled.then(() => compare(next));
    return settled;
  }

  return {
    watch(inner) {
      const tap = createRosterTap({ seeds, states, capacity, keepNames: showPeople });
      const watched: Snapshot = {
        resources: (type) => ({ [Symbol.iterator]: () => tap.resources(inner.resources(type)) }),
        entitlements: () => inner.entitlements(),
        grants: () => ({ [Symbol.iterator]: () => tap.grants(inner.grants()) }),
      };
      taps.set(watched, { inner, tap });
      return watched;
    },
    accepted(snapshot) {
      const found = taps.get(snapshot);
      if (found === undefined) return snapshot;
      taps.delete(snapshot);
      void settle();
      waiting = { tap: found.tap, atMs: clock.nowMs() };
      return found.inner;
    },
    settle,
    changes: () => changes,
  };
}

/** A snapshot that waits for its comparison. */
interface Accepted {
  readonly tap: RosterTap;
  readonly atMs: number;
}

async function inTurns<T>(work: Sliced<T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}

function view(
  { added, moves, names, removed, roleChanges }: RosterChanges,
  states: RosterStates,
  previousMs: number,
  acceptedMs: number,
): ChangesView {
  const sorted = [...moves].sort(([, one], [, other]) => other - one).slice(0, mostMoves);
  return {
    kind: "compared",
    previousMs,
    acceptedMs,
    added,
    removed,
    roleChanges,
    moves: sorted.map(([move, count]) => ({
      from: states.nameOf(Math.floor(move / stateCount)),
      to: states.nameOf(move % stateCount),
      count,
    })),
    names,
  };
}
