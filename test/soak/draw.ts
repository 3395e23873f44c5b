import { createHash } from "node:crypto";

/** What decides: the same words always give the same number. */
export type Draw = (...words: readonly (number | string)[]) => number;

/** Numbers in [0, 1) that depend on nothing but the seed and the words of each draw, in whatever order they are drawn. */
export function drawsOf(seed: number): Draw {
  return (...words) =>
    createHash("sha256")
      .update([seed, ...words].join("/"))
      .digest()
      .readUInt32LE() /
    2 ** 32;
}

/** One of several, each as likely as its weight says. */
export function pick<T>(drawn: number, choices: readonly { readonly weight: number; readonly what: T }[]): T {
  const whole = choices.reduce((sum, { weight }) => sum + weight, 0);
  let left = drawn * whole;
  for (const { weight, what } of choices) {
    left -= weight;
    if (left < 0) return what;
  }
  throw new Error("nothing to choose from");
}
