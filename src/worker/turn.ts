/** Whether this instance may ask C1 for work: of several instances, one at a time does. */
export interface PollTurn {
  /** True while it may. */
  mine(): boolean;
  /** Resolves as soon as it may; rejects with the signal's reason when that aborts first. */
  wait(signal: AbortSignal): Promise<void>;
  /** Aborts when a question under way must be given up; `undefined` where it may be asked to the end. */
  over(): AbortSignal | undefined;
}

/** For the only instance: it is always its turn. */
export const everyTurn: PollTurn = {
  mine: () => true,
  wait: async () => undefined,
  over: () => undefined,
};
