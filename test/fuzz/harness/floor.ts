import type { LoopResult } from "./loop.ts";

/** Why a run without a finding says nothing about its target: one reason each. `corpus` is how many kept inputs were replayed. */
export function emptiness(result: Omit<LoopResult, "kept">, corpus: number): readonly string[] {
  const { accepted, newInputs, reached, runs } = result;
  return [
    ...(runs === 0 ? ["no input was made up"] : []),
    ...(accepted === 0 ? ["no input was accepted"] : []),
    ...(reached === 0 ? ["nothing of what it covers was reached"] : []),
    ...(newInputs === 0 && corpus === 0 ? ["no kept input was replayed and none reached anything new"] : []),
  ];
}
