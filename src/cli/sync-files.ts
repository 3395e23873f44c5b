import { setImmediate } from "node:timers/promises";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import { openSyncFile, type SyncReader, type SyncRun } from "../c1z/sync-reader.ts";
import { defaultMaxDatabaseBytes } from "../c1z/unpack.ts";
import { options } from "../config/options.ts";
import { resolveOption } from "../config/parse.ts";
import { ConfigError, type Problem } from "../config/problem.ts";
import { type ConfigInput, readSources } from "../config/sources.ts";
import type { CommandFlag } from "./commands.ts";

/** What a command about sync files was called with. */
export interface SyncFileCall {
  readonly files: readonly string[];
  /** Values of the command's own flags, by name. */
  readonly flags: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly tempDir: string;
}

/** Reads the command line of such a command; nothing else of the configuration is needed. Throws a ConfigError. */
export function readSyncFileCall(input: ConfigInput, own: readonly CommandFlag[], fileCount: number): SyncFileCall {
  const sources = readSources(input, own);
  const problems: Problem[] = [...sources.flags.problems];
  const [, ...files] = sources.flags.words;
  if (files.length !== fileCount) {
    const fix = fileCount === 1 ? "baton-cursor inspect sync.c1z" : "baton-cursor diff old.c1z new.c1z";
    problems.push({ field: "the command", message: `needs ${fileCount} file(s) and got ${files.length}`, fix });
  }
  const output = resolveOption(options.output, sources);
  const tempDir = resolveOption(options.c1zTempDir, sources);
  if ("problem" in output) problems.push(output.problem);
  if ("problem" in tempDir) problems.push(tempDir.problem);
  if (problems.length > 0 || "problem" in output || "problem" in tempDir) throw new ConfigError(problems);
  const flags = new Map(
    own.flatMap(({ name }) => {
      const text = sources.flags.texts.get(name)?.at(-1)?.trim() ?? "";
      return text === "" ? [] : [[name, text] as const];
    }),
  );
  return { files, flags, json: output.value === "json", tempDir: tempDir.value };
}

/** Opens a file; rejects as `openSyncFile`. */
export function openFile(path: string, { tempDir }: SyncFileCall, signal: AbortSignal): Promise<SyncReader> {
  return openSyncFile({ path, tempDir, maxDatabaseBytes: defaultMaxDatabaseBytes, signal });
}

/** The sync that is meant: by its id, else the newest that ended, full ones first. Throws `not_found`. */
export function chooseRun({ runs }: SyncReader, id: string | undefined, path: string): SyncRun {
  const ended = runs.filter(({ endedAt }) => endedAt !== undefined);
  const newest = ended.findLast(({ type }) => type === "full") ?? ended.at(-1);
  const run = id === undefined ? newest : runs.find((each) => each.id === id);
  if (run !== undefined) return run;
  const known = runs.map((each) => each.id).join(", ");
  throw new StatusError(
    "not_found",
    id === undefined
      ? `${path} holds no sync that has ended`
      : `${path} holds no sync ${JSON.stringify(id)}; it holds ${known}`,
  );
}

/** Rows between two turns of the event loop: signals are heard in between. */
const rowsPerTurn = 1_000;

/** Gives `take` one row after the other. Rejects with the signal's reason soon after it aborts, however many there are. */
export async function eachRow<T>(rows: Iterable<T>, signal: AbortSignal, take: (row: T) => void): Promise<void> {
  let sinceTurn = 0;
  for (const row of rows) {
    take(row);
    sinceTurn += 1;
    if (sinceTurn < rowsPerTurn) continue;
    sinceTurn = 0;
    await setImmediate();
    throwIfAborted(signal);
  }
}
