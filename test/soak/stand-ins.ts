import { startVerbs, type VerbsProcess } from "../helpers/verbs-process.ts";
import type { FaultCount, FaultRates } from "./faults.ts";

export interface StandInOptions {
  readonly seed: number;
  /** Names the lane, so that two of the same seed differ. */
  readonly lane: string;
  readonly tasks: number;
  readonly rates: FaultRates;
  /** How many tasks C1 has ready at any time. */
  readonly ready: number;
  /** Only syncs, of a team of so many. */
  readonly syncsOf?: number;
  /** What C1 says when it is to be asked again, in milliseconds. */
  readonly pollMs: number;
}

/** A credential that can be swapped. */
export type Credential = "c1" | "cursor" | "scim";

/** How it all ended. */
export interface Outcome {
  /** Tasks that C1 had ready or gave out. */
  readonly offered: number;
  readonly ended: number;
  /** What is wrong with tasks, with the directory, or was with calls. */
  readonly problems: readonly string[];
  readonly faults: FaultCount;
  /** Ended tasks by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Tasks that C1 handed out again because it heard no more of them. */
  readonly handedOutAgain: number;
  /** Requests for tokens that were refused because the connector's clock was days off. */
  readonly refusedClocks: number;
  readonly largeSyncs: number;
  readonly mostAtOnce: number;
}

/** What the process of the stand-ins can be asked for. */
export interface Verbs {
  /** The variables of a connector between these stand-ins, which follows their Secret. */
  env(): Record<string, string>;
  /** Gives out tasks until so many have been, in the order of the plan. */
  feed(upTo: number): void;
  /** Resolves when so many tasks have ended. */
  waitForEnded(count: number): Promise<void>;
  /** How many have ended, and how many were ready or given out. */
  progress(): { readonly ended: number; readonly offered: number };
  /** From when the task of this number was handed out until the last one before `end` had ended, in seconds. */
  span(start: number, end: number): number;
  /** Nothing goes wrong, and polls are far between; or everything as before. */
  rest(resting: boolean): void;
  /** Resolves with the next poll. */
  waitForPoll(): Promise<void>;
  /** Writes a new credential into the Secret, while the one before is still good. */
  swap(credential: Credential): Promise<void>;
  /** The one before is good no more. */
  retire(credential: Credential): void;
  outcome(): Promise<Outcome>;
}

export type StandIns = VerbsProcess<Verbs>;

/** C1, Cursor, its directory and the Secret in a process of their own: what they take must not count as the connector's. */
export function startStandIns(options: StandInOptions): Promise<StandIns> {
  return startVerbs<Verbs>(new URL("./stand-ins-process.ts", import.meta.url), options);
}
