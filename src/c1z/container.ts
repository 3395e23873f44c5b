import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open, rm } from "node:fs/promises";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { throwIfAborted } from "../baton/status-error.ts";
import type { SyncFile } from "../baton/sync-writer.ts";

/** First bytes of a v1 sync file, `C1ZF\0`; one zstd frame with the database follows. */
export const magic = Uint8Array.of(0x43, 0x31, 0x5a, 0x46, 0x00);

/** The level of the official writer; its window of 2 MiB is far below the 8 MiB that every reader grants. */
const compressionLevel = 3;
/** Smaller chunks cost time, larger ones memory. */
const chunkBytes = 256 * 1024;

export interface PackOptions {
  readonly databasePath: string;
  /** Must not exist; made with mode 0600. */
  readonly targetPath: string;
  readonly signal: AbortSignal;
}

/**
 * Packs a closed database into a sync file: the magic bytes and one zstd frame with content size and checksum, flushed
 * to disk. Compression runs off the main thread; memory is a few chunks. Rejects with the signal's reason on abort, and
 * leaves no target behind when it fails.
 */
export async function packDatabase({ databasePath, targetPath, signal }: PackOptions): Promise<SyncFile> {
  throwIfAborted(signal);
  await using database = await open(databasePath, "r");
  const target = await open(targetPath, "wx", 0o600);
  try {
    const packed = await pack(database, target, signal);
    await target.sync();
    await target.close();
    return { path: targetPath, ...packed };
  } catch (error) {
    await target.close();
    await rm(targetPath, { force: true });
    throw error;
  }
}

async function pack(database: FileHandle, target: FileHandle, signal: AbortSignal): Promise<Omit<SyncFile, "path">> {
  const { size } = await database.stat();
  const output = new HashedOutput(target);
  await output.write(magic);
  const compress = createZstdCompress({
    chunkSize: chunkBytes,
    // With the size given zstd records it in the frame and fails when another number of bytes arrives.
    pledgedSrcSize: size,
    params: {
      [constants.ZSTD_c_compressionLevel]: compressionLevel,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
    },
  });
  const produced: Uint8Array[] = [];
  compress.on("data", (chunk: Uint8Array) => produced.push(chunk));
  // Whoever waits for a chunk or for the end sees the failure; a failure between two waits must not end the process.
  compress.on("error", () => {});
  try {
    const buffer = new Uint8Array(chunkBytes);
    for (let read = await fill(database, buffer); read > 0; read = await fill(database, buffer)) {
      throwIfAborted(signal);
      await writeChunk(compress, buffer.subarray(0, read));
      for (const chunk of produced.splice(0)) await output.write(chunk);
    }
    // Only now that every write has been answered: ending earlier adds an empty second frame (nodejs/node#66078).
    const ended = once(compress, "end");
    compress.end();
    await ended;
    for (const chunk of produced) await output.write(chunk);
  } finally {
    compress.destroy();
  }
  throwIfAborted(signal);
  return output.result();
}

async function fill(database: FileHandle, buffer: Uint8Array): Promise<number> {
  const { bytesRead } = await database.read(buffer, 0, buffer.length);
  return bytesRead;
}

/** Settles when the chunk is compressed, so that its buffer may be filled again. */
function writeChunk(compress: ZstdCompress, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // A chunk that zstd refuses is reported by the event alone.
    compress.once("error", reject);
    compress.write(chunk, (error) => {
      compress.off("error", reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Writes to a file and remembers how much and what. */
class HashedOutput {
  readonly #target: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  constructor(target: FileHandle) {
    this.#target = target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await this.#target.write(chunk, at, chunk.length - at);
      at += bytesWritten;
    }
  }

  result(): Omit<SyncFile, "path"> {
    return { bytes: this.#bytes, sha256: new Uint8Array(this.#hash.digest()) };
  }
}
