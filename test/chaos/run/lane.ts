import { setTimeout as delay } from "node:timers/promises";
import type { MemberRow } from "../../fakes/cursor-server.ts";
import type { ScimOptions } from "../../fakes/scim-server.ts";
import { startAccountStage } from "../../integration/account-stage.ts";
import { syncTask } from "../../integration/scene.ts";
import type { LaneName } from "../catalog/fault.ts";
import type { ChaosStage, ProcessUnderTest, ProgramUnderTest } from "../program.ts";
import { bringPerson, seedsOf, taskOf, teamOf } from "./people.ts";

/** A stage with its own process, on which one fault is played after the other. */
export interface Lane extends AsyncDisposable {
  readonly name: LaneName;
  readonly program: ProgramUnderTest;
  readonly stage: ChaosStage;
  readonly rows: readonly MemberRow[];
  /** The process that runs; `undefined` before the first and when it has ended. */
  process(): ProcessUnderTest | undefined;
  /** Starts a process, after ending the one that runs. Does not wait for anything. */
  start(): Promise<ProcessUnderTest>;
  /** Ends the process that runs. */
  stop(): Promise<void>;
  /**
   * Starts one unless one runs, and waits until it has done a task of each kind, so that it has learnt what it can. Where it is
   * to have learnt nothing, it always starts one, and waits for nothing.
   */
  ready(): Promise<ProcessUnderTest>;
  /** Chunks of a sync of the whole team, known once it is ready. */
  chunks(): number;
  /** Team, directory, network and scripts as they were in the beginning. */
  reset(): Promise<void>;
  /** A number that was not given before. */
  next(): number;
}

/** Pauses between polls are short, and yet a dozen processes leave the machine some time. */
const nextPollMs = 200;
const nextHeartbeatMs = 1_000;
const warmUpMs = 90_000;

const environments: Readonly<Record<LaneName, Readonly<Record<string, string>>>> = {
  small: {},
  large: {},
  batched: { BATON_GET_TASKS: "true" },
  single: { BATON_TASK_CONCURRENCY: "1" },
  removal: { BATON_CURSOR_REMOVE_UNMANAGED: "true" },
  "no-patch": {},
  unlearnt: {},
  "unlearnt-no-patch": {},
};

/** How the directory differs from an ordinary one. */
const directories: Readonly<Partial<Record<LaneName, ScimOptions>>> = {
  "no-patch": { quirks: { patchUnsupported: 501 } },
  unlearnt: { strictContentType: false },
  "unlearnt-no-patch": { quirks: { patchUnsupported: 501 }, strictContentType: false },
};

/** Builds a stage; no process runs yet. */
export async function openLane(name: LaneName, program: ProgramUnderTest): Promise<Lane> {
  const rows = teamOf(name);
  const stage = await startAccountStage({
    c1: { ...program.c1, nextPollMs, nextHeartbeatMs, c1zDepth: name === "large" ? "counts" : "records" },
    cursor: { members: rows },
    scim: { users: seedsOf(rows), ...directories[name] },
  });
  const { c1, cursor, scim } = stage;
  let process: ProcessUnderTest | undefined;
  let warm = false;
  let chunks = 0;
  let counter = 0;

  const stop = async (): Promise<void> => {
    await process?.[Symbol.asyncDispose]();
    process = undefined;
    warm = false;
  };
  const lane: Lane = {
    name,
    program,
    stage,
    rows,
    process: () => process,
    chunks: () => chunks,
    next: () => (counter += 1),
    stop,
    async start() {
      await stop();
      const started = await program.start(stage, environments[name]);
      process = started;
      const forget = (): void => {
        if (process === started) warm = false;
      };
      started.ended.then(forget, forget);
      return started;
    },
    async ready() {
      if (name.startsWith("unlearnt")) return await lane.start();
      const running = process === undefined || !(await isRunning(process)) ? await lane.start() : process;
      if (!warm) chunks = await warmUp(lane, running, program.name === "baton-cursor");
      warm = true;
      return running;
    },
    async reset() {
      for (const method of ["Hello", "GetTask", "GetTasks", "Heartbeat", "UploadAsset", "FinishTask"] as const) {
        c1.unscript(method);
      }
      Object.assign(c1.defaults, { nextPollMs, nextHeartbeatMs });
      Object.assign(c1.token, { tokenType: "Bearer", expiresIn: 600, lives: undefined });
      c1.token.clearScript();
      c1.network.present("right");
      c1.network.restore();
      await c1.network.accept();
      cursor.clearScript();
      cursor.setPageSize(undefined);
      cursor.setMembers(rows);
      scim.clearScript();
      for (const record of [...scim.records]) if (record.userName.startsWith("person.")) scim.remove(record.id);
      cursor.setMembers(rows);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      c1.takeViolations();
      await stage[Symbol.asyncDispose]();
    },
  };
  return lane;
}

async function isRunning({ ended }: ProcessUnderTest): Promise<boolean> {
  return await Promise.race([ended.then(() => false), delay(0, true)]);
}

/** A sync and, where there is a directory, an account. Resolves with the number of chunks of the sync. */
async function warmUp(lane: Lane, process: ProcessUnderTest, hasAccounts: boolean): Promise<number> {
  const { c1, cursor, scim } = lane.stage;
  const early = process.ended.then(({ code }): never => {
    throw new Error(`the process ended with ${code} while it warmed up:\n${process.log()}`);
  });
  early.catch(() => undefined);
  const sync = c1.enqueue(syncTask);
  await Promise.race([c1.awaitFinish(sync, warmUpMs), early]);
  if (hasAccounts) {
    const person = bringPerson(lane.stage, "create", lane.next());
    await Promise.race([c1.awaitFinish(c1.enqueue(taskOf("create", person)), warmUpMs), early]);
  }
  // What the process asked at its start may still be under way.
  const isQuiet = (): boolean => [...cursor.requests, ...scim.requests].every(({ status }) => status !== undefined);
  for (let waits = 0; waits < 100 && !isQuiet(); waits += 1) await delay(20);
  await lane.reset();
  return c1.uploads.findLast(({ ok, taskId }) => ok && taskId === sync)?.chunkSizes.length ?? 0;
}
