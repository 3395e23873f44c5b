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
/** What was on its way when it began arrives all the same, on a busy machine late. */
const underWayMs = 1_500;

/** Does it now; after a few seconds all is well again. */
export function disturb(c1: C1Server, action: NetworkAction): Disturbance {
  const { network } = c1;
  const sinceMs = performance.now();
  const before = { connections: network.totalConnections, plain: network.plaintextReceived.length };
  const arrivals = (): number => {
    const untilMs = sinceMs + lastsMs;
    const times = [
      ...c1.token.requests.map(({ atMs }) => atMs),
      ...(["Hello", "GetTask", "GetTasks", "Heartbeat", "FinishTask"] as const).flatMap((method) =>
        c1.calls(method).map(({ atMs }) => atMs),
      ),
    ];
    return times.filter((atMs) => atMs > sinceMs + underWayMs && atMs < untilMs).length;
  };
  const reconnected = (): boolean => network.totalConnections > before.connections;
  const later = async (work: () => unknown): Promise<void> => {
    await delay(lastsMs);
    await work();
  };
  switch (action) {
    case "goaway":
      network.goAway();
      return { over: Promise.resolve(), seen: reconnected };
    case "reset-all":
      network.dropAll();
      return { over: Promise.resolve(), seen: reconnected };
    case "damaged-to-server":
      network.corrupt("server");
      return { over: Promise.resolve(), seen: reconnected };
    case "damaged-to-client":
      network.corrupt("client");
      return { over: Promise.resolve(), seen: reconnected };
    case "restart":
      return { over: network.restart(), seen: reconnected };
    case "outage":
      network.refuse();
      network.dropAll();
      return { over: later(() => network.accept()), seen: () => arrivals() === 0 };
    case "black-hole":
      network.blackHole();
      return { over: later(() => network.restore()), seen: () => arrivals() === 0 };
    case "plaintext":
      network.speakPlaintext();
      return {
        over: later(() => network.present("right")),
        seen: () => network.plaintextReceived.length > before.plain && arrivals() === 0,
      };
    default:
      network.present(action === "tls-1.1" ? "right" : presented[action], action === "tls-1.1" ? "TLSv1.1" : undefined);
      return { over: later(() => network.present("right")), seen: () => reconnected() && arrivals() === 0 };
  }
}

const presented = { "untrusted-certificate": "untrusted", "wrong-host-certificate": "wrong-host" } as const;
