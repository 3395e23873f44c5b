import type { ChaosStage } from "../program.ts";
import { type Moment, watchMoments } from "../sweeps/moments.ts";

/** Something that is done once, when a request comes. */
export interface Ambush extends Disposable {
  readonly happened: boolean;
}

/** The moments in a task at which the machine fails. */
export const moments = {
  collecting: ["Cursor GET /teams/members", "received"],
  uploading: ["UploadAsset data", "received"],
  provisioning: ["POST /Users", "received"],
} as const;

/** Does it while the first such request waits. What it rejects with is the stand-in's failure. */
export function when(stage: ChaosStage, [name, moment]: readonly [string, Moment], act: () => unknown): Ambush {
  let happened = false;
  let begun = false;
  const watch = watchMoments(stage, async (seen, at) => {
    if (begun || seen !== name || at !== moment) return undefined;
    begun = true;
    await act();
    happened = true;
    return undefined;
  });
  return {
    get happened() {
      return happened;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** When the machine fails: while the process waits for its next poll, or at one of the moments in a task. */
export type MomentName = keyof typeof moments | "polling";

/** Does it now, before C1 has the task, or at the moment. */
export async function playAt(stage: ChaosStage, phase: MomentName, act: () => unknown): Promise<Ambush> {
  if (phase !== "polling") return when(stage, moments[phase], act);
  await act();
  return { happened: true, [Symbol.dispose]: () => undefined };
}
