import { systemClock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import type { KubeConnection } from "../../src/kubernetes/call.ts";
import { createElector, type Elector } from "../../src/kubernetes/elector.ts";
import { createLeaseApi } from "../../src/kubernetes/lease-api.ts";
import { createRecordingLogger } from "../fakes/recording-logger.ts";

/** An instance that stands for election. Disposing stops it. */
export interface Candidate extends AsyncDisposable {
  readonly elector: Elector;
  /** None of its calls gets through from now on. */
  cutOff(): void;
  /** Stops it; resolves when it has given the Lease back. */
  stop(): Promise<void>;
}

/** Whole seconds, as a Lease counts them: short, so that a test need not wait. */
export const leaseMs = 3_000;

/** Begins to stand for the Lease `name` in strict mode. */
export function standFor(connection: KubeConnection, name: string, identity: string): Candidate {
  let isCut = false;
  const wire: KubeConnection = {
    ...connection,
    async call(call, signal) {
      if (isCut) throw new StatusError("unavailable", "the connection is cut");
      return await connection.call(call, signal);
    },
  };
  const elector = createElector({
    lease: createLeaseApi(wire, name),
    identity,
    strict: true,
    clock: systemClock,
    random: Math.random,
    log: createRecordingLogger(),
    times: { leaseMs, renewDeadlineMs: 2_000, retryMs: 100, callMs: 1_000 },
    onLeading: () => undefined,
  });
  const stopping = new AbortController();
  const ended = elector.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return {
    elector,
    cutOff() {
      isCut = true;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
