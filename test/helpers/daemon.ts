import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AppDeps } from "../../src/app/deps.ts";
import { createKnownSecrets } from "../../src/app/known-secrets.ts";
import { createParts } from "../../src/app/parts.ts";
import { proveAtStart } from "../../src/app/proofs.ts";
import { createService } from "../../src/app/service.ts";
import { withStatus } from "../../src/app/status.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import type { C1Deadlines } from "../../src/c1/client-options.ts";
import { findCredentials } from "../../src/config/credentials.ts";
import { localFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { ConfigInput } from "../../src/config/sources.ts";
import { createLogger, createPlainLogger, teeLogger } from "../../src/observability/logger.ts";
import { limitRepeats } from "../../src/observability/repeat-limit.ts";
import { type CaptureOptions, lookAtBodies, openCapture } from "./capture.ts";
import { bodiesAt, captureProcess, seedVariables } from "./capture-process.ts";
import { createTestClock, type TestClock } from "./clock.ts";

/** What the daemon needs to know of a stand-in of C1. */
interface C1Address {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly apiHost: string;
  readonly caPem: string;
  readonly caFile: string;
}

/** What it needs to know of a stand-in of Cursor. */
interface CursorAddress {
  readonly url: string;
  readonly apiKey: string;
}

export interface DaemonOptions {
  readonly c1: C1Address;
  readonly cursor: CursorAddress;
  /** More `BATON_*` variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** How many times faster than real time its waits pass. Default 100; deadlines of calls are real time. */
  readonly factor?: number;
  /** Milliseconds that calls to C1 may take, where the defaults are too long for a test. */
  readonly deadlines?: Partial<C1Deadlines>;
  /** Leaves these variables out, e.g. because a secrets directory has them. */
  readonly unset?: readonly string[];
  /** Asks Cursor and the directory at the start whether they accept their credentials, as the program does. Default: false. */
  readonly prove?: boolean;
}

/** The whole application inside the test's process, on a clock of its own. */
export interface Daemon extends AsyncDisposable {
  readonly clock: TestClock;
  /** Everything logged so far, one JSON line each, at level debug, repeats included. */
  readonly logLines: readonly string[];
  /** The same as the program writes it, without the repeats that it leaves out. */
  readonly writtenLines: readonly string[];
  readonly healthUrl: string;
  readonly statusUrl: string;
  readonly tempDir: string;
  /** What lies in the temporary directory now. */
  leftovers(): readonly string[];
  /** The first SIGTERM. */
  stop(): void;
  /** The end of the shutdown grace. */
  abort(): void;
  /** Resolves when the worker has ended; rejects with the error that ended it. */
  readonly ended: Promise<void>;
}

/** The variables that point a daemon at stand-ins. */
export function daemonEnv({ c1, cursor, env, unset = [] }: DaemonOptions, tempDir: string): Record<string, string> {
  const all: Record<string, string> = {
    BATON_CLIENT_ID: c1.clientId,
    BATON_CLIENT_SECRET: c1.clientSecret,
    BATON_C1_API_HOST: c1.apiHost,
    BATON_CURSOR_API_KEY: cursor.apiKey,
    BATON_CURSOR_BASE_URL: cursor.url,
    BATON_CURSOR_REQUESTS_PER_MINUTE: "10000",
    BATON_HEALTH_CHECK_PORT: "0",
    BATON_STATUS_PORT: "0",
    BATON_TMPDIR: tempDir,
    BATON_LOG_LEVEL: "debug",
    ...env,
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !unset.includes(name)));
}

/**
 * Starts the application as `src/cli/service.ts` does, but in this process. Disposing stops it, waits for it, and fails when
 * it has left anything in its temporary directory, or shown a canary in its log or on its listeners.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const tempDir = await mkdtemp(join(tmpdir(), "baton-daemon-"));
  const input: ConfigInput = {
    argv: [],
    env: daemonEnv(options, tempDir),
    files: localFiles,
    cwd: tempDir,
    hostname: "test-host",
    tempDir,
  };
  const { config } = parseConfig(input);
  seedVariables(input.env);
  const capture = openCapture({ shows: config.logPii ? "people" : undefined });
  const sink = { write: (line: string) => capture.look("log line", line) };
  const clock = createTestClock({ factor: options.factor ?? 100 });
  const logLines: string[] = [];
  const writtenLines: string[] = [];
  const secrets = createKnownSecrets();
  const logger = { clock, showPeople: config.logPii, secrets: () => secrets.all() };
  const logInto = (lines: string[], create = createLogger) =>
    create({
      ...logger,
      level: "debug",
      format: "json",
      sinks: [{ write: (line) => void lines.push(line) }, sink],
    });
  const repeats = limitRepeats(logInto(writtenLines, createPlainLogger), clock.unheard);
  const deps: AppDeps = withStatus({
    config,
    findCredentials: (files) => findCredentials(input, files),
    onSecrets: (texts) => secrets.remember(texts),
    build: { version: "0.0.0-test", revision: "" },
    clock,
    random: () => 0.5,
    log: teeLogger(logInto(logLines), repeats.log),
    logger,
    proxy: {},
    extraCertificates: [options.c1.caPem],
    ...(options.deadlines === undefined ? {} : { deadlines: options.deadlines }),
  });
  const parts = await createParts(deps, new AbortController().signal);
  const service = await createService(deps, parts);
  const stop = new AbortController();
  const abort = new AbortController();
  const shuttingDown = new StatusError("unavailable", "connector shutting down", { retryable: true });
  const run = async (): Promise<void> => {
    await using _proofs = options.prove === true ? await proveAtStart(deps, parts, stop.signal) : undefined;
    await service.run({ stop: stop.signal, abort: abort.signal });
  };
  const ended = run();
  ended.catch((reason: unknown) => capture.look("error that ended it", StatusError.from(reason).message));
  const leftovers = (): readonly string[] => readdirSync(tempDir);
  const healthUrl = `http://127.0.0.1:${service.server?.port}`;
  const statusUrl = `http://127.0.0.1:${service.statusPort}`;
  return {
    clock,
    logLines,
    writtenLines,
    tempDir,
    leftovers,
    healthUrl,
    statusUrl,
    stop: () => stop.abort(shuttingDown),
    abort: () => abort.abort(shuttingDown),
    ended,
    async [Symbol.asyncDispose]() {
      await lookAtBodies(capture, bodiesAt(healthUrl, statusUrl));
      stop.abort(shuttingDown);
      abort.abort(shuttingDown);
      await ended.catch(() => undefined);
      await service[Symbol.asyncDispose]();
      await parts[Symbol.asyncDispose]();
      repeats[Symbol.dispose]();
      // On a busy machine the fast clock ends the drain before the last task has tidied up.
      for (let waits = 0; waits < 100 && leftovers().length > 0; waits += 1) await delay(50);
      const left = leftovers();
      await rm(tempDir, { recursive: true, force: true });
      capture.end();
      if (left.length > 0) throw new Error(`the daemon left files behind: ${left.join(", ")}`);
    },
  };
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built program as a process of its own. */
export interface DaemonProcess extends AsyncDisposable {
  readonly pid: number;
  readonly tempDir: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ProcessEnd>;
  leftovers(): readonly string[];
  /** `VmHWM` of /proc, in bytes: the most memory it ever had. */
  peakRssBytes(): Promise<number>;
  /** `VmRSS` of /proc, in bytes. */
  rssBytes(): Promise<number>;
}

const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;

/**
 * Starts `dist/baton-cursor` (or another program) with nothing of this process's environment but PATH. Disposing kills it and
 * removes its directory, and fails when it has shown a canary; `shows` is for commands that print people for who typed them.
 */
export async function spawnConnector(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: CaptureOptions & { readonly cwd?: string; readonly program?: string } = {},
): Promise<DaemonProcess> {
  const capture = captureProcess(args, env, options);
  const tempDir = env["BATON_TMPDIR"] ?? (await mkdtemp(join(tmpdir(), "baton-process-")));
  const program = options.program ?? executable;
  const child = spawn(program, args, {
    cwd: options.cwd ?? tempDir,
    env: { PATH: process.env["PATH"], BATON_TMPDIR: tempDir, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    chunks.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    chunks.stderr += text;
  });
  const ended = once(child, "close").then(([code, signal]): ProcessEnd => ({ code, signal, ...chunks }));
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program} could not be started: run make build`);
  const memory = async (field: string): Promise<number> => {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  };
  return {
    pid,
    tempDir,
    ended,
    stdout: () => chunks.stdout,
    stderr: () => chunks.stderr,
    kill: (signal) => void child.kill(signal),
    leftovers: () => readdirSync(tempDir),
    peakRssBytes: () => memory("VmHWM"),
    rssBytes: () => memory("VmRSS"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        await capture.lookAtListeners(chunks.stderr);
        child.kill("SIGKILL");
      }
      capture.lookAtOutput(await ended);
      await rm(tempDir, { recursive: true, force: true });
      capture.end();
    },
  };
}
