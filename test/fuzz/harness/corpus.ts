import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Inputs that are kept in the repository, a folder for each target. */
export const corpusDirectory = new URL("../corpus/", import.meta.url).pathname;

/** An input that is kept. */
export interface Kept {
  readonly file: string;
  readonly input: Uint8Array;
}

/** The kept inputs of a target in the order of their names; none where it has no folder. */
export function readCorpus(target: string, directory = corpusDirectory): Kept[] {
  const folder = join(directory, target);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => ({ file, input: readFileSync(join(folder, file)) }));
}

/** Longer inputs are not kept. */
const maxKeptBytes = 8 * 1024;

/** Puts these inputs in a target's folder, but for very long ones. Those that were given a name by hand stay as they are. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[], directory = corpusDirectory): void {
  const folder = join(directory, target);
  mkdirSync(folder, { recursive: true });
  for (const { file } of readCorpus(target, directory)) if (isHashName(file)) rmSync(join(folder, file));
  const named = new Set(readCorpus(target, directory).map(({ input }) => hashName(input)));
  for (const input of inputs) {
    if (input.length <= maxKeptBytes && !named.has(hashName(input)))
      writeFileSync(join(folder, hashName(input)), input);
  }
}

/** Name of a file for an input that nobody named. */
export function hashName(input: Uint8Array): string {
  return createHash("sha256").update(input).digest("hex").slice(0, 12);
}

function isHashName(file: string): boolean {
  return /^[0-9a-f]{12}$/.test(file);
}
