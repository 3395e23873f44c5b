import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { StatusError } from "../baton/status-error.ts";

/** What the configuration needs of the file system. */
export interface ConfigFiles {
  /**
   * The text of a file; `undefined` when it does not exist. Throws `failed_precondition` when it exists but cannot be read, and
   * `resource_exhausted` when it is longer than 1 MiB.
   */
  readText(path: string): string | undefined;
  /** Where a path leads after following links; `undefined` when it leads nowhere. */
  realPath(path: string): string | undefined;
  /** What keeps the directory from being used, in a few words; `undefined` when nothing does. */
  directoryProblem(path: string, use: "read" | "write"): string | undefined;
}

/** What Kubernetes allows a whole Secret or ConfigMap. */
const maxTextBytes = 1024 * 1024;

/** The machine's own file system. */
export const localFiles: ConfigFiles = {
  readText(path) {
    try {
      const bytes = readBeginning(path, maxTextBytes + 1);
      if (bytes.length > maxTextBytes) throw new StatusError("resource_exhausted", "is longer than 1 MiB");
      return bytes.toString("utf8");
    } catch (error) {
      if (error instanceof StatusError) throw error;
      const code = codeOf(error);
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new StatusError("failed_precondition", `cannot be read (${code})`, { cause: error });
    }
  },
  realPath(path) {
    try {
      return realpathSync(path);
    } catch {
      return undefined;
    }
  },
  directoryProblem(path, use) {
    try {
      if (!statSync(path).isDirectory()) return "is not a directory";
    } catch {
      return "does not exist";
    }
    try {
      accessSync(path, use === "write" ? constants.W_OK | constants.X_OK : constants.R_OK | constants.X_OK);
      return undefined;
    } catch {
      return use === "write" ? "is not writable" : "is not readable";
    }
  },
};

/** At most `maxBytes` of a file, or of what a shell's process substitution puts in its place. */
function readBeginning(path: string, maxBytes: number): Buffer {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(maxBytes);
    let bytes = 0;
    for (let read = -1; read !== 0 && bytes < maxBytes; bytes += read) {
      read = readSync(file, buffer, bytes, maxBytes - bytes, null);
    }
    return buffer.subarray(0, bytes);
  } finally {
    closeSync(file);
  }
}

/** What to do about a file that `readText` has thrown `error` over. */
export function unreadableFix(error: unknown): string {
  return error instanceof StatusError && error.code === "resource_exhausted"
    ? "name the right file: neither a configuration nor a credential is so long"
    : "give the user of this process the right to read it";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
