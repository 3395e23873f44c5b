import type { Grant, Resource, UserResource } from "../baton/resource.ts";
import {
  disabledState,
  hash44,
  perSlice,
  type RosterDigest,
  type Sliced,
  sortPeople,
  stateCount,
} from "./roster-digest.ts";
import { type RosterStates, withoutRole } from "./roster-states.ts";

export interface RosterTapOptions {
  /** Key of the hash. */
  readonly seeds: readonly [number, number];
  readonly states: RosterStates;
  /** How many people to make room for; it grows by itself. */
  readonly capacity: number;
  readonly keepNames: boolean;
}

/** Looks at the rows of one snapshot as they pass, which must cost next to nothing. */
export interface RosterTap {
  resources(rows: Iterable<Resource>): Iterator<Resource>;
  grants(rows: Iterable<Grant>): Iterator<Grant>;
  /** What passed, which is worked out only now; `undefined` unless people and grants have passed completely, once, and as sorted as they should be. */
  digest(): Sliced<RosterDigest | undefined>;
}

/** From here on names are not kept: they would take more room than everything else. */
const mostNamed = 20_000;
/** Grants of a role come in the order of the people. In another order, looking for each would take too long. */
const mostRestarts = 100;

/** A tap through which nothing has passed. */
export function createRosterTap(options: RosterTapOptions): RosterTap {
  return new Tap(options);
}

class Tap implements RosterTap {
  readonly #seeds: readonly [number, number];
  readonly #states: RosterStates;
  /** By person, in the order of passing. */
  readonly #ids: string[] = [];
  #stateOf: Uint8Array;
  #names: string[] | undefined;
  #restarts = 0;
  #peopleOnce = false;
  #grantsOnce = false;
  #usable = true;
  /** Of the grants that pass: their entitlement, where it leads from each state, and who comes next. */
  #entitlementId = "";
  #steps: Uint8Array = new Uint8Array(stateCount);
  #next = 0;

  constructor({ capacity, keepNames, seeds, states }: RosterTapOptions) {
    this.#seeds = seeds;
    this.#states = states;
    this.#stateOf = new Uint8Array(capacity);
    this.#names = keepNames ? [] : undefined;
  }

  resources(rows: Iterable<Resource>): Iterator<Resource> {
    const before = this.#ids.length;
    return tapped(
      rows,
      (row) => {
        if (row.kind === "user") this.#meet(row);
      },
      () => {
        if (this.#ids.length === before) return;
        // A second reading has counted everybody twice.
        if (this.#peopleOnce) this.#usable = false;
        this.#peopleOnce = true;
      },
    );
  }

  grants(rows: Iterable<Grant>): Iterator<Grant> {
    if (this.#grantsOnce) this.#usable = false;
    return tapped(
      rows,
      (grant) => this.#give(grant),
      () => {
        this.#grantsOnce = true;
      },
    );
  }

  *digest(): Sliced<RosterDigest | undefined> {
    if (!this.#usable || !this.#peopleOnce || !this.#grantsOnce || this.#restarts > mostRestarts) return undefined;
    const people = new Float64Array(this.#ids.length);
    const names = this.#names === undefined ? undefined : new Map<number, string>();
    for (const [at, id] of this.#ids.entries()) {
      if ((at + 1) % perSlice === 0) yield;
      const key = hash44(id, this.#seeds);
      people[at] = key * stateCount + (this.#stateOf[at] ?? disabledState);
      names?.set(key, this.#names?.[at] ?? "");
    }
    return { people: yield* sortPeople(people), names };
  }

  #meet({ displayName, email, id, status }: UserResource): void {
    const at = this.#ids.push(id.resource) - 1;
    if (at === this.#stateOf.length) this.#grow();
    this.#stateOf[at] = status === "enabled" ? withoutRole : disabledState;
    if (this.#names === undefined) return;
    this.#names.push(email ?? displayName);
    if (at >= mostNamed) this.#names = undefined;
  }

  #give({ entitlement, principal }: Grant): void {
    if (entitlement.id !== this.#entitlementId) {
      this.#entitlementId = entitlement.id;
      this.#steps = this.#states.stepsOf(entitlement);
      this.#next = 0;
    }
    const at = this.#find(principal.resource, this.#next);
    if (at === -1) return;
    const state = this.#stateOf[at] ?? disabledState;
    this.#stateOf[at] = this.#steps[state] || this.#states.step(state, entitlement);
    this.#next = at + 1;
  }

  #grow(): void {
    const states = new Uint8Array(this.#stateOf.length * 2);
    states.set(this.#stateOf);
    this.#stateOf = states;
  }

  /** Index of a person, looked for from `from` on and then from the beginning; -1 when there is none, or too much to do. */
  #find(id: string, from: number): number {
    if (this.#restarts > mostRestarts) return -1;
    const ids = this.#ids;
    for (let at = from; at < ids.length; at += 1) if (ids[at] === id) return at;
    this.#restarts += 1;
    for (let at = 0; at < from; at += 1) if (ids[at] === id) return at;
    return -1;
  }
}

/** Iterates as `rows` do. By hand, because one more generator for each row would cost as much as all the rest. */
function tapped<Row>(rows: Iterable<Row>, onRow: (row: Row) => void, onEnd: () => void): Iterator<Row> {
  const inner = rows[Symbol.iterator]();
  return {
    next() {
      const result = inner.next();
      if (result.done === true) onEnd();
      else onRow(result.value);
      return result;
    },
    return(value?: unknown) {
      return inner.return?.(value) ?? { done: true, value };
    },
  };
}
