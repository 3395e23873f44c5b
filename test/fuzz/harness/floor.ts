import type { LoopResult } from "./loop.ts";

/** Why a run without a finding says nothing about its target: one reason each. `corpus` is how many kept inputs were replayed. */
export function emptiness(result: Omit<LoopResult, "kept">, corpus: number): readonly string[] {
  const { accepted, reached, runs } = result;
  return [
    ...(runs === 0 ? ["no input was made up"] : []),
    ...(accepted === 0 ? ["no input was accepted"] : []),
    ...(reached === 0 ? ["nothing of what it covers was reached"] : []),
    // That something new is found in the time is luck: it stands for no corpus.
    ...(corpus === 0 ? ["no kept input was replayed: FUZZ_KEEP=1 keeps some"] : []),
  ];
}
