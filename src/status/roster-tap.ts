import type { Grant, Resource, UserResource } from "../baton/resource.ts";
import { disabledState, hash44, type RosterDigest, stateCount } from "./roster-digest.ts";
import { type RosterStates, withoutRole } from "./roster-states.ts";

export interface RosterTapOptions {
  /** Key of the hash. */
  readonly seeds: readonly [number, number];
  readonly states: RosterStates;
  /** How many people to make room for; it grows by itself. */
  readonly capacity: number;
  readonly keepNames: boolean;
}

/** Looks at the rows of one snapshot as they pass. */
export interface RosterTap {
  resources(rows: Iterable<Resource>): Generator<Resource>;
  grants(rows: Iterable<Grant>): Generator<Grant>;
  /** What passed; `undefined` unless people and grants have passed completely, once, and as sorted as they should be. */
  digest(): RosterDigest | undefined;
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
  #keys: Float64Array;
  #stateOf: Uint8Array;
  #count = 0;
  #names: Map<number, string> | undefined;
  #restarts = 0;
  #peopleOnce = false;
  #grantsOnce = false;
  #usable = true;

  constructor({ capacity, keepNames, seeds, states }: RosterTapOptions) {
    this.#seeds = seeds;
    this.#states = states;
    this.#keys = new Float64Array(capacity);
    this.#stateOf = new Uint8Array(capacity);
    this.#names = keepNames ? new Map() : undefined;
  }

  *resources(rows: Iterable<Resource>): Generator<Resource> {
    const before = this.#count;
    for (const row of rows) {
      if (row.kind === "user") this.#meet(row);
      yield row;
    }
    if (this.#count === before) return;
    // A second reading has counted everybody twice.
    if (this.#peopleOnce) this.#usable = false;
    this.#peopleOnce = true;
  }

  *grants(rows: Iterable<Grant>): Generator<Grant> {
    if (this.#grantsOnce) this.#usable = false;
    let of = "";
    let at = 0;
    let steps: Uint8Array = new Uint8Array(stateCount);
    for (const grant of rows) {
      const { entitlement } = grant;
      if (entitlement.id !== of) {
        of = entitlement.id;
        at = 0;
        steps = this.#states.stepsOf(entitlement);
      }
      const found = this.#find(hash44(grant.principal.resource, this.#seeds), at);
      if (found !== -1) {
        const state = this.#stateOf[found] ?? disabledState;
        this.#stateOf[found] = steps[state] || this.#states.step(state, entitlement);
        at = found + 1;
      }
      yield grant;
    }
    this.#grantsOnce = true;
  }

  digest(): RosterDigest | undefined {
    if (!this.#usable || !this.#peopleOnce || !this.#grantsOnce || this.#restarts > mostRestarts) return undefined;
    const people = this.#keys.slice(0, this.#count);
    for (let at = 0; at < people.length; at += 1) {
      people[at] = (people[at] ?? 0) * stateCount + (this.#stateOf[at] ?? disabledState);
    }
    return { people: people.sort(), names: this.#names };
  }

  #meet({ displayName, email, id, status }: UserResource): void {
    if (this.#count === this.#keys.length) this.#grow();
    const key = hash44(id.resource, this.#seeds);
    this.#keys[this.#count] = key;
    this.#stateOf[this.#count] = status === "enabled" ? withoutRole : disabledState;
    this.#count += 1;
    this.#names?.set(key, email ?? displayName);
    if (this.#count > mostNamed) this.#names = undefined;
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    const states = new Uint8Array(keys.length);
    keys.set(this.#keys);
    states.set(this.#stateOf);
    this.#keys = keys;
    this.#stateOf = states;
  }

  /** Index of a person, looked for from `from` on and then from the beginning; -1 when there is none, or too much to do. */
  #find(key: number, from: number): number {
    if (this.#restarts > mostRestarts) return -1;
    const keys = this.#keys;
    for (let at = from; at < this.#count; at += 1) if (keys[at] === key) return at;
    this.#restarts += 1;
    for (let at = 0; at < from; at += 1) if (keys[at] === key) return at;
    return -1;
  }
}
