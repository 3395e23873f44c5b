import { basename, join } from "node:path";
import { attachStrace, type SeenCall, type Strace } from "../../helpers/strace.ts";
import { type Interrupt, inTime, spawnFirst } from "./interrupt.ts";
import { finishMs, nextFinish, openLodging, type Scenario } from "./scene.ts";
import type { SweepCase } from "./sweep.ts";

/**
 * A call that a sync makes on its private directory, which nobody but the kernel sees. `opening`: before the roster is asked for,
 * counted in the main thread. `writing`: afterwards, counted among the calls on the same file.
 */
interface CallPoint {
  readonly phase: "opening" | "writing";
  readonly call: string;
  /** Of the private directory; "" for itself. */
  readonly file: string;
  readonly nth: number;
}

/** Whatever changes what lies there, and reading what is packed and uploaded. Looking and locking change nothing. */
const calls = [
  "mkdir",
  "openat",
  "pwrite64",
  "write",
  "read",
  "pread64",
  "fsync",
  "ftruncate",
  "unlink",
  "rename",
  "rmdir",
];
const openingCalls = ["mkdir", "openat"];
const files = ["", "lock", "sync.db", "sync.db-journal", "sync.c1z"];
/** Calls are counted by thread, so those of the pool have to come from one thread. */
const env = { UV_THREADPOOL_SIZE: "1" };
const prefix = "baton-cursor-sync-";

/** Lets a sync run undisturbed and makes a case of every call on its private directory. */
export async function callCases(scenario: Scenario): Promise<readonly SweepCase[]> {
  const opening = await listOpening(scenario);
  const writing = await listWriting(scenario);
  const packed = writing.findIndex(({ call }) => call === "fsync");
  const uploading = writing.findIndex(({ call, file }) => call === "unlink" && file === "sync.db") + 1;
  if (packed < 0 || uploading === 0) throw new Error("a sync that does not flush its file and remove its database");
  return [...opening, ...writing].map((point) => {
    const at = writing.indexOf(point);
    return {
      name: `${point.phase}, ${point.call} ${point.file === "" ? "the directory" : point.file} (${point.nth})`,
      interrupt: atCall(point),
      // Between the last look at the stop and the beginning of the upload both are right.
      mayTell: at >= uploading ? ["done"] : at >= packed ? ["given back", "done"] : ["given back"],
      reports: [0],
      env,
    };
  });
}

async function listOpening(scenario: Scenario): Promise<readonly CallPoint[]> {
  await using stage = await scenario.stage();
  await using lodging = await openLodging(scenario, stage, env);
  const daemon = await spawnFirst({ scenario, stage, lodging });
  await using strace = await attachStrace(daemon.pid, { calls: openingCalls, mainThread: true });
  await nextFinish(stage, stage.c1.enqueue(scenario.task), 0, daemon);
  daemon.kill("SIGKILL");
  await daemon.ended;
  return numbered(await strace.seen(), ({ call }) => call).flatMap(({ one, nth }) => {
    const file = fileOf(one);
    return file === undefined ? [] : [{ phase: "opening" as const, call: one.call, file, nth }];
  });
}

async function listWriting(scenario: Scenario): Promise<readonly CallPoint[]> {
  await using stage = await scenario.stage();
  await using lodging = await openLodging(scenario, stage, env);
  const daemon = await spawnFirst({ scenario, stage, lodging });
  const attached = attachAtRoster({ stage, lodging }, daemon.pid, (directory) => ({
    calls,
    paths: files.map((file) => join(directory, file)),
  }));
  await nextFinish(stage, stage.c1.enqueue(scenario.task), 0, daemon);
  daemon.kill("SIGKILL");
  await daemon.ended;
  await using strace = await attached;
  const points = (await strace.seen()).map((one) => ({ call: one.call, file: fileOf(one) ?? "?" }));
  return numbered(points, ({ call, file }) => `${call} ${file}`).map(({ one, nth }) => ({
    ...one,
    phase: "writing",
    nth,
  }));
}

/** Counts from 1 by key. */
function numbered<T>(all: readonly T[], key: (one: T) => string): { readonly one: T; readonly nth: number }[] {
  const counts = new Map<string, number>();
  return all.map((one) => {
    const nth = (counts.get(key(one)) ?? 0) + 1;
    counts.set(key(one), nth);
    return { one, nth };
  });
}

/** The file of the private directory that a call is about; `undefined` for any other. */
function fileOf({ text }: SeenCall): string | undefined {
  const path = new RegExp(`[<"]([^<>"]*/${prefix}[^<>"]*)[>"]`).exec(text)?.[1];
  if (path === undefined) return undefined;
  return basename(path).startsWith(prefix) ? "" : basename(path);
}

type Scene = Pick<Parameters<Interrupt>[0], "stage" | "lodging">;

/** Attaches when a process has its private directory and waits for the roster. The first request from now on is held until then. */
async function attachAtRoster(
  { stage, lodging }: Scene,
  pid: number,
  watch: (directory: string) => Parameters<typeof attachStrace>[1],
): Promise<Strace> {
  const { promise, resolve, reject } = Promise.withResolvers<Strace>();
  stage.cursor.setOnRequest(async (_request, phase) => {
    if (phase === "done") return undefined;
    stage.cursor.setOnRequest(undefined);
    const name = (await lodging.leavings()).find((each) => each.startsWith(prefix)) ?? "none";
    await attachStrace(pid, watch(join(lodging.tempDir, name))).then(resolve, reject);
    return undefined;
  });
  return await promise;
}

/** Interrupts when the call is entered. */
function atCall({ phase, call, file, nth }: CallPoint): Interrupt {
  return async (plan) => {
    const { scenario, stage, signal } = plan;
    const first = await spawnFirst(plan);
    const tampering = { call, nth, signal };
    const attached =
      phase === "opening"
        ? attachStrace(first.pid, { calls: openingCalls, mainThread: true, tampering })
        : attachAtRoster(plan, first.pid, (directory) => ({ calls, paths: [join(directory, file)], tampering }));
    if (phase === "opening") await attached;
    const taskId = stage.c1.enqueue(scenario.task);
    await using _strace = await inTime(attached, first, "nothing to attach to");
    const end = await inTime(first.ended, first, `the call did not come within ${finishMs} ms`);
    return { taskId, end };
  };
}
