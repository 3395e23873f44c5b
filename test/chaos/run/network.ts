import { setTimeout as delay } from "node:timers/promises";
import type { C1Server } from "../../fakes/c1-server.ts";
import type { NetworkAction } from "../catalog/fault.ts";

/** Something that was done to the network. */
export interface Disturbance {
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  /** Whether it was felt: other connections, or none that led anywhere while it lasted. */
  seen(): boolean;
}

const lastsMs = 3_000;
/** What was on its way when it began in the middle of a task arrives all the same, on a busy machine late. */
const underWayMs = 1_500;
const startsWithinMs = 60_000;
const lookEveryMs = 20;

/**
 * Does it now. What lasts is over three seconds after somebody has felt it: as `isThere` says, or, by default, when what was
 * open has ended or something is held back.
 */
export function disturb(c1: C1Server, action: NetworkAction, isThere?: () => boolean): Disturbance {
  const { network } = c1;
  const { haveEnded } = network.watch();
  const { begin, end, hasEnded = haveEnded } = deeds(network, action);
  const before = network.totalConnections;
  const sinceMs = performance.now();
  begin();
  if (end === undefined) {
    return { over: Promise.resolve(), seen: () => hasEnded() && network.totalConnections > before };
  }
  const isFelt = isThere ?? (action === "black-hole" ? () => network.isHolding : hasEnded);
  const quietFromMs = sinceMs + (isThere === undefined ? underWayMs : 0);
  let untilMs: number | undefined;
  const last = async (): Promise<void> => {
    while (!isFelt() && performance.now() < sinceMs + startsWithinMs) await delay(lookEveryMs);
    const felt = isFelt();
    await delay(lastsMs);
    if (felt) untilMs = performance.now();
    await end();
  };
  return { over: last(), seen: () => untilMs !== undefined && !hasArrivals(c1, quietFromMs, untilMs) };
}

/** Whether C1 was asked anything between these times. */
function hasArrivals(c1: C1Server, fromMs: number, untilMs: number): boolean {
  const calls = (["Hello", "GetTask", "GetTasks", "Heartbeat", "FinishTask"] as const).flatMap((method) => [
    ...c1.calls(method),
  ]);
  return [...c1.token.requests, ...calls].some(({ atMs }) => atMs > fromMs && atMs < untilMs);
}

interface Deeds {
  readonly begin: () => void;
  /** Whether what it was done to has ended. Default: that all connections have. */
  readonly hasEnded?: () => boolean;
  /** Absent where it is done in a moment. */
  readonly end?: () => unknown;
}

function deeds(network: C1Server["network"], action: NetworkAction): Deeds {
  const afterwards = (): void => network.present("right");
  switch (action) {
    case "goaway": {
      let haveGone = (): boolean => false;
      return {
        begin() {
          haveGone = network.goAway();
        },
        hasEnded: () => haveGone(),
      };
    }
    case "reset-all":
      return { begin: () => network.dropAll() };
    case "damaged-to-server":
      return { begin: () => network.corrupt("server") };
    case "damaged-to-client":
      return { begin: () => network.corrupt("client") };
    case "restart":
      return { begin: () => void network.restart() };
    case "outage":
      return {
        begin() {
          network.refuse();
          network.dropAll();
        },
        end: () => network.accept(),
      };
    case "black-hole":
      return { begin: () => network.blackHole(), end: () => network.restore() };
    case "plaintext":
      return { begin: () => network.speakPlaintext(), end: afterwards };
    case "untrusted-certificate":
      return { begin: () => network.present("untrusted"), end: afterwards };
    case "wrong-host-certificate":
      return { begin: () => network.present("wrong-host"), end: afterwards };
    case "tls-1.1":
      return { begin: () => network.present("right", "TLSv1.1"), end: afterwards };
  }
}
