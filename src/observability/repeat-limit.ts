import type { Clock } from "../baton/clock.ts";
import { logScope } from "../baton/log-scope.ts";
import type { LogFields, Logger } from "../baton/logger.ts";

/** A logger that leaves repeats out. Disposing it tells of those that are not told yet; after that nothing is left out. */
export interface RepeatLimit extends Disposable {
  readonly log: Logger;
}

/** The same line is written again after so long at the earliest, and after each time twice as long. */
const firstIntervalMs = 60_000;
const longestIntervalMs = 15 * 60_000;
/** What has not come for so long is over: loops here wait for 6 minutes at most, and their calls for less. */
const quietMs = 15 * 60_000;
/** Lines that repeat at the same time. Of more, those that came first are forgotten. */
const mostRepeats = 100;

type Level = "warn" | "error";

/** A line that was written and may come again. */
interface Repeat {
  readonly message: string;
  leftOut: number;
  intervalMs: number;
  /** On the clock that never jumps. */
  writtenMs: number;
  lastMs: number;
  /** Wall clock. */
  lastAtMs: number;
}

/**
 * Writes a warning or an error that comes again and again, e.g. from a loop during an outage, at first and then at most once
 * in 1, 2, 4, 8 and at last every 15 minutes, with the number of those left out in between as `repeated`. When it has not come for
 * 15 minutes it counts as new, and one line tells of those left out since the last one.
 *
 * Lines are the same when level, message and fields are, numbers aside, also those in the text of an error. `failures: 1` says that
 * a trouble begins: this is written again after the first minute. Lines of tasks, information and debug lines are never left out.
 */
export function limitRepeats(log: Logger, clock: Clock): RepeatLimit {
  const limit = new RepeatLimiter(log, clock);
  return { log: limit.logger(log, {}), [Symbol.dispose]: () => limit.end() };
}

class RepeatLimiter {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #repeats = new Map<string, Repeat>();
  readonly #end = new AbortController();
  #watching = false;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  logger(inner: Logger, common: LogFields): Logger {
    const limited =
      (level: Level) =>
      (message: string, fields: LogFields = {}): void => {
        const all = { ...logScope(), ...common, ...fields };
        const leftOut =
          this.#end.signal.aborted || all["taskId"] !== undefined ? 0 : this.#leftOutBefore(level, message, all);
        if (leftOut === 0) inner[level](message, fields);
        else if (leftOut !== undefined) inner[level](message, { ...fields, repeated: leftOut });
      };
    return {
      debug: (message, fields) => inner.debug(message, fields),
      info: (message, fields) => inner.info(message, fields),
      warn: limited("warn"),
      error: limited("error"),
      child: (fields) => this.logger(inner.child(fields), { ...common, ...fields }),
    };
  }

  end(): void {
    this.#end.abort();
    for (const key of [...this.#repeats.keys()]) this.#forget(key);
  }

  /** How many were left out since the last one that was written; `undefined` when this one is left out too. */
  #leftOutBefore(level: Level, message: string, fields: LogFields): number | undefined {
    const key = keyOf(level, message, fields);
    const nowMs = this.#clock.monotonicMs();
    const repeat = this.#repeats.get(key);
    if (repeat === undefined) {
      this.#begin(key, message, nowMs);
      return 0;
    }
    repeat.lastMs = nowMs;
    repeat.lastAtMs = this.#clock.nowMs();
    const begins = fields["failures"] === 1;
    if (nowMs - repeat.writtenMs < (begins ? firstIntervalMs : repeat.intervalMs)) {
      repeat.leftOut += 1;
      return undefined;
    }
    const { leftOut } = repeat;
    repeat.leftOut = 0;
    repeat.writtenMs = nowMs;
    repeat.intervalMs = begins ? firstIntervalMs : Math.min(2 * repeat.intervalMs, longestIntervalMs);
    return leftOut;
  }

  #begin(key: string, message: string, nowMs: number): void {
    const [oldest] = this.#repeats.keys();
    if (this.#repeats.size >= mostRepeats && oldest !== undefined) this.#forget(oldest);
    const repeat: Repeat = {
      message,
      leftOut: 0,
      intervalMs: firstIntervalMs,
      writtenMs: nowMs,
      lastMs: nowMs,
      lastAtMs: this.#clock.nowMs(),
    };
    this.#repeats.set(key, repeat);
    if (!this.#watching) void this.#forgetTheQuiet();
  }

  /** One timer for all lines. Never rejects. */
  async #forgetTheQuiet(): Promise<void> {
    this.#watching = true;
    while (this.#repeats.size > 0) {
      const quietSinceMs = this.#clock.monotonicMs() - quietMs;
      for (const [key, { lastMs }] of [...this.#repeats]) if (lastMs <= quietSinceMs) this.#forget(key);
      const nextMs = Math.min(...[...this.#repeats.values()].map(({ lastMs }) => lastMs)) - quietSinceMs;
      if (this.#repeats.size > 0) await this.#clock.sleep(nextMs, this.#end.signal).catch(() => undefined);
    }
    this.#watching = false;
  }

  #forget(key: string): void {
    const repeat = this.#repeats.get(key);
    if (repeat === undefined) return;
    this.#repeats.delete(key);
    if (repeat.leftOut === 0) return;
    this.#log.info("a line that was repeated has not come again", {
      line: repeat.message,
      repeated: repeat.leftOut,
      last: new Date(repeat.lastAtMs).toISOString(),
    });
  }
}

/** Numbers differ from one time to the next: attempts, waits, ports in a message. */
function keyOf(level: Level, message: string, fields: LogFields): string {
  const words = Object.entries(fields).map(([name, value]) => {
    if (typeof value === "number") return [name];
    const isText = typeof value === "string" && (name === "error" || name === "reason");
    return [name, isText ? value.replace(/\d+/g, "0") : value];
  });
  return JSON.stringify([level, message, words]);
}
