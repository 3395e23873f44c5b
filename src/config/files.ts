import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { StatusError } from "../baton/status-error.ts";

/** What the configuration needs of the file system. */
export interface ConfigFiles {
  /** The text of a file; `undefined` when it does not exist. Throws a StatusError when it exists but cannot be read. */
  readText(path: string): string | undefined;
  /** Where a path leads after following links; `undefined` when it leads nowhere. */
  realPath(path: string): string | undefined;
  /** What keeps the directory from being used, in a few words; `undefined` when nothing does. */
  directoryProblem(path: string, use: "read" | "write"): string | undefined;
}

/** The machine's own file system. */
export const localFiles: ConfigFiles = {
  readText(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
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

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
