import { posix } from "node:path";
import { StatusError } from "../../src/baton/status-error.ts";
import type { ConfigFiles } from "../../src/config/files.ts";
import type { ConfigInput } from "../../src/config/sources.ts";

/** A right client id and client secret; the key is made up (seed 00 01 02 … 1f). */
export const clientId = "test-client-12345@acme.example.com/ccc";
export const clientSecret =
  "secret-token:conductorone.com:v1:eyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IkE2RUh2X1BPRUw0ZGNOMFk1MHZBbVdmazFqQ2JwUTFmSGR5R1pCSlZNYmciLCJkIjoiQUFFQ0F3UUZCZ2NJQ1FvTERBME9EeEFSRWhNVUZSWVhHQmthR3h3ZEhoOCJ9";

/** Least environments: a one-shot run and a daemon. */
export const oneShotEnv = { BATON_CURSOR_API_KEY: "key_1" };
export const serviceEnv = { ...oneShotEnv, BATON_CLIENT_ID: clientId, BATON_CLIENT_SECRET: clientSecret };

export interface World {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Texts by absolute path; their directories exist too. */
  readonly files?: Readonly<Record<string, string>>;
  /** Links by absolute path. */
  readonly links?: Readonly<Record<string, string>>;
  /** Files that cannot be read. */
  readonly unreadable?: readonly string[];
  /** Directories that cannot be written. */
  readonly readOnly?: readonly string[];
  readonly hostname?: string;
}

/** A machine in memory: current directory /srv, temporary directory /tmp. */
export function configInput(world: World = {}): ConfigInput {
  return {
    argv: world.argv ?? [],
    env: world.env ?? {},
    files: memoryFiles(world),
    cwd: "/srv",
    hostname: world.hostname ?? "machine",
    tempDir: "/tmp",
  };
}

function memoryFiles({ files = {}, links = {}, unreadable = [], readOnly = [] }: World): ConfigFiles {
  const directories = new Set([
    "/",
    "/srv",
    "/tmp",
    ...readOnly,
    ...Object.keys(files).map((path) => posix.dirname(path)),
  ]);
  return {
    readText(path) {
      if (unreadable.includes(path)) throw new StatusError("failed_precondition", "cannot be read (EACCES)");
      return files[path];
    },
    realPath: (path) => links[path],
    directoryProblem(path, use) {
      if (files[path] !== undefined) return "is not a directory";
      if (!directories.has(path)) return "does not exist";
      return use === "write" && readOnly.includes(path) ? "is not writable" : undefined;
    },
  };
}
