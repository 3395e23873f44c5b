import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Cursor, startCursor } from "../bench/cursor.ts";
import type { Team } from "../bench/plan.ts";
import { type C1Server, startC1Server } from "../fakes/c1-server.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { output } from "../interop/tools.ts";
import type { Contender, ContenderName } from "./contenders.ts";

/** One sync of a freshly started program, seen from outside. */
export interface WholeSync {
  /** From the start of the program to its first GetTask. */
  readonly startSeconds: number;
  /** From the task handed out to its result received. */
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly fileBytes: number;
}

/** The runs of each contender for one team, in order. */
export interface TeamRuns {
  readonly team: Team;
  readonly runs: Readonly<Partial<Record<ContenderName, readonly WholeSync[]>>>;
}

/** A program that polls once a second and has nothing to do. */
export interface IdleRun {
  readonly rssBytes: number;
  /** Thousandths of one processor core. */
  readonly milliCores: number;
}

const syncTimeoutMs = 10 * 60_000;
/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;

/** Runs every contender `rounds` times, one after the other in each round, so that what else the machine does falls on all alike. */
export async function measureTeam(
  team: Team,
  rounds: number,
  contenders: readonly Contender[],
  say: (text: string) => void,
): Promise<TeamRuns> {
  await using cursor = await startCursor(team);
  const runs: Partial<Record<ContenderName, WholeSync[]>> = {};
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const run = await measureOne(contender, cursor, team);
      runs[contender.name] = [...(runs[contender.name] ?? []), run];
      say(`  ${contender.title}: ${run.seconds.toFixed(2)} s`);
    }
  }
  return { team, runs };
}

async function measureOne(contender: Contender, cursor: Cursor, team: Team): Promise<WholeSync> {
  const directory = await mkdtemp(join(tmpdir(), "scoreboard-"));
  try {
    // Somebody's default file format is not the one that this stand-in reads: files are looked into by the SDK's own tool.
    await using c1 = await startC1Server({ uploads: "any", c1zDepth: "unread", uploadDirectory: directory });
    const started = await start(contender, c1, cursor);
    await using process = started.process;
    const taskId = c1.enqueue({ taskType: { case: "syncFull", value: {} } });
    const handedOut = c1.until(() => c1.task(taskId).state !== "queued" && performance.now(), syncTimeoutMs);
    const atMs = await Promise.race([handedOut, failure(process)]);
    const finish = await Promise.race([c1.awaitFinish(taskId, syncTimeoutMs), failure(process)]);
    if (!finish.ok) throw new Error(`${contender.title} failed the sync: ${finish.message}`);
    const { bytes, path } = await c1.awaitUpload(taskId);
    if (path === undefined) throw new Error("C1 did not keep the upload");
    checkRows(path, team, contender.title);
    return {
      startSeconds: started.seconds,
      seconds: (finish.atMs - atMs) / 1000,
      peakRssBytes: rssOf(process.pid, "VmHWM"),
      fileBytes: bytes,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function start(
  { env, program }: Contender,
  c1: C1Server,
  cursor: Cursor,
): Promise<{ readonly process: DaemonProcess; readonly seconds: number }> {
  const startedMs = performance.now();
  const process = await spawnConnector(
    [],
    {
      BATON_CLIENT_ID: c1.clientId,
      BATON_CLIENT_SECRET: c1.clientSecret,
      BATON_C1_API_HOST: c1.apiHost,
      SSL_CERT_FILE: c1.caFile,
      BATON_CURSOR_API_KEY: cursor.apiKey,
      BATON_CURSOR_BASE_URL: cursor.url,
      BATON_LOG_FORMAT: "json",
      ...env,
    },
    program === undefined ? {} : { program },
  );
  const poll = await Promise.race([c1.awaitCall("GetTask", 1, 60_000), failure(process)]);
  return { process, seconds: (poll.atMs - startedMs) / 1000 };
}

async function failure(process: DaemonProcess): Promise<never> {
  const { stderr } = await process.ended;
  throw new Error(`the program ended by itself:\n${stderr.slice(-2_000)}`);
}

function checkRows(path: string, team: Team, title: string): void {
  const { stats } = JSON.parse(output("baton", "stats", "-f", path, "-o", "json"));
  const found = { users: Number(stats.resourcesByResourceType.user), grants: Number(stats.grants) };
  const meant = { users: team.active + team.removed, grants: team.active };
  if (JSON.stringify(found) !== JSON.stringify(meant)) {
    throw new Error(`${title} uploaded ${JSON.stringify(found)}, meant was ${JSON.stringify(meant)}`);
  }
}

/** What a contender takes while it has nothing to do. */
export async function measureIdle(contender: Contender, idleMs: number): Promise<IdleRun> {
  await using cursor = await startCursor({ active: 10, removed: 0 });
  await using c1 = await startC1Server({ nextPollMs: 1_000 });
  await using process = (await start(contender, c1, cursor)).process;
  // What the start leaves to be done is not idling.
  await delay(2_000);
  const [startedMs, before] = [performance.now(), cpuSeconds(process.pid)];
  await delay(idleMs);
  return {
    rssBytes: rssOf(process.pid, "VmRSS"),
    milliCores: ((cpuSeconds(process.pid) - before) * 1_000_000) / (performance.now() - startedMs),
  };
}

/**
 * A field of `/proc/<pid>/status` over the process and its children, in bytes. The SDK runs the connector as a child of the same
 * program: what a child shares with its parent (its file-backed pages) counts once.
 */
function rssOf(pid: number, field: "VmHWM" | "VmRSS"): number {
  const children = childrenOf(pid).map((child) => statusBytes(child, field) - statusBytes(child, "RssFile"));
  return children.reduce((sum, each) => sum + each, statusBytes(pid, field));
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
}

function cpuSeconds(pid: number): number {
  const seconds = [pid, ...childrenOf(pid)].map((each) => {
    const fields = readFileSync(`/proc/${each}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  });
  return seconds.reduce((sum, each) => sum + each, 0);
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}
