import type { Entitlement } from "../baton/resource.ts";
import { disabledState, stateCount } from "./roster-digest.ts";

/** The states that people are in, each a number below 256: disabled, without a role, and each set of roles that was met. */
export interface RosterStates {
  /** Where a grant of `entitlement` leads from each state; 0 where that has not been asked yet. */
  stepsOf(entitlement: Entitlement): Uint8Array;
  /** The same for one state, asked. */
  step(state: number, entitlement: Entitlement): number;
  nameOf(state: number): string;
}

/** The state of somebody who can log in and has no role so far. */
export const withoutRole = 1;
/** Stands for all sets of roles that come too late to have a number of their own. */
const lastState = stateCount - 1;

/** States keep their numbers for the life of the process, so that syncs can be compared. */
export function createRosterStates(): RosterStates {
  const names = ["disabled", "no role"];
  const steps = new Map<string, Uint8Array>();

  function stateNamed(name: string): number {
    const known = names.indexOf(name);
    if (known !== -1) return known;
    return names.length < lastState ? names.push(name) - 1 : lastState;
  }

  function stepsOf({ id }: Entitlement): Uint8Array {
    const found = steps.get(id) ?? new Uint8Array(stateCount);
    steps.set(id, found);
    return found;
  }

  return {
    stepsOf,
    step(state, entitlement) {
      if (state === disabledState || state === lastState) return state;
      const { displayName } = entitlement.resource;
      const next = stateNamed(state === withoutRole ? displayName : `${names[state]} + ${displayName}`);
      stepsOf(entitlement)[state] = next;
      return next;
    },
    nameOf: (state) => names[state] ?? "other roles",
  };
}
