import { setImmediate } from "node:timers/promises";
import { type Coverage, startCoverage } from "./coverage.ts";
import { assertPrototypesIntact } from "./prototypes.ts";
import { createRandom } from "./random.ts";
import type { Slot } from "./slot.ts";
import { bytesOf, type FuzzTarget, type Verdict } from "./target.ts";

export interface LoopOptions {
  readonly target: FuzzTarget;
  /** Inputs beside the target's own seeds. */
  readonly corpus: readonly Uint8Array[];
  readonly words: readonly string[];
  /** Milliseconds to go on for. */
  readonly budgetMs: number;
  readonly seed: number;
  readonly slot: Slot;
}

/** What a run of a target came to. */
export interface LoopResult {
  readonly runs: number;
  readonly accepted: number;
  readonly refused: number;
  /** Inputs that reach every block that was reached, the shortest of them first. */
  readonly kept: readonly Uint8Array[];
  readonly newInputs: number;
  /** Share of the characters of all functions that ran which lie in blocks that ran. */
  readonly reached: number;
  readonly finding?: Finding;
}

export interface Finding {
  readonly message: string;
  readonly input: Uint8Array;
}

/** Looking at the counters costs a millisecond: so many inputs share one look. */
const batchSize = 40;

/** Feeds a target until the time is up or its promise is broken; what is found is made as short as can be. */
export async function fuzzLoop(options: LoopOptions): Promise<LoopResult> {
  using coverage = startCoverage(options.target.covers);
  const tally = { runs: 0, accepted: 0, refused: 0 };
  const queue: Uint8Array[] = [];
  const given = [...options.target.seeds.map(bytesOf), ...options.corpus];
  const result = async (finding?: Finding): Promise<LoopResult> => {
    const { missed, seen } = coverage.size();
    const newInputs = queue.length - Math.min(queue.length, given.length);
    const kept = finding === undefined ? await distil(options, [...given, ...queue.slice(given.length)]) : queue;
    return { ...tally, kept, newInputs, reached: seen === 0 ? 0 : 1 - missed / seen, ...(finding && { finding }) };
  };
  try {
    for (const input of given) {
      tally[await runOne(options, input)] += 1;
      coverage.gained(true);
      queue.push(input);
    }
    const random = createRandom(options.seed);
    const next = (): Uint8Array => {
      // What was found last is the likeliest to lead further.
      const recent = queue.slice(-Math.max(8, queue.length >> 2));
      const base = (random.chance(0.5) ? random.from(recent) : random.from(queue)) ?? new Uint8Array();
      const mutate = random.from(options.target.mutators) ?? ((input: Uint8Array) => input);
      const input = mutate(base, random.from(queue) ?? base, random, options.words);
      return Uint8Array.from(input.subarray(0, options.target.maxBytes));
    };
    const endMs = performance.now() + options.budgetMs;
    while (performance.now() < endMs) {
      const batch = Array.from({ length: batchSize }, next);
      for (const input of batch) {
        tally.runs += 1;
        tally[await runOne(options, input)] += 1;
      }
      await setImmediate();
      if (coverage.gained(false)) await keepGains(options, coverage, batch, queue);
    }
    return await result();
  } catch (reason) {
    const found = options.slot.current();
    return await result({ message: describe(reason), input: await shorten(options, found, describe(reason)) });
  }
}

async function keepGains(
  options: LoopOptions,
  coverage: Coverage,
  batch: readonly Uint8Array[],
  queue: Uint8Array[],
): Promise<void> {
  for (const input of batch) {
    await runOne(options, input);
    if (coverage.gained(true)) queue.push(input);
  }
}

/** Runs one input and checks what every target promises: built-in prototypes stay as they are, and it ends in time. */
async function runOne({ slot, target }: LoopOptions, input: Uint8Array): Promise<Verdict> {
  slot.put(input);
  let usedMs = 0;
  // A garbage collection or a first compilation may fall on the input: once more tells.
  for (let tries = 2; tries > 0; tries -= 1) {
    const before = process.threadCpuUsage();
    const outcome = target.run(input);
    const verdict = outcome instanceof Promise ? await outcome : outcome;
    // Only then are rejections that nobody handles reported.
    if (outcome instanceof Promise) await setImmediate();
    const { system, user } = process.threadCpuUsage(before);
    assertPrototypesIntact();
    usedMs = Math.round((user + system) / 1000);
    if (usedMs <= target.cpuLimitMs) return verdict;
  }
  throw new Error(`took ${usedMs} ms of processor time, more than ${target.cpuLimitMs} ms`);
}

/** The fewest and shortest inputs that reach the same, and at least one of each verdict. */
async function distil(options: LoopOptions, inputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
  using coverage = startCoverage(options.target.covers);
  const kept: Uint8Array[] = [];
  const verdicts = new Set<Verdict>();
  for (const input of inputs.toSorted((left, right) => left.length - right.length)) {
    const verdict = await runOne(options, input);
    if (coverage.gained(true) || !verdicts.has(verdict)) kept.push(input);
    verdicts.add(verdict);
  }
  return kept;
}

const maxAttempts = 400;

/** Leaves out what the finding does not need. */
async function shorten(options: LoopOptions, found: Uint8Array, message: string): Promise<Uint8Array> {
  let shortest = found;
  let attempts = 0;
  for (let size = shortest.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < shortest.length && attempts < maxAttempts; attempts += 1) {
      const candidate = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + size)]);
      const still = await runOne(options, candidate).then(
        () => false,
        (reason: unknown) => kindOf(describe(reason)) === kindOf(message),
      );
      if (still) shortest = candidate;
      else at += size;
    }
  }
  return shortest;
}

function describe(reason: unknown): string {
  return reason instanceof Error ? `${reason.name}: ${reason.message}` : `threw ${String(reason)}`;
}

/** Messages of one kind differ in figures and quotations only. */
function kindOf(message: string): string {
  return message.replaceAll(/\d+|"[^"]*"/g, "").slice(0, 60);
}
