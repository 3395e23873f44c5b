import type { Clock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import type { LeaseApi, LeaseRecord } from "../../src/kubernetes/lease-api.ts";

/** What becomes of one call. Times in milliseconds. */
export interface LeaseFault {
  /** From the sending to the moment when it takes effect. */
  readonly beforeMs?: number;
  /** From there to the answer. */
  readonly afterMs?: number;
  /** `refused`: without effect, an error. `lost`: with effect, an error. `conflict`: 409 without reason. */
  readonly outcome?: "refused" | "lost" | "conflict";
}

/** A call that is about to be made. */
export interface LeaseCall {
  readonly caller: string;
  readonly verb: "get" | "update";
  readonly atMs: number;
}

/** One Lease in memory. */
export interface LeaseStore {
  readonly record: LeaseRecord;
  /** Every record that was ever there, the first empty one included. */
  readonly history: readonly LeaseRecord[];
  readonly calls: readonly LeaseCall[];
  /** The Lease as `caller` sees it. */
  api(caller: string): LeaseApi;
  /** Decides what becomes of each call; by default everything works at once. */
  faults: (call: LeaseCall) => LeaseFault;
  /** Writes as somebody else would. */
  put(change: Partial<LeaseRecord>): void;
}

/** An empty Lease. Its calls take their time on `clock`, and obey their signals. */
export function createLeaseStore(clock: Clock): LeaseStore {
  const history: LeaseRecord[] = [
    { version: "7", holder: "", durationMs: 0, acquireTime: "", renewTime: "", transitions: 0 },
  ];
  const calls: LeaseCall[] = [];
  const store: LeaseStore = {
    get record() {
      return history.at(-1)!;
    },
    history,
    calls,
    faults: () => ({}),
    put(change) {
      // Versions are opaque: they need not follow each other.
      const version = String(Number(store.record.version) + 3);
      history.push({ ...store.record, ...change, version });
    },
    api: (caller) => ({
      read: (signal) => act(caller, "get", () => undefined, signal),
      update: (record, signal) => act(caller, "update", () => write(record), signal),
    }),
  };

  function write(record: LeaseRecord): void {
    if (record.version !== store.record.version) throw new StatusError("aborted", "the Lease has changed");
    store.put(record);
  }

  async function act(
    caller: string,
    verb: LeaseCall["verb"],
    effect: () => void,
    signal: AbortSignal,
  ): Promise<LeaseRecord> {
    const call = { caller, verb, atMs: clock.monotonicMs() };
    calls.push(call);
    const { beforeMs = 0, afterMs = 0, outcome } = store.faults(call);
    if (outcome === "refused") throw new StatusError("unavailable", "refused");
    if (outcome === "conflict") throw new StatusError("aborted", "conflict");
    // Who gives up waiting does not take the call back.
    const done = (async () => {
      await wait(beforeMs, new AbortController().signal);
      effect();
      return store.record;
    })();
    done.catch(() => undefined);
    const record = await Promise.race([done, rejection(signal)]);
    await wait(afterMs, signal);
    if (outcome === "lost") throw new StatusError("unavailable", "the answer was lost");
    return record;
  }

  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (ms > 0) await clock.sleep(ms, signal);
    signal.throwIfAborted();
  };
  return store;
}

function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(StatusError.from(signal.reason));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  promise.catch(() => undefined);
  return promise;
}
