/** The loops of the process that could stand still without anybody noticing. */
export type LoopName = "poll" | "heartbeat" | "credentials" | "lease";

/** How one loop shows that it moves. Disposing it says that the loop has ended. */
export interface LoopWatch extends Disposable {
  /** The loop moves, and will say so again within so many milliseconds. */
  within(ms: number): void;
  /** The loop waits for something that may take any time, as for the end of a long task. */
  resting(): void;
}

/** Who watches loops, for the liveness probe. */
export interface Loops {
  /** A loop of this name begins; there may be several at once. */
  enter(name: LoopName): LoopWatch;
}

/** Milliseconds that a loop may promise for one call to another service: longer than any deadline of such calls, with their retries. */
export const longestCallMs = 5 * 60_000;

const unwatched: LoopWatch = {
  within: () => undefined,
  resting: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** For loops that nobody watches. */
export const unwatchedLoops: Loops = { enter: () => unwatched };
