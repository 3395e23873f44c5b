import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** What a mounted Secret held at one moment. */
export interface SecretFiles {
  /** Texts by file name; files that are missing or empty are left out. */
  readonly texts: ReadonlyMap<string, string>;
  /** Why a file that is there cannot be used, by its name and in words that follow it; never any of its text. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Nobody's credential is longer; the limit keeps a wrong mount from filling the memory. */
const maxBytes = 64 * 1024;
/** A reading that the kubelet's swap has disturbed is made again at once; more swaps in a row than this never happen. */
const maxAttempts = 20;
const pauseMs = 5;

/**
 * Reads all files of one moment. Kubernetes replaces a mounted Secret by moving the link `..data` to a new directory and
 * deleting the old one (https://kubernetes.io/docs/concepts/configuration/secret/): the link is resolved once and everything
 * read behind it, so that a client id and a secret never come from two versions. A plain directory is read until two readings
 * agree. Throws `failed_precondition` when there is no such directory, `unavailable` when it keeps changing; rejects with the
 * signal's reason on abort.
 */
export async function readSecretDirectory(
  directory: string,
  names: readonly string[],
  clock: Clock,
  signal: AbortSignal,
): Promise<SecretFiles> {
  let previous: SecretFiles | undefined;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    if (attempt > 1) await clock.sleep(pauseMs, signal);
    const target = await versionOf(directory);
    const files = await readFiles(target ?? directory, names);
    if (target === undefined) {
      if (previous !== undefined && same(files, previous)) return await unlessGone(directory, files);
      previous = files;
    } else if (files.texts.size === names.length || (await versionOf(directory)) === target) {
      // The kubelet deletes a version file by file, after the link has moved: what is missing is so only while it has not.
      return files;
    }
  }
  throw new StatusError("unavailable", "the secrets directory keeps changing while it is read");
}

/** The directory of the version in force; `undefined` in a plain directory. */
async function versionOf(directory: string): Promise<string | undefined> {
  return realpath(join(directory, "..data")).catch(() => undefined);
}

async function unlessGone(directory: string, files: SecretFiles): Promise<SecretFiles> {
  if (files.texts.size > 0 || files.problems.size > 0) return files;
  await realpath(directory).catch((reason: unknown) => {
    throw new StatusError("failed_precondition", `the secrets directory is not there (${codeOf(reason)})`);
  });
  return files;
}

async function readFiles(directory: string, names: readonly string[]): Promise<SecretFiles> {
  const texts = new Map<string, string>();
  const problems = new Map<string, string>();
  for (const name of names) {
    const { text, problem } = await readSecret(join(directory, name));
    if (problem !== undefined) problems.set(name, problem);
    else if (text !== undefined && text.trim() !== "") texts.set(name, text);
  }
  return { texts, problems };
}

interface SecretText {
  readonly text?: string;
  readonly problem?: string;
}

/** Neither text nor problem for a file that is not there. */
async function readSecret(path: string): Promise<SecretText> {
  let file: FileHandle | undefined;
  try {
    // Without waiting: a pipe in its place must not hold the process.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
    if (bytesRead > maxBytes) return { problem: `is longer than ${maxBytes / 1024} KiB` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, bytesRead));
    if (text.includes("\0")) return { problem: "holds a NUL character" };
    return { text: text.replace(/\r?\n$/, "") };
  } catch (reason) {
    const code = codeOf(reason);
    if (code === "ENOENT" || code === "ENOTDIR") return {};
    return { problem: code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8 text" : `cannot be read (${code})` };
  } finally {
    await file?.close();
  }
}

function same(left: SecretFiles, right: SecretFiles): boolean {
  return sameEntries(left.texts, right.texts) && sameEntries(left.problems, right.problems);
}

function sameEntries(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([name, text]) => right.get(name) === text);
}

function codeOf(reason: unknown): string {
  return reason instanceof Error && "code" in reason ? String(reason.code) : "unknown error";
}
