import type { Clock } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";

export interface TermDeps {
  readonly strict: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onLeading: (leading: boolean) => void;
}

/** Whether this instance leads, and who waits for it. */
export class Term {
  readonly #deps: TermDeps;
  readonly #waiting = new Set<() => void>();
  #current: { readonly over: AbortController; untilMs: number | undefined } | undefined;

  constructor(deps: TermDeps) {
    this.#deps = deps;
  }

  /** Judged by the clock as well: a timer may be late, above all in a process that was held up. */
  active(): boolean {
    return this.#current !== undefined && !this.#isPast(this.#current.untilMs);
  }

  /** Begins to lead or goes on with it, until `untilMs` on the monotonic clock (`undefined`: until `end`). */
  lead(untilMs: number | undefined): void {
    // The answer to this renewal took too long to be of use.
    if (this.#isPast(untilMs)) return;
    if (this.#current !== undefined) {
      this.#current.untilMs = untilMs;
    } else {
      this.#current = { over: new AbortController(), untilMs };
      this.#deps.log.info("this instance leads: it asks C1 for tasks");
      this.#deps.onLeading(true);
      if (untilMs !== undefined) this.#watch(this.#current.over.signal);
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** Ceases to lead, if it does; `why` in words. */
  end(why: string): void {
    if (this.#current === undefined) return;
    const { over } = this.#current;
    this.#current = undefined;
    this.#deps.log.info("this instance no longer leads: it finishes what it has", { why });
    this.#deps.onLeading(false);
    over.abort(new StatusError("aborted", `this instance no longer leads: ${why}`));
  }

  lost(): AbortSignal | undefined {
    return this.#deps.strict ? this.#current?.over.signal : undefined;
  }

  /** Resolves as soon as this instance leads; rejects with the signal's reason. */
  begun(signal: AbortSignal): Promise<void> {
    if (this.active() && !signal.aborted) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiting.delete(wake);
      reject(StatusError.from(signal.reason));
    };
    const wake = (): void => {
      this.#waiting.delete(wake);
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    this.#waiting.add(wake);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return promise;
  }

  #isPast(untilMs: number | undefined): boolean {
    return untilMs !== undefined && this.#deps.clock.monotonicMs() >= untilMs;
  }

  /** Ends the term when its time is over; renewals move that time while it sleeps. */
  #watch(over: AbortSignal): void {
    const leftMs = (this.#current?.untilMs ?? 0) - this.#deps.clock.monotonicMs();
    this.#deps.clock.sleep(Math.max(0, leftMs), over).then(
      () => {
        if (this.active()) this.#watch(over);
        else this.end("the Lease could not be renewed in time");
      },
      () => undefined,
    );
  }
}
