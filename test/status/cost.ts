/** What the status page costs a running connector: `make status-cost`. Figures are of the daemon's own CPU time and memory. */
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Cursor, startCursor } from "../bench/cursor.ts";
import { median } from "../bench/numbers.ts";
import { type C1Server, startC1Server } from "../fakes/c1-server.ts";
import { type DaemonProcess, daemonEnv, spawnConnector } from "../helpers/daemon.ts";
import { printed, syncTask } from "../integration/scene.ts";

const limits = { cpuShare: 0.02, bytes: 10 * 1024 * 1024, slower: 0.03 };
const short = process.argv.includes("--short");
const idleMs = short ? 10_000 : 30_000;
const rounds = short ? 7 : 15;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Stage extends AsyncDisposable {
  readonly c1: C1Server;
  readonly daemon: DaemonProcess;
  readonly healthUrl: string;
  readonly statusUrl: string;
}

async function startStage(cursor: Cursor, status: boolean): Promise<Stage> {
  const c1 = await startC1Server({ c1zDepth: "unread", nextPollMs: 1000 });
  const { BATON_TMPDIR: _own, ...env } = daemonEnv(
    { c1, cursor, env: { BATON_STATUS: `${status}`, BATON_LOG_LEVEL: "info", BATON_LOG_FORMAT: "json" } },
    "",
  );
  const daemon = await spawnConnector([], { ...env, SSL_CERT_FILE: c1.caFile });
  await printed(daemon, '"health_port"');
  const line = daemon
    .stderr()
    .split("\n")
    .find((text) => text.includes('"health_port"'));
  const { health_port, status_port } = JSON.parse(line ?? "{}");
  return {
    c1,
    daemon,
    healthUrl: `http://127.0.0.1:${health_port}`,
    statusUrl: `http://127.0.0.1:${status_port}`,
    async [Symbol.asyncDispose]() {
      daemon.kill("SIGTERM");
      await daemon.ended;
      await daemon[Symbol.asyncDispose]();
      await c1[Symbol.asyncDispose]();
    },
  };
}

/** CPU seconds of a process: what the scheduler gave each of its threads, to the nanosecond. */
function cpuSeconds({ pid }: DaemonProcess): number {
  const given = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds);
  });
  return given.reduce((sum, each) => sum + each, 0) / 1e9;
}

/** Reads the event stream as an open page does. */
function openPage(statusUrl: string): Disposable & { readonly bytes: () => number } {
  let bytes = 0;
  const asked = request(`${statusUrl}/events`, (response) => {
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    response.on("error", () => undefined);
  });
  asked.on("error", () => undefined);
  asked.end();
  return { bytes: () => bytes, [Symbol.dispose]: () => asked.destroy() };
}

interface Idle {
  readonly share: number;
  readonly rssBytes: number;
}

/** CPU share and memory while nothing happens but polls, each second, and whatever `eachSecond` does. */
async function idle({ daemon }: Stage, eachSecond: () => Promise<unknown>): Promise<Idle> {
  // What the start and the first answers leave behind is not of this.
  for (let second = 0; second < 5; second += 1) await Promise.all([eachSecond(), delay(1000)]);
  const before = cpuSeconds(daemon);
  const startedMs = performance.now();
  const rssBytes: number[] = [];
  while (performance.now() - startedMs < idleMs) {
    await Promise.all([eachSecond(), delay(1000)]);
    rssBytes.push(await daemon.rssBytes());
  }
  const share = (cpuSeconds(daemon) - before) / ((performance.now() - startedMs) / 1000);
  // The least of it: what is above that is garbage that has not been collected yet.
  return { share, rssBytes: Math.min(...rssBytes) };
}

async function idleCost(cursor: Cursor): Promise<{ readonly share: number; readonly bytes: number }> {
  const nothing = async (): Promise<void> => undefined;
  const off = await onStage(cursor, false, (stage) => idle(stage, nothing));
  say(`idle, switched off:              ${percent(off.share)} of a core, ${mib(off.rssBytes)}`);
  return await onStage(cursor, true, async (stage) => {
    // Two processes differ by more than a page takes, so the memory of one is held against itself.
    const alone = await idle(stage, nothing);
    say(`idle, no page open:              ${percent(alone.share)} of a core, ${mib(alone.rssBytes)}`);
    using first = openPage(stage.statusUrl);
    using second = openPage(stage.statusUrl);
    const scrape = async (): Promise<void> => void (await (await fetch(`${stage.healthUrl}/metrics`)).text());
    const watched = await idle(stage, scrape);
    say(`scrape a second, two open pages: ${percent(watched.share)} of a core, ${mib(watched.rssBytes)}`);
    if (first.bytes() < 1000 || second.bytes() < 1000) throw new Error("the pages were not told anything");
    return { share: watched.share - off.share, bytes: watched.rssBytes - alone.rssBytes };
  });
}

async function onStage<T>(cursor: Cursor, status: boolean, work: (stage: Stage) => Promise<T>): Promise<T> {
  await using stage = await startStage(cursor, status);
  await stage.c1.awaitCall("GetTask", 1, 20_000);
  return await work(stage);
}

interface Sync {
  readonly seconds: number;
  /** CPU seconds until C1 had the report. */
  readonly cpu: number;
  /** The same with what comes after it. */
  readonly withRest: number;
}

async function sync({ c1, daemon }: Stage): Promise<Sync> {
  const before = cpuSeconds(daemon);
  let handedOutMs = Number.NaN;
  const taskId = c1.enqueue(syncTask);
  const unsubscribe = c1.onEvent((event) => {
    if (event.type === "poll" && event.taskIds.includes(taskId)) handedOutMs = performance.now();
  });
  const finish = await c1.awaitFinish(taskId, 120_000);
  unsubscribe();
  if (!finish.ok) throw new Error(`the sync failed: ${finish.message}`);
  const seconds = (finish.atMs - handedOutMs) / 1000;
  const cpu = cpuSeconds(daemon) - before;
  // The collection after the report and the comparison with the last sync.
  await delay(700);
  return { seconds, cpu, withRest: cpuSeconds(daemon) - before };
}

/** Syncs of a daemon without a page and of one with two open pages, in turns, so that both see the same machine. */
async function syncCost(cursor: Cursor): Promise<{ readonly seconds: number; readonly cpu: number }> {
  await using off = await startStage(cursor, false);
  await using on = await startStage(cursor, true);
  using _first = openPage(on.statusUrl);
  using _second = openPage(on.statusUrl);
  const runs: { off: Sync; on: Sync }[] = [];
  for (let round = 0; round < rounds + 1; round += 1) {
    const [first, second] = round % 2 === 0 ? [off, on] : [on, off];
    const [one, other] = [await sync(first), await sync(second)];
    // The first of each warms up.
    if (round > 0) runs.push(round % 2 === 0 ? { off: one, on: other } : { off: other, on: one });
  }
  const best = (pick: (run: { off: Sync; on: Sync }) => number): number => Math.min(...runs.map(pick));
  const middle = (pick: (run: { off: Sync; on: Sync }) => number): number => median(runs.map(pick));
  for (const side of ["off", "on"] as const) {
    const what = side === "off" ? "no page:       " : "two open pages:";
    const seconds = (value: number): string => `${value.toFixed(2)} s`;
    const clock = `fastest ${seconds(best((run) => run[side].seconds))}, median ${seconds(middle((run) => run[side].seconds))}`;
    say(
      `100,000 members, ${what} ${clock}, CPU ${seconds(best((run) => run[side].cpu))}, with what follows ${seconds(best((run) => run[side].withRest))}`,
    );
  }
  return {
    // The best of each: whatever else the machine does can only make a sync slower.
    seconds: best((run) => run.on.seconds) / best((run) => run.off.seconds) - 1,
    cpu: best((run) => run.on.cpu) / best((run) => run.off.cpu) - 1,
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

function verdict(what: string, value: number, limit: number, show: (value: number) => string): boolean {
  const holds = value <= limit;
  say(`${holds ? "PASS" : "FAIL"}  ${what}: ${show(value)}, limit ${show(limit)}`);
  return holds;
}

await using cursor = await startCursor({ active: 100_000, removed: 200 });
const idleFigures = process.argv.includes("--sync-only") ? undefined : await idleCost(cursor);
const syncFigures = process.argv.includes("--idle-only") ? undefined : await syncCost(cursor);
say("");
const verdicts = [
  idleFigures && verdict("CPU of a scrape a second and two pages", idleFigures.share, limits.cpuShare, percent),
  idleFigures && verdict("memory of them", idleFigures.bytes, limits.bytes, mib),
  syncFigures && verdict("a sync is slower, by CPU time", syncFigures.cpu, limits.slower, percent),
  syncFigures && verdict("a sync is slower, by the clock", syncFigures.seconds, limits.slower, percent),
];
if (verdicts.includes(false)) process.exitCode = 1;
