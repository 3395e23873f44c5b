import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StatusError } from "../baton/status-error.ts";
import { isBusy } from "./sqlite-error.ts";

// Every private directory holds a file that its owner keeps locked. The kernel drops the lock when the owner dies,
// however it dies, so a directory whose lock can be taken is abandoned. Process ids could not tell that: they are
// reused, and containers that share a volume are all process 1 to themselves. Node has no call for file locks; SQLite's
// own are used (fcntl, which also holds between containers of one machine and over NFS version 4). An empty database
// with a write transaction open is a held lock.

const prefix = "baton-cursor-sync-";
const lockName = "lock";
const attempts = 10;

/**
 * A directory that only this process may enter; disposing removes it with all it holds, as often as it is called. Keep
 * the object until then: the lock that protects the directory is gone once the object is collected. Disposing does not
 * reject: what a broken disk does not let go of is left to the next sweep.
 */
export interface PrivateDirectory extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a directory with a random name and mode 0700 below `tempDir`, and holds it against `sweepLeavings` of other
 * processes. Throws `failed_precondition` when `tempDir` is missing or not writable, `resource_exhausted` when it is
 * full.
 */
export function makePrivateDirectory(tempDir: string): PrivateDirectory {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const path = makeDirectory(tempDir);
    const lock = lockNew(path, tempDir);
    // A sweep that runs at this very moment may have taken the new directory for an abandoned one.
    if (lock !== undefined) return { path, [Symbol.asyncDispose]: () => discard(path, lock) };
  }
  throw new StatusError(
    "internal",
    `no private directory in ${tempDir} could be locked: does its file system support file locks?`,
  );
}

/**
 * Removes what killed processes of this program left below `tempDir` and returns how many directories that were.
 * Directories of living processes, of other users and of other programs stay, and so does what cannot be removed. Throws
 * `failed_precondition` when `tempDir` cannot be listed.
 */
export async function sweepLeavings(tempDir: string): Promise<number> {
  let removed = 0;
  for (const name of await list(tempDir)) {
    if (name.startsWith(prefix) && (await sweepOne(join(tempDir, name)))) removed += 1;
  }
  return removed;
}

/**
 * Bytes on disk of all private directories below `tempDir`, those of other processes of this user included: they share the
 * space. What vanishes meanwhile counts as nothing. Throws `failed_precondition` when `tempDir` cannot be listed.
 */
export async function scratchBytes(tempDir: string): Promise<number> {
  let bytes = 0;
  for (const name of await list(tempDir)) {
    const directory = join(tempDir, name);
    if (!name.startsWith(prefix) || !(await isOurs(directory))) continue;
    for (const file of await readdir(directory).catch(() => [])) bytes += await bytesOnDisk(join(directory, file));
  }
  return bytes;
}

async function bytesOnDisk(path: string): Promise<number> {
  const blockBytes = 512;
  const stats = await lstat(path).catch(() => undefined);
  return (stats?.blocks ?? 0) * blockBytes;
}

async function list(tempDir: string): Promise<readonly string[]> {
  try {
    return await readdir(tempDir);
  } catch (error) {
    throw unusable(tempDir, error);
  }
}

async function sweepOne(path: string): Promise<boolean> {
  try {
    if (!(await isOurs(path))) return false;
    const lock = tryLock(path);
    if (lock === undefined) return false;
    await discard(path, lock);
    return true;
  } catch {
    // Gone meanwhile, or on a broken file system. The next sweep tries again; nothing may fail for old rubbish.
    return false;
  }
}

/** In a shared temporary directory anybody can make the name; only what is ours to the last bit is ours to touch. */
async function isOurs(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
}

function makeDirectory(tempDir: string): string {
  try {
    // mkdtemp(3) makes it with mode 0700. Nothing else may be done before it is locked: a sweep can take it at any moment.
    return mkdtempSync(join(tempDir, prefix));
  } catch (error) {
    throw unusable(tempDir, error);
  }
}

/**
 * The lock of a directory that was just made, which goes again when it cannot be locked; `undefined` when a sweep was
 * faster.
 */
function lockNew(path: string, tempDir: string): DatabaseSync | undefined {
  try {
    // SQLite would make the file too, but would not say that the disk is full. Only before anybody can hold the lock:
    // closing any descriptor of a file lets go of all locks that the process has on it.
    closeSync(openSync(join(path, lockName), "a", 0o600));
    return tryLock(path);
  } catch (error) {
    if (!existsSync(path)) return undefined;
    removeNow(path);
    throw error instanceof StatusError ? error : unusable(tempDir, error);
  }
}

function removeNow(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next sweep tries again.
  }
}

/** Holds the lock of the directory, or `undefined` when another process does or has removed the directory meanwhile. */
function tryLock(directory: string): DatabaseSync | undefined {
  const path = join(directory, lockName);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path);
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    // Whoever sweeps holds the lock until the file is gone: a lock on a file without a name is a lock on nothing.
    if (existsSync(path)) return lock;
  } catch (error) {
    if (!isBusy(error) && existsSync(path)) {
      lock?.close();
      throw StatusError.from(error);
    }
  }
  lock?.close();
  return undefined;
}

async function discard(path: string, lock: DatabaseSync): Promise<void> {
  // The lock is released last, so that no sweep meets a half-removed directory; a sweep that opens the lock file at
  // this moment can make it anew between two deletions, hence the retries. A sync that C1 has accepted does not fail
  // because its file cannot be removed.
  await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 }).catch(() => undefined);
  if (lock.isOpen) lock.close();
}

function unusable(tempDir: string, error: unknown): StatusError {
  const known = StatusError.from(error);
  if (known.code === "resource_exhausted") return known;
  const code = error instanceof Error && "code" in error ? String(error.code) : known.message;
  return new StatusError(
    "failed_precondition",
    `the temporary directory ${tempDir} cannot be used (${code}): it must exist and be writable`,
    { cause: error },
  );
}
