/** Which calls go wrong and how, made of nothing but the seed: of a task's calls by their number, of the others by their count. */
import { grpcCodes, type Improvise } from "../fakes/c1-server.ts";
import type { FaultAnswer, ImproviseFault } from "../fakes/fault-answer.ts";
import { type Draw, pick } from "./draw.ts";

/** Share of the calls that go wrong, by who is called. */
export interface FaultRates {
  readonly poll: number;
  readonly hello: number;
  readonly heartbeat: number;
  readonly upload: number;
  readonly finish: number;
  readonly cursor: number;
  readonly scim: number;
}

export const noFaults: FaultRates = { poll: 0, hello: 0, heartbeat: 0, upload: 0, finish: 0, cursor: 0, scim: 0 };

/** How many calls there were and how many of them went wrong, by `heartbeat`, `GET cursor` and the like. */
export type FaultCount = Record<string, { calls: number; faults: number }>;

export interface Faults {
  readonly c1: Improvise;
  readonly cursor: ImproviseFault;
  readonly scim: ImproviseFault;
  readonly count: FaultCount;
  /** From now on nothing goes wrong, or again as before. */
  setOn(on: boolean): void;
}

/** Nobody who tries five times is refused five times: what then happens is for the tests of single faults. */
const mostInARow = 3;

const rateOf = {
  GetTask: "poll",
  GetTasks: "poll",
  Hello: "hello",
  Heartbeat: "heartbeat",
  UploadAsset: "upload",
  FinishTask: "finish",
} as const;

/** What may go wrong with a call to C1 that is answered once. */
const unaryFaults = [
  { weight: 3, what: { error: grpcCodes.UNAVAILABLE } },
  { weight: 1, what: { error: grpcCodes.RESOURCE_EXHAUSTED } },
  { weight: 1, what: { error: grpcCodes.INTERNAL } },
  { weight: 1, what: { error: grpcCodes.ABORTED } },
  { weight: 1, what: { dropConnection: true } },
  { weight: 2, what: { dropResponse: true } },
  { weight: 1, what: { error: grpcCodes.DEADLINE_EXCEEDED, delayMs: 300 } },
] as const;

const uploadFaults = [
  { weight: 2, what: { failAtChunk: 0 } },
  { weight: 2, what: { failAtChunk: 1, error: grpcCodes.RESOURCE_EXHAUSTED } },
  { weight: 1, what: { dropAtChunk: 1 } },
  { weight: 1, what: { dropResponse: true } },
  { weight: 2, what: { error: grpcCodes.DATA_LOSS } },
] as const;

/** Requests that may be repeated: whatever comes, the next one brings it right. */
const readFaults: readonly { readonly weight: number; readonly what: FaultAnswer }[] = [
  { weight: 2, what: { status: 503 } },
  { weight: 1, what: { status: 500, body: "<html>no</html>" } },
  { weight: 1, what: { status: 429, headers: { "retry-after": "0" } } },
  { weight: 1, what: { status: 429, headers: { "retry-after": "1" } } },
  { weight: 1, what: { reset: true } },
  { weight: 1, what: { resetAfterEffect: true } },
  { weight: 1, what: { cutAfterBytes: 20 } },
];

/** A creation is not repeated unless nothing was done or what was done can be seen. */
const createFaults: readonly { readonly weight: number; readonly what: FaultAnswer }[] = [
  { weight: 1, what: { status: 429, headers: { "retry-after": "0" } } },
  { weight: 1, what: { resetAfterEffect: true } },
  { weight: 1, what: { status: 503, afterEffect: true } },
];

/** Faults at these rates. */
export function makeFaults(draw: Draw, rates: FaultRates): Faults {
  const count: FaultCount = {};
  const inARow = new Map<string, number>();
  const calls = new Map<string, number>();
  let on = true;

  /** Decides about one more call of `key`; what it drew for the choice when that goes wrong. */
  function goesWrong(kind: string, key: string, rate: number): number | undefined {
    const nth = (calls.get(key) ?? 0) + 1;
    calls.set(key, nth);
    const kept = count[kind] ?? { calls: 0, faults: 0 };
    count[kind] = kept;
    kept.calls += 1;
    const before = inARow.get(key) ?? 0;
    if (!on || before >= mostInARow || draw("fault", key, nth) >= rate) {
      inARow.delete(key);
      return undefined;
    }
    inARow.set(key, before + 1);
    kept.faults += 1;
    return draw("which", key, nth);
  }

  const improviseHttp =
    (who: "cursor" | "scim"): ImproviseFault =>
    (method, target) => {
      const which = goesWrong(`${method} ${who}`, `${method} ${who} ${target}`, rates[who]);
      if (which === undefined) return undefined;
      return pick(which, method === "POST" ? createFaults : readFaults);
    };

  return {
    count,
    setOn(value) {
      on = value;
    },
    cursor: improviseHttp("cursor"),
    scim: improviseHttp("scim"),
    c1(method, taskId) {
      const which = goesWrong(rateOf[method], `${method} ${taskId}`, rates[rateOf[method]]);
      if (which === undefined) return undefined;
      return pick<object>(which, method === "UploadAsset" ? uploadFaults : unaryFaults);
    },
  };
}
