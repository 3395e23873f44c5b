import type { LeaseRecord } from "./lease-api.ts";

/** What one instance has seen of the Lease, and when by its own monotonic clock. The holder's clock is never asked. */
export class Observation {
  readonly #identity: string;
  readonly #leaseMs: number;
  #record: LeaseRecord | undefined;
  #changedAtMs = 0;
  #rivalSightings = 0;

  /** `leaseMs`: how long a holder may at least go without renewing, whatever its record says. */
  constructor(identity: string, leaseMs: number) {
    this.#identity = identity;
    this.#leaseMs = leaseMs;
  }

  /** The newest record; `undefined` before the first. */
  get record(): LeaseRecord | undefined {
    return this.#record;
  }

  /** The newest record names this instance. */
  get mine(): boolean {
    return this.#record?.holder === this.#identity;
  }

  /** Somebody else, by the newest record; `undefined` when nobody, this instance, or nothing is known. */
  get rival(): string | undefined {
    return this.mine || this.#record?.holder === "" ? undefined : this.#record?.holder;
  }

  /**
   * The rival has written at least twice since it took the Lease. Its second writing comes after an answer to the first, or
   * after a look at it: from then on it knows that it leads, even if an answer was lost.
   */
  get rivalKnows(): boolean {
    return this.#rivalSightings >= 2;
  }

  /** Takes in a record that was there at the latest at `nowMs`. */
  see(record: LeaseRecord, nowMs: number): void {
    const before = this.#record;
    this.#record = record;
    if (before !== undefined && isSame(before, record)) return;
    this.#changedAtMs = nowMs;
    const samePerson = before?.holder === record.holder;
    this.#rivalSightings = this.rival === undefined ? 0 : (samePerson ? this.#rivalSightings : 0) + 1;
  }

  /** Milliseconds until the Lease may be taken from its holder if nothing changes; 0 when it may be taken now. */
  expiresInMs(nowMs: number): number {
    if (this.#record === undefined) return Number.POSITIVE_INFINITY;
    if (this.rival === undefined) return 0;
    return Math.max(0, this.#changedAtMs + Math.max(this.#record.durationMs, this.#leaseMs) - nowMs);
  }
}

/** Only what a holder writes: labels may change without anybody having renewed. */
function isSame(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.renewTime === b.renewTime &&
    a.acquireTime === b.acquireTime &&
    a.transitions === b.transitions
  );
}
