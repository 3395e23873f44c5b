import type { LaneName } from "../catalog/fault.ts";
import type { InjectionResult } from "../injection.ts";
import type { ProcessUnderTest, ProgramUnderTest } from "../program.ts";
import type { Planned, Storm } from "../schedule.ts";
import { type Lane, openLane } from "./lane.ts";
import { playInjection, playStorm } from "./run.ts";

/** One thing to play. */
export type Piece = Planned | Storm;

export interface Work {
  readonly plan: readonly Piece[];
  readonly program: ProgramUnderTest;
  readonly seed: number;
  /** How many stages run beside each other. */
  readonly jobs: number;
  /** Told of each result, with what the program has logged meanwhile. */
  onResult(result: InjectionResult, log: string): Promise<void>;
  /** Asked before each piece: whether nothing more is to be begun. */
  isOver?(): boolean;
}

/** Beginning with the longest, a run does not end with one of them alone. */
const longMs = 30_000;

/** Plays all of it on several stages at once. A stage whose program did not survive is replaced. */
export async function runAll({ isOver, jobs, onResult, plan, program, seed }: Work): Promise<void> {
  const isLong = (piece: Piece): boolean => takesMs(piece) >= longMs;
  const waiting = [
    ...plan.filter(isLong).sort((one, other) => takesMs(other) - takesMs(one)),
    ...plan.filter((piece) => !isLong(piece)),
  ];
  /** What is next for a stage of this kind; of another kind only when there is no more of this one. */
  const take = (name: string | undefined): Piece | undefined => {
    if (isOver?.() === true) return undefined;
    const [first] = waiting;
    const own = first === undefined || isLong(first) ? 0 : waiting.findIndex((piece) => laneOf(piece) === name);
    return waiting.splice(Math.max(0, own), 1)[0];
  };
  async function work(): Promise<void> {
    let lane: Lane | undefined;
    const met = new WeakMap<ProcessUnderTest, number>();
    try {
      for (let next = take(undefined); next !== undefined; next = take(lane?.name)) {
        if (lane?.name !== laneOf(next)) {
          await lane?.[Symbol.asyncDispose]();
          lane = await openLane(laneOf(next), program);
        }
        const before = lane.process();
        const from = before?.log().length ?? 0;
        const result = await ("faults" in next ? playStorm(lane, next, seed) : playInjection(lane, next, seed));
        const after = lane.process();
        const log = after?.log().slice(after === before ? from : 0) ?? "";
        const nth = after !== undefined && after === before ? (met.get(after) ?? 0) : 0;
        if (after !== undefined) met.set(after, nth + 1);
        await onResult({ ...result, nth }, log);
        if (result.survived && result.observed) continue;
        await lane[Symbol.asyncDispose]();
        lane = undefined;
      }
    } finally {
      await lane?.[Symbol.asyncDispose]();
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, plan.length) }, work));
}

function laneOf(piece: Piece): LaneName {
  return "faults" in piece ? "small" : piece.entry.lane;
}

function takesMs(piece: Piece): number {
  return "faults" in piece ? 0 : piece.entry.takesMs;
}
