import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { DaemonProcess } from "../helpers/daemon.ts";
import type { Inspector } from "../helpers/inspector.ts";
import type { StandIns } from "./stand-ins.ts";

type Counts = Readonly<Record<string, number>>;

/** What a process holds in an idle moment. */
export interface Holdings {
  /** Open descriptors by what they are: socket, pipe, anon_inode, file. */
  readonly descriptors: Counts;
  /** What keeps its event loop alive, as Node names it. */
  readonly resources: Counts;
  /** Timers that have not gone off, those that keep nothing alive included, by what they wait for. */
  readonly timers: Counts;
  /** Listeners on abort signals that are in use, by their source. */
  readonly abortListeners: Counts;
  readonly tempFiles: Counts;
}

export const figures = ["descriptors", "resources", "timers", "abortListeners", "tempFiles"] as const;

/** How many there are of a figure in all. */
export function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** A running connector and what is needed to look into it. */
export interface Watched {
  readonly daemon: DaemonProcess;
  readonly inspector: Inspector;
  readonly standIns: StandIns;
}

/** Long enough after a poll for everything about it to be over, and before the next one. */
const afterPollMs = 400;
const looks = 12;
const patienceMs = 180_000;

const timers =
  "(() => { const one = setTimeout(() => undefined); clearTimeout(one); return Object.getPrototypeOf(one); })()";
const running = `(all) => all.filter((timer) => timer._destroyed === false).map((timer) => {
  const { _idleTimeout: ms, _onTimeout: then } = timer;
  return (timer.hasRef() ? "" : "unheld ") + (Number.isInteger(ms) ? ms : "about " + 1000 * Math.round(ms / 1000)) + " ms " +
    String(then).replace(/\\s+/g, " ").slice(0, 60);
})`;
const listening = `(signals) => {
  const { getEventListeners } = process.getBuiltinModule("node:events");
  return signals.flatMap((signal) => getEventListeners(signal, "abort"))
    .map((listener) => "of " + String(listener).replace(/\\s+/g, " ").slice(0, 60));
}`;

async function look({ daemon, inspector }: Watched): Promise<Holdings> {
  const resources = await inspector.evaluate<string[]>("process.getActiveResourcesInfo()");
  return {
    descriptors: countOf(descriptorsOf(daemon.pid)),
    resources: countOf(resources),
    timers: countOf(await inspector.overAll<string[]>(timers, running)),
    abortListeners: countOf(await inspector.overAll<string[]>("AbortSignal.prototype", listening)),
    tempFiles: { files: daemon.leftovers().length },
  };
}

function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  const peers = peersOf(pid);
  return readdirSync(directory).flatMap((name) => {
    try {
      const target = readlinkSync(`${directory}/${name}`);
      if (target.startsWith("/")) return ["file"];
      const [kind = target, inode = ""] = target.split(":");
      return [kind === "socket" ? `socket ${peers.get(inode) ?? "that is over, but not closed"}` : kind];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}

/** Where the connections lead, by the number in the name of their socket (proc_pid_net(5)). */
function peersOf(pid: number): Map<string, string> {
  const local = readFileSync(`/proc/${pid}/net/unix`, "utf8").split("\n").slice(1);
  const lines = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1),
  );
  return new Map([
    ...local.map((line) => [`[${line.trim().split(/ +/)[6] ?? ""}]`, "within the machine"] as const),
    ...lines.map((line) => {
      const [, , peer = "", state = "", , , , , , inode = ""] = line.trim().split(/ +/);
      const port = Number.parseInt(peer.split(":")[1] ?? "", 16);
      return [`[${inode}]`, port === 0 ? "listening" : `to port ${port} in state ${state}`] as const;
    }),
  ]);
}

function countOf(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * What an idle connector holds: of each figure what was seen most often in several looks, because now and then one falls into
 * a poll or a reading of the Secret. With `atMost`, looks on while there is more of anything, so that everything has the time to end.
 */
export async function idleHoldings(watched: Watched, atMost?: Holdings): Promise<Holdings> {
  const giveUpAtMs = performance.now() + patienceMs;
  const seen: Holdings[] = [];
  for (;;) {
    await watched.standIns.ask("waitForPoll");
    await delay(afterPollMs);
    seen.push(await look(watched));
    const last = seen.slice(-looks);
    if (last.length < looks) continue;
    const usual = usualOf(last);
    if (atMost === undefined || isWithin(usual, atMost) || performance.now() > giveUpAtMs) return usual;
  }
}

/** Whether there is no more of anything. */
function isWithin(holdings: Holdings, atMost: Holdings): boolean {
  return figures.every((figure) => total(holdings[figure]) <= total(atMost[figure]));
}

function usualOf(seen: readonly Holdings[]): Holdings {
  const usual = (figure: keyof Holdings): Counts => {
    const groups = Map.groupBy(seen, (each) => total(each[figure]));
    const [first] = [...groups.values()].toSorted((one, other) => other.length - one.length);
    return first?.[0]?.[figure] ?? {};
  };
  return {
    descriptors: usual("descriptors"),
    resources: usual("resources"),
    timers: usual("timers"),
    abortListeners: usual("abortListeners"),
    tempFiles: usual("tempFiles"),
  };
}
