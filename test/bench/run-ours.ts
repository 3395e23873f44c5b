import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inspectC1z } from "../fakes/c1/c1z.ts";
import { type C1Server, type C1zContents, startC1Server } from "../fakes/c1-server.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import type { Cursor } from "./cursor.ts";
import type { Team } from "./plan.ts";

/** The most that the option takes; the default of 15 would make the benchmark wait for the vendor's limit. */
export const requestsPerMinute = 100_000;

/** One sync as it was seen from outside. Seconds, and bytes. */
export interface OurSync {
  /** From the task handed out to its result received. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** By phase, from the daemon's own metrics. */
  readonly phases: Readonly<Record<string, number>>;
  /** The most memory that the process ever had until now. */
  readonly peakRssBytes: number;
  readonly fileBytes: number;
  /** The uploaded file, which stays where it is. */
  readonly path: string;
}

/** A running daemon with a C1 of its own. */
export interface Stage extends AsyncDisposable {
  /** From exec to the first GetTask. */
  readonly startSeconds: number;
  sync(): Promise<OurSync>;
  rssBytes(): Promise<number>;
  /** Processor time that the process has used since its start, as the kernel counts it. */
  cpuSeconds(): number;
}

/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;

const syncTimeoutMs = 15 * 60_000;
const phaseNames = ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"];

/** Starts `dist/baton-cursor` in service mode; resolves when it has asked for work. Disposing stops it as an operator would. */
export async function startStage(cursor: Cursor, directory: string, pollMs = 200): Promise<Stage> {
  const tempDir = join(directory, "daemon");
  await mkdir(tempDir, { recursive: true });
  const c1 = await startC1Server({ c1zDepth: "unread", uploadDirectory: directory, nextPollMs: pollMs });
  const env = environment(c1, cursor, tempDir);
  const startedMs = performance.now();
  const daemon = await spawnConnector([], env);
  // Not to be left behind, looking for its C1, when the benchmark is interrupted.
  const kill = (): void => daemon.kill("SIGKILL");
  process.once("exit", kill);
  try {
    const firstPoll = await Promise.race([
      c1.awaitCall("GetTask", 1, 30_000),
      daemon.ended.then(({ stderr }) => Promise.reject(new Error(`the daemon ended at once:\n${stderr}`))),
    ]);
    const port = healthPort(daemon);
    return {
      startSeconds: (firstPoll.atMs - startedMs) / 1000,
      sync: () => runSync(c1, daemon, port),
      rssBytes: () => daemon.rssBytes(),
      cpuSeconds() {
        const fields = readFileSync(`/proc/${daemon.pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
        return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
      },
      async [Symbol.asyncDispose]() {
        await stop(c1, daemon);
        process.off("exit", kill);
      },
    };
  } catch (reason) {
    await daemon[Symbol.asyncDispose]();
    process.off("exit", kill);
    throw reason;
  }
}

function environment(c1: C1Server, cursor: Cursor, tempDir: string): Record<string, string> {
  return {
    BATON_CLIENT_ID: c1.clientId,
    BATON_CLIENT_SECRET: c1.clientSecret,
    BATON_C1_API_HOST: c1.apiHost,
    SSL_CERT_FILE: c1.caFile,
    BATON_CURSOR_API_KEY: cursor.apiKey,
    BATON_CURSOR_BASE_URL: cursor.url,
    BATON_CURSOR_REQUESTS_PER_MINUTE: String(requestsPerMinute),
    BATON_HEALTH_CHECK_PORT: "0",
    BATON_STATUS: "false",
    BATON_LOG_FORMAT: "json",
    BATON_TMPDIR: tempDir,
  };
}

function healthPort(daemon: DaemonProcess): number {
  const line = daemon
    .stderr()
    .split("\n")
    .find((text) => text.includes('"health_port"'));
  if (line === undefined) throw new Error(`the daemon did not say its health port:\n${daemon.stderr()}`);
  return JSON.parse(line).health_port;
}

async function runSync(c1: C1Server, daemon: DaemonProcess, port: number): Promise<OurSync> {
  const before = await readMetrics(port);
  let handedOutMs = Number.NaN;
  const taskId = c1.enqueue({ taskType: { case: "syncFull", value: {} } });
  const unsubscribe = c1.onEvent((event) => {
    if (event.type === "poll" && event.taskIds.includes(taskId)) handedOutMs = performance.now();
  });
  const finish = await Promise.race([
    c1.awaitFinish(taskId, syncTimeoutMs),
    daemon.ended.then(({ stderr }) => Promise.reject(new Error(`the daemon ended during the sync:\n${stderr}`))),
  ]);
  unsubscribe();
  if (!finish.ok) throw new Error(`the sync failed: ${finish.message}`);
  const peakRssBytes = await daemon.peakRssBytes();
  const after = await readMetrics(port);
  const { bytes, path } = await c1.awaitUpload(taskId);
  if (path === undefined) throw new Error("C1 did not keep the upload");
  const spent = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  return {
    seconds: (finish.atMs - handedOutMs) / 1000,
    cpuSeconds: spent("process_cpu_seconds_total"),
    phases: Object.fromEntries(
      phaseNames.map((phase) => [phase, spent(`baton_sync_phase_duration_seconds_sum{phase="${phase}"}`)]),
    ),
    peakRssBytes,
    fileBytes: bytes,
    path,
  };
}

async function readMetrics(port: number): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

async function stop(c1: C1Server, daemon: DaemonProcess): Promise<void> {
  daemon.kill("SIGTERM");
  const end = await Promise.race([daemon.ended, delay(60_000, undefined, { ref: false })]);
  await daemon[Symbol.asyncDispose]();
  await c1[Symbol.asyncDispose]();
  if (end?.code !== 0) throw new Error(`the daemon did not end cleanly:\n${daemon.stderr()}`);
}

/** Counts the rows of an uploaded file; throws unless they are those of the team. Every record is decoded in small files. */
export async function readUpload(path: string, team: Team): Promise<C1zContents> {
  const contents = await inspectC1z(path, team.active <= 10_000 ? "records" : "counts");
  const { users, roles, entitlements, grants, problems } = contents;
  const found = { users, roles, entitlements, grants, problems };
  const meant = { users: team.active + team.removed, roles: 3, entitlements: 3, grants: team.active, problems: [] };
  if (JSON.stringify(found) === JSON.stringify(meant)) return contents;
  throw new Error(`the uploaded file holds ${JSON.stringify(found)}, meant was ${JSON.stringify(meant)}`);
}
