import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";

/** The texts of a mounted Secret by file name; files that are missing or empty are left out. */
export type SecretTexts = ReadonlyMap<string, string>;

/** Nobody's credential is longer; the limit keeps a wrong mount from filling the memory. */
const maxBytes = 64 * 1024;
/** A reading that the kubelet's swap has disturbed is made again at once; more swaps in a row than this never happen. */
const maxAttempts = 20;
const pauseMs = 5;

/**
 * Reads all files of one moment. Kubernetes replaces a mounted Secret by moving the link `..data` to a new directory and
 * deleting the old one (https://kubernetes.io/docs/concepts/configuration/secret/): the link is resolved once and everything
 * read behind it, so that a client id and a secret never come from two versions. A plain directory is read until two readings
 * agree. Throws `failed_precondition` naming the file that cannot be used, never its text; rejects with the signal's reason
 * on abort.
 */
export async function readSecretDirectory(
  directory: string,
  names: readonly string[],
  clock: Clock,
  signal: AbortSignal,
): Promise<SecretTexts> {
  let previous: SecretTexts | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const target = await realpath(join(directory, "..data")).catch(() => undefined);
    const texts = await readOnce(target ?? directory, names, target !== undefined);
    if (texts !== undefined && (target !== undefined || (previous !== undefined && same(texts, previous))))
      return texts;
    previous = texts;
    if (attempt >= maxAttempts)
      throw new StatusError("unavailable", "the secrets directory keeps changing while it is read");
    await clock.sleep(pauseMs, signal);
  }
}

/** `undefined` when the directory was replaced meanwhile. */
async function readOnce(
  directory: string,
  names: readonly string[],
  versioned: boolean,
): Promise<SecretTexts | undefined> {
  const texts = new Map<string, string>();
  for (const name of names) {
    const text = await readSecret(join(directory, name), name);
    if (text !== undefined && text.trim() !== "") texts.set(name, text);
  }
  // What is missing may only be missing because the directory itself went.
  if (versioned && texts.size < names.length && !(await exists(directory))) return undefined;
  return texts;
}

async function readSecret(path: string, name: string): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    // Without waiting: a pipe in its place must not hold the process.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
    if (bytesRead > maxBytes) throw unusable(name, `is longer than ${maxBytes / 1024} KiB`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, bytesRead));
    if (text.includes("\0")) throw unusable(name, "holds a NUL character");
    return text.replace(/\r?\n$/, "");
  } catch (reason) {
    if (reason instanceof StatusError) throw reason;
    const code = reason instanceof Error && "code" in reason ? String(reason.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unusable(
      name,
      code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8 text" : `cannot be read (${code})`,
    );
  } finally {
    await file?.close();
  }
}

async function exists(directory: string): Promise<boolean> {
  return realpath(directory).then(
    () => true,
    () => false,
  );
}

function same(left: SecretTexts, right: SecretTexts): boolean {
  return left.size === right.size && [...left].every(([name, text]) => right.get(name) === text);
}

function unusable(name: string, why: string): StatusError {
  return new StatusError("failed_precondition", `the file ${name} of the secrets directory ${why}`);
}
