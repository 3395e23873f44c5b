import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What the header of the one zstd frame of a file says (RFC 8878 section 3.1.1). */
export interface FrameFacts {
  readonly contentSize: number | undefined;
  readonly checksum: boolean;
  readonly windowBytes: number;
  /** Offset behind the frame; anything from there on does not belong to it. */
  readonly end: number;
  readonly fileBytes: number;
}

const zstdMagic = 0xfd2fb528;
const rleBlock = 1;
const reservedBlock = 3;

/** Walks the frame that begins at `offset` without decoding it. Throws an Error when it is broken or cut off. */
export function readFrameFacts(path: string, offset: number): FrameFacts {
  const fd = openSync(path, "r");
  try {
    return walkFrame((at, length) => readExactly(fd, at, length), offset, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

function walkFrame(read: (at: number, length: number) => Buffer, offset: number, fileBytes: number): FrameFacts {
  if (read(offset, 4).readUInt32LE() !== zstdMagic) throw new Error("no zstd frame behind the magic");
  const descriptor = read(offset + 4, 1).readUInt8();
  let at = offset + 5;
  const singleSegment = (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 0x04) !== 0;
  const window = singleSegment ? undefined : windowSize(read(at, 1).readUInt8());
  if (!singleSegment) at += 1;
  at += [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const contentSize = sizeBytes === 0 ? undefined : readContentSize(read(at, sizeBytes));
  at = skipBlocks(read, at + sizeBytes) + (checksum ? 4 : 0);
  if (at > fileBytes) throw new Error("the zstd frame is cut off");
  return { contentSize, checksum, windowBytes: window ?? contentSize ?? 0, end: at, fileBytes };
}

function skipBlocks(read: (at: number, length: number) => Buffer, start: number): number {
  for (let at = start; ; ) {
    const header = read(at, 3).readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    if (type === reservedBlock) throw new Error("a reserved zstd block type");
    at += 3 + (type === rleBlock ? 1 : header >> 3);
    if ((header & 1) === 1) return at;
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readContentSize(bytes: Buffer): number {
  if (bytes.length === 1) return bytes.readUInt8();
  if (bytes.length === 2) return bytes.readUInt16LE() + 256;
  return bytes.length === 4 ? bytes.readUInt32LE() : Number(bytes.readBigUInt64LE());
}

function readExactly(fd: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  if (readSync(fd, buffer, 0, length, at) !== length) throw new Error("the zstd frame is cut off");
  return buffer;
}
