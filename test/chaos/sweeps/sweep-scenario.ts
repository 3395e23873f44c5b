import type { AccountStage } from "../../integration/account-stage.ts";
import type { CallPoint } from "./calls.ts";
import type { Interruption } from "./interrupt.ts";
import type { Point } from "./moments.ts";
import type { Scenario } from "./scene.ts";

/**
 * What the first process may have told C1 of the task: nothing; that it gives the task back because it stops; that it is done.
 */
export type Told = "nothing" | "given back" | "done";

/** At a point where the task and something else go on at the same time, all of them are right. */
export const anything: readonly Told[] = ["nothing", "given back", "done"];

/** A task and what has to come of it, wherever it is interrupted. */
export interface SweepScenario extends Scenario {
  /** Names of requests without which the scenario would prove nothing, in order. */
  readonly steps: readonly string[];
  /** At which of the calls on its private files it is interrupted as well. */
  readonly keepsCall?: (point: CallPoint) => boolean;
  /** Leaves out the points of other scenarios. */
  narrow(points: readonly Point[]): readonly Point[];
  /** What a process that is asked to stop at this point may have told C1. */
  mayTell(point: Point): readonly Told[];
  /** Looks at the stage before anything happens; what it returns judges what was made of it. */
  observe(stage: AccountStage): (interruption: Interruption) => void | Promise<void>;
}
