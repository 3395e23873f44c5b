import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { zstdDecompressSync } from "node:zlib";

/** What a zstd frame says about itself (RFC 8878, section 3.1.1). */
export interface ZstdFrame {
  readonly contentSize: number | undefined;
  readonly windowBytes: number;
  readonly checksum: boolean;
  readonly singleSegment: boolean;
  /** Length of the whole frame. */
  readonly bytes: number;
}

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** An opened sync file. Disposing removes the unpacked copy. */
export interface C1z extends Disposable {
  /** The frames after the magic bytes; a good file has one. */
  readonly frames: readonly ZstdFrame[];
  /** The unpacked database. */
  readonly databasePath: string;
  readonly databaseBytes: Buffer;
  /** Any query. */
  all(sql: string, ...values: string[]): Row[];
  /** All rows of a table in the order of their row ids. */
  rows(table: string): Row[];
}

/**
 * Reads a v1 sync file, given as a path or as bytes, without any of the product's code, and throws on anything that is
 * not exactly one: wrong magic, bytes after the last frame, a checksum or size that does not fit, a damaged database.
 */
export function readC1z(file: string | Uint8Array): C1z {
  const bytes = typeof file === "string" ? readFileSync(file) : Buffer.from(file);
  if (bytes.subarray(0, 5).toString("latin1") !== "C1ZF\0") throw new Error("not a v1 sync file: wrong magic bytes");
  const frames = readFrames(bytes.subarray(5));
  const databaseBytes = zstdDecompressSync(bytes.subarray(5));
  const folder = mkdtempSync(join(tmpdir(), "read-c1z-"));
  try {
    const databasePath = join(folder, "db");
    writeFileSync(databasePath, databaseBytes, { mode: 0o600 });
    const db = new DatabaseSync(databasePath, { readOnly: true });
    const all = (sql: string, ...values: string[]): Row[] => db.prepare(sql).all(...values);
    const [integrity] = all("PRAGMA integrity_check");
    if (integrity?.["integrity_check"] !== "ok") throw new Error(`damaged: ${integrity?.["integrity_check"]}`);
    return {
      frames,
      databasePath,
      databaseBytes,
      all,
      rows: (table) => all(`SELECT * FROM ${table} ORDER BY id`),
      [Symbol.dispose]() {
        if (db.isOpen) db.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The frames that follow each other in `bytes`; throws where something else stands. */
export function readFrames(bytes: Buffer): ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const frame = readFrame(bytes.subarray(at));
    frames.push(frame);
    at += frame.bytes;
  }
  return frames;
}

function readFrame(bytes: Buffer): ZstdFrame {
  if (bytes.readUInt32LE(0) !== 0xfd2f_b528) throw new Error("not a zstd frame");
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 0x04) !== 0;
  let at = 5;
  let windowBytes = 0;
  if (!singleSegment) {
    const window = bytes.readUInt8(at);
    const base = 2 ** (10 + (window >> 3));
    windowBytes = base + (base / 8) * (window & 7);
    at += 1;
  }
  at += [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const contentSize = readContentSize(bytes, at, sizeBytes);
  at += sizeBytes;
  if (singleSegment) windowBytes = contentSize ?? 0;
  for (let last = false; !last; ) {
    const header = bytes.readUIntLE(at, 3);
    last = (header & 1) === 1;
    const runLength = ((header >> 1) & 3) === 1;
    at += 3 + (runLength ? 1 : header >> 3);
  }
  return { contentSize, windowBytes, checksum, singleSegment, bytes: at + (checksum ? 4 : 0) };
}

function readContentSize(bytes: Buffer, at: number, sizeBytes: number): number | undefined {
  if (sizeBytes === 0) return undefined;
  if (sizeBytes === 8) return Number(bytes.readBigUInt64LE(at));
  // RFC 8878: the two-byte form is offset by 256.
  return bytes.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
}
