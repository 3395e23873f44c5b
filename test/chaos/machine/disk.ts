import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "./tool.ts";

/** A file system of a few MiB in memory. Disposing takes it away. */
export interface SmallDisk extends AsyncDisposable {
  /** A directory on it. */
  readonly path: string;
  /** Leaves so many bytes free. Throws unless the system then refuses to take more. */
  leaveBytes(bytes: number): void;
  /** Leaves room for so many new files and directories. Throws unless the system then refuses to make more. */
  leaveInodes(count: number): void;
  /** Takes away what fills it. */
  clear(): void;
  /** From now on nothing can be written, or it can again. Throws while a file is open for writing, and unless it is so. */
  setReadOnly(readOnly: boolean): void;
}

const mebibyte = 1024 ** 2;
const page = 4096;
const sizeMib = 64;
const inodes = 64;

/** Why there can be no such disk here; `undefined` when there can. */
export function diskProblem(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can mount a small disk";
  try {
    // In a name space of its own, so that nothing has to be taken away.
    runTool("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt");
    return undefined;
  } catch (reason) {
    return `a small disk cannot be mounted here: ${String(reason)}`;
  }
}

/** Mounts an empty one. */
export async function mountSmallDisk(): Promise<SmallDisk> {
  const mountPoint = await mkdtemp(join(tmpdir(), "small-disk-"));
  runTool("mount", "-t", "tmpfs", "-o", `size=${sizeMib}m,nr_inodes=${inodes},mode=0700`, "tmpfs", mountPoint);
  const path = join(mountPoint, "scratch");
  const filler = join(mountPoint, "filler");
  const probe = join(mountPoint, "probe");
  mkdirSync(path);
  mkdirSync(filler);
  mkdirSync(probe);
  return {
    path,
    leaveBytes(bytes) {
      const { bavail, bsize } = statfsSync(mountPoint);
      const fd = openSync(join(filler, "bytes"), "w");
      for (let left = bavail * bsize - Math.floor(bytes); left > 0; )
        left -= writeSync(fd, Buffer.alloc(Math.min(left, mebibyte)));
      closeSync(fd);
      demandRefusal("ENOSPC", probe, () => writeFileSync(join(probe, "bytes"), Buffer.alloc(Math.floor(bytes) + page)));
    },
    leaveInodes(count) {
      const { ffree } = statfsSync(mountPoint);
      for (let made = 0; made < ffree - count; made += 1) writeFileSync(join(filler, `inode-${made}`), "");
      demandRefusal("ENOSPC", probe, () => {
        for (let made = 0; made <= count; made += 1) writeFileSync(join(probe, `inode-${made}`), "");
      });
    },
    clear() {
      rmSync(filler, { recursive: true });
      mkdirSync(filler);
    },
    setReadOnly(readOnly) {
      runTool("mount", "-o", `remount,${readOnly ? "ro" : "rw"}`, mountPoint);
      if (readOnly) demandRefusal("EROFS", probe, () => writeFileSync(join(probe, "bytes"), ""));
    },
    async [Symbol.asyncDispose]() {
      runTool("umount", mountPoint);
      await rmdir(mountPoint).catch(() => rm(mountPoint, { recursive: true, force: true }));
    },
  };
}

/** Tries what the system must refuse with `code`, and takes away what came of it. */
function demandRefusal(code: string, directory: string, act: () => void): void {
  try {
    act();
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === code) return;
    throw reason;
  } finally {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  }
  throw new Error(`the disk does not refuse with ${code}`);
}
