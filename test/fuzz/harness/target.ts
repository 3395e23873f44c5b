import type { Random } from "./random.ts";

/** What a parser made of an input, for the statistics. A corpus must hold both. */
export type Verdict = "accepted" | "refused";

/** Makes a new input of an old one; `other` is another input to take parts from, `words` are texts that the parser knows. */
export type Mutator = (input: Uint8Array, other: Uint8Array, random: Random, words: readonly string[]) => Uint8Array;

/** A parser of outside data under a promise. */
export interface FuzzTarget {
  /** Also the name of its folder in `corpus`. */
  readonly name: string;
  /** Paths below src whose blocks count as reached; their string literals become `words`. */
  readonly covers: readonly string[];
  /** Inputs to begin with: something right, and something wrong. */
  readonly seeds: readonly (string | Uint8Array)[];
  readonly mutators: readonly Mutator[];
  /** Longer inputs are cut. */
  readonly maxBytes: number;
  /** Processor time that one input may take, in milliseconds. */
  readonly cpuLimitMs: number;
  /** Throws when the promise is broken; everything that a parser may do with bad input is a verdict. */
  run(input: Uint8Array): Verdict | Promise<Verdict>;
}

/** Bytes of a seed. */
export function bytesOf(seed: string | Uint8Array): Uint8Array {
  return typeof seed === "string" ? Buffer.from(seed) : seed;
}
