import type { ProgramName } from "../injection.ts";
import { describe, type Outcome } from "./outcome.ts";

/** What must come of an injection, what came of it, and what a task comes to that nothing happens to. */
export interface Case {
  readonly expected: Outcome;
  readonly outcome: Outcome;
  readonly plain: Outcome;
}

/**
 * Whether a program has done what it must. Ours is held to the letter of its documents. Of another program it is asked that
 * nothing is lost or wrong: any honest failure is as good as another, any exit code as good as another, the same team may be
 * uploaded more than once, and a task that is done rightly is as good as one that is given up.
 */
export function holds(program: ProgramName, { expected, outcome, plain }: Case): boolean {
  if (program === "baton-cursor") return describe(outcome) === describe(expected);
  const found = describe(meaning(outcome));
  return found === describe(meaning(expected)) || found === describe(meaning(plain));
}

/** The outcome without what only a program's own documents say. */
function meaning({ content, ending, ...rest }: Outcome): Outcome {
  return {
    ...rest,
    ending: ending.replace(/^code \d+ /, "failed ").replace(/^exit [1-9]\d*$/, "exit with a failure"),
    content: content.replace(/^\d+ × /, ""),
  };
}
