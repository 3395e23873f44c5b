import { randomBytes } from "node:crypto";
import type { Clock } from "../baton/clock.ts";
import type { Snapshot } from "../baton/connector.ts";
import { compareRosters, type RosterChanges, type RosterDigest, stateCount } from "./roster-digest.ts";
import { createRosterStates, type RosterStates } from "./roster-states.ts";
import { createRosterTap, type RosterTap } from "./roster-tap.ts";
import type { ChangesView } from "./view.ts";

/** Looks at snapshots as they are read, and compares each accepted one with the one before. */
export interface RosterWatch {
  /** The same snapshot, looked at while it is iterated. */
  watch(snapshot: Snapshot): Snapshot;
  /** C1 has what a snapshot of `watch` held. Returns the snapshot that was given to `watch`. */
  accepted(snapshot: Snapshot): Snapshot;
  /** What the last accepted snapshot changed; it is compared when this is called, which takes a while for a large team. */
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
  let waiting: { readonly tap: RosterTap; readonly atMs: number } | undefined;

  function compare(digest: RosterDigest | undefined, atMs: number): void {
    if (digest === undefined) {
      changes = { kind: "none", reason: "The last sync left something out, so it is not compared." };
      return;
    }
    changes =
      last === undefined
        ? { kind: "none", reason: "There is no earlier sync of this process to compare with." }
        : view(compareRosters(last.digest, digest), states, last.atMs, atMs);
    last = { digest, atMs };
    capacity = digest.people.length + firstCapacity;
  }

  function settle(): void {
    if (waiting !== undefined) compare(waiting.tap.digest(), waiting.atMs);
    waiting = undefined;
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
      settle();
      waiting = { tap: found.tap, atMs: clock.nowMs() };
      return found.inner;
    },
    changes() {
      settle();
      return changes;
    },
  };
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
