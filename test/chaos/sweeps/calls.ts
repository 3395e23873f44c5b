import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { attachStrace, type SeenCall, type Strace, type Tampering } from "../../helpers/strace.ts";
import type { AccountStage } from "../../integration/account-stage.ts";

/**
 * A call that a sync makes on its private directory, which nobody but the kernel sees. `opening`: before the roster is asked for,
 * counted among all calls of the main thread. `writing`: afterwards, counted among the calls on the same file.
 */
export interface CallPoint {
  readonly phase: "opening" | "writing";
  readonly call: string;
  /** Of a private directory; "" for itself. The log of a task has one of its own. */
  readonly file: string;
  readonly nth: number;
}

/** A process whose calls are looked at, and where its private directories lie. Calls on a file are counted over all of them. */
export interface Traced {
  readonly stage: AccountStage;
  readonly tempDir: string;
  readonly pid: number;
}

/** Calls are counted by thread, so those of the pool have to come from one thread: for the processes that are looked at. */
export const tracedEnv = { UV_THREADPOOL_SIZE: "1" };

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
const files = ["", "lock", "sync.db", "sync.db-journal", "sync.c1z", "debug.log"];
const prefix = "baton-cursor-sync-";

/** The point as people write it. */
export function callName({ phase, call, file, nth }: CallPoint): string {
  return `${phase}, ${call} ${file === "" ? "the directory" : file} (${nth})`;
}

/** Lists the calls of a sync in order. `sync` has an idle process do one; it is done twice. */
export async function listCalls(traced: Traced, sync: () => Promise<unknown>): Promise<readonly CallPoint[]> {
  const first = await attachStrace(traced.pid, { calls: openingCalls, mainThread: true });
  await sync();
  const opening = numbered(await first.end(), ({ call }) => call).flatMap(({ one, nth }) => {
    const file = fileOf(one);
    return file === undefined ? [] : [{ phase: "opening" as const, call: one.call, file, nth }];
  });
  const second = attachAtRoster(traced, (directories) => ({ calls, paths: pathsOf(directories, files) }));
  await sync();
  const seen = (await (await second).end()).map((one) => ({ call: one.call, file: fileOf(one) ?? "?" }));
  const writing = numbered(seen, ({ call, file }) => `${call} ${file}`);
  return [...opening, ...writing.map(({ one, nth }) => ({ ...one, phase: "writing" as const, nth }))];
}

/** Has the point tampered with in the next sync of an idle process. Resolves with the watch as soon as it has begun. */
export function tamperWith(
  traced: Traced,
  { phase, call, file, nth }: CallPoint,
  how: Omit<Tampering, "call" | "nth">,
): { readonly ready: Promise<unknown>; readonly attached: Promise<Strace> } {
  const tampering = { ...how, call, nth };
  if (phase === "opening") {
    const attached = attachStrace(traced.pid, { calls: openingCalls, mainThread: true, tampering });
    return { ready: attached, attached };
  }
  const attached = attachAtRoster(traced, (directories) => ({
    calls,
    paths: pathsOf(directories, [file]),
    tampering,
  }));
  return { ready: Promise.resolve(), attached };
}

function pathsOf(directories: readonly string[], names: readonly string[]): readonly string[] {
  return directories.flatMap((directory) => names.map((name) => join(directory, name)));
}

/** Attaches when a process has its private directories and waits for the roster. The first request from now on is held until then. */
async function attachAtRoster(
  { stage, tempDir, pid }: Traced,
  watch: (directories: readonly string[]) => Parameters<typeof attachStrace>[1],
): Promise<Strace> {
  const { promise, resolve, reject } = Promise.withResolvers<Strace>();
  stage.cursor.setOnRequest(async (_request, phase) => {
    if (phase === "done") return undefined;
    stage.cursor.setOnRequest(undefined);
    const names = (await readdir(tempDir)).filter((each) => each.startsWith(prefix));
    await attachStrace(pid, watch(names.map((name) => join(tempDir, name)))).then(resolve, reject);
    return undefined;
  });
  return await promise;
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
