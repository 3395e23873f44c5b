import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import { magic } from "./container.ts";
import { declaredBytes, maxFrameHeaderBytes } from "./frame-header.ts";

/** Magic of the newer format, `C1Z3\0`. */
const newerMagic = "C1Z3\0";
/** What the official reader grants at most, in bytes: the window of a frame, and what a file may unpack to. */
const maxWindowLog = 27;
export const defaultMaxDatabaseBytes = 10 * 1024 ** 3;

export interface UnpackOptions {
  /** The sync file. */
  readonly path: string;
  /** Must not exist; made with mode 0600. */
  readonly databasePath: string;
  /** A file that unpacks to more is refused before so much is written. */
  readonly maxDatabaseBytes: number;
  readonly signal: AbortSignal;
}

/** Sizes of an unpacked file, in bytes. */
export interface Unpacked {
  readonly fileBytes: number;
  readonly databaseBytes: number;
}

/**
 * Unpacks a v1 sync file, in memory of a few chunks. Rejects with `not_found` and `failed_precondition` for a file that cannot
 * be read, `invalid_argument` for one that is no sync file, `unimplemented` for the newer format, `data_loss` for a damaged or
 * cut-off one, `resource_exhausted` beyond the limits, and with the signal's reason on abort.
 */
export async function unpackDatabase(options: UnpackOptions): Promise<Unpacked> {
  const { databasePath, path, signal } = options;
  throwIfAborted(signal);
  await using source = await openSource(path);
  const { size } = await source.stat();
  await checkMagic(source, path, size);
  await using target = await open(databasePath, "wx", 0o600);
  let databaseBytes = 0;
  for (let offset: number = magic.length; offset < size; ) {
    await checkDeclared(source, options, offset, databaseBytes);
    const frame = await unpackFrame(options, target, offset, databaseBytes);
    offset += frame.consumed;
    databaseBytes += frame.produced;
  }
  return { fileBytes: size, databaseBytes };
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    const source = await open(path, "r");
    if ((await source.stat()).isFile()) return source;
    await source.close();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    if (code === "ENOENT") throw new StatusError("not_found", `there is no file ${path}`);
    throw new StatusError("failed_precondition", `${path} cannot be read (${code})`, { cause });
  }
  throw new StatusError("failed_precondition", `${path} is not a file`);
}

async function checkMagic(source: FileHandle, path: string, size: number): Promise<void> {
  if (size === 0) throw new StatusError("data_loss", `${path} is empty: the sync that was to write it did not end`);
  const { buffer, bytesRead } = await source.read(Buffer.alloc(magic.length), 0, magic.length, 0);
  if (buffer.toString("latin1") === newerMagic) {
    throw new StatusError(
      "unimplemented",
      `${path} is a sync file of the newer format (v3, Pebble), which this program does not read: use the \`baton\` tool`,
    );
  }
  if (bytesRead < magic.length || !buffer.equals(magic)) {
    throw new StatusError("invalid_argument", `${path} is not a sync file: it does not begin like one`);
  }
  if (size === magic.length) throw new StatusError("data_loss", `${path} is cut off after its first bytes`);
}

/** A frame that says to be too large is refused before anything of it is unpacked. */
async function checkDeclared(
  source: FileHandle,
  { maxDatabaseBytes, path }: UnpackOptions,
  offset: number,
  before: number,
): Promise<void> {
  const { buffer } = await source.read(Buffer.alloc(maxFrameHeaderBytes), 0, maxFrameHeaderBytes, offset);
  if (before + (declaredBytes(buffer) ?? 0) > maxDatabaseBytes) throw tooLarge(path, maxDatabaseBytes);
}

/** One zstd frame from `offset` on; a file may have several, one after the other. */
async function unpackFrame(
  { maxDatabaseBytes, path, signal }: UnpackOptions,
  target: FileHandle,
  offset: number,
  before: number,
): Promise<{ readonly consumed: number; readonly produced: number }> {
  const decompress = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } });
  let produced = 0;
  try {
    await pipeline(
      createReadStream(path, { start: offset }),
      decompress,
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          produced += chunk.length;
          if (before + produced > maxDatabaseBytes) throw tooLarge(path, maxDatabaseBytes);
          await target.write(chunk, 0, chunk.length, before + produced - chunk.length);
        }
      },
      { signal },
    );
  } catch (reason) {
    throw signal.aborted ? StatusError.from(signal.reason) : frameFailure(reason, path, offset);
  }
  if (decompress.bytesWritten === 0)
    throw new StatusError("data_loss", `${path} ends in something that is no sync file`);
  return { consumed: decompress.bytesWritten, produced };
}

function tooLarge(path: string, maxDatabaseBytes: number): StatusError {
  const gib = Math.round((maxDatabaseBytes / 1024 ** 3) * 100) / 100;
  return new StatusError("resource_exhausted", `${path} unpacks to more than ${gib} GiB, which no sync file does`);
}

function frameFailure(reason: unknown, path: string, offset: number): StatusError {
  if (reason instanceof StatusError) return reason;
  const code = reason instanceof Error && "code" in reason ? String(reason.code) : "";
  if (code === "ENOSPC") return StatusError.from(reason);
  if (code === "Z_BUF_ERROR") return new StatusError("data_loss", `${path} is cut off: copy it again`);
  if (code === "ZSTD_error_checksum_wrong")
    return new StatusError("data_loss", `${path} is damaged (checksum): copy it again`);
  if (code === "ZSTD_error_frameParameter_windowTooLarge") {
    return new StatusError("resource_exhausted", `${path} needs more memory to unpack than any sync file does`);
  }
  if (code === "ZSTD_error_prefix_unknown" && offset > magic.length) {
    return new StatusError("data_loss", `${path} ends in something that is no sync file`);
  }
  return new StatusError("data_loss", `${path} cannot be unpacked (${code || "unknown error"})`);
}
