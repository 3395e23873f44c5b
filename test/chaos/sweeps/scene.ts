import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finish, TaskInit } from "../../fakes/c1-server.ts";
import { type DaemonProcess, spawnConnector } from "../../helpers/daemon.ts";
import type { AccountStage } from "../../integration/account-stage.ts";
import { processEnv } from "../../integration/scene.ts";
import type { Moment } from "./moments.ts";

export type Poll = "GetTask" | "GetTasks";

/** One task, to be interrupted at every point. */
export interface Scenario {
  readonly name: string;
  readonly task: TaskInit;
  /** Fresh stand-ins. */
  stage(): Promise<AccountStage>;
  /** What the program is configured with besides where its stand-ins are. */
  env(stage: AccountStage): Readonly<Record<string, string>>;
  /** Which call it asks for tasks with. Default: GetTask. */
  readonly poll?: Poll;
  /** Throws when the undisturbed run was not what the scenario is about: a name does not say how a request was answered. */
  proves?(stage: AccountStage): void;
  /** Awaited at every moment of the first process's work before anything else: makes rare requests come at a known time. */
  during?(stage: AccountStage, name: string, moment: Moment): Promise<void>;
}

/** Room for processes that come one after the other, and the temporary directory that they share. */
export interface Lodging extends AsyncDisposable {
  readonly tempDir: string;
  /** What lies there now. */
  leavings(): Promise<readonly string[]>;
  /** Starts a process there; disposing the lodging kills it. */
  spawn(): Promise<DaemonProcess>;
}

const startMs = 30_000;
/** How long a task may take on a machine that does much else. */
export const finishMs = 40_000;

/** Makes an empty temporary directory for processes with this configuration. */
export async function openLodging(
  { env }: Scenario,
  stage: AccountStage,
  more: Readonly<Record<string, string>> = {},
): Promise<Lodging> {
  const tempDir = await mkdtemp(join(tmpdir(), "sweep-"));
  const processes: DaemonProcess[] = [];
  return {
    tempDir,
    leavings: () => readdir(tempDir),
    async spawn() {
      const variables = processEnv(stage, { ...env(stage), ...more, BATON_TMPDIR: tempDir });
      const daemon = await spawnConnector([], variables, { cwd: tempDir });
      processes.push(daemon);
      return daemon;
    },
    async [Symbol.asyncDispose]() {
      // Each process removes the directory when it is disposed; all of them are over by then.
      for (const daemon of processes) daemon.kill("SIGKILL");
      for (const daemon of processes) await daemon.ended;
      await rm(tempDir, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a process and waits until it has said Hello and looked at its credentials, so that the next requests are a task's. Its
 * log goes with the error when it ends early.
 */
export async function spawnIdle(stage: AccountStage, lodging: Lodging, scim: boolean): Promise<DaemonProcess> {
  const before = {
    hellos: stage.c1.calls("Hello").length,
    cursor: stage.cursor.requests.length,
    scim: stage.scim.requests.length,
  };
  const daemon = await lodging.spawn();
  const ready = (): boolean =>
    stage.c1.calls("Hello").length > before.hellos &&
    stage.c1.calls("Hello").at(-1)?.code === 0 &&
    stage.cursor.requests[before.cursor]?.status === 200 &&
    (!scim || stage.scim.requests[before.scim]?.status === 200);
  await unlessEnded(daemon, stage.c1.until(ready, startMs, "the start of the connector"));
  return daemon;
}

/** Rejects with the log when the process ends before `wait` is over. */
export async function unlessEnded<T>(daemon: DaemonProcess, wait: Promise<T>): Promise<T> {
  const early = daemon.ended.then(({ stderr }) => Promise.reject(new Error(`the connector ended:\n${stderr}`)));
  early.catch(() => undefined);
  return await Promise.race([wait, early]);
}

/** Resolves with the result of a hand-out of the task that is still to come. */
export async function nextFinish(
  { c1 }: AccountStage,
  taskId: string,
  leasesBefore: number,
  daemon: DaemonProcess,
): Promise<Finish> {
  // A report that was taken before has left the task finished: the one after the next hand-out is meant.
  await unlessEnded(
    daemon,
    c1.until(() => c1.task(taskId).leases > leasesBefore, finishMs, "the next hand-out"),
  );
  return await unlessEnded(daemon, c1.awaitFinish(taskId, finishMs));
}
