import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { inspectBlobs } from "./c1z-blobs.ts";
import { inspectTables } from "./c1z-tables.ts";
import { readFrameFacts } from "./zstd-frame.ts";

/** What C1 finds in an uploaded file. */
export interface C1zContents {
  readonly syncId: string;
  readonly syncType: string;
  readonly resourceTypes: number;
  readonly users: number;
  /** Users whose status is disabled; `undefined` when the records were not looked into. */
  readonly usersDisabled: number | undefined;
  readonly roles: number;
  readonly entitlements: number;
  readonly grants: number;
  /** Bytes of the database inside. */
  readonly databaseBytes: number;
  /** Everything that is wrong with the file; empty for a good one. */
  readonly problems: readonly string[];
}

/** `records` decodes every row, `counts` only counts them (for very large files). */
export type C1zDepth = "records" | "counts";

const magic = Buffer.from("C1ZF\0");
const largestWindow = 8 * 1024 * 1024;

/** Whether the file begins like a c1z. */
export async function isC1z(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.equals(magic);
  } finally {
    await file.close();
  }
}

/** Reads a c1z that this file knows only from the format's description. Never throws for a bad file: see `problems`. */
export async function inspectC1z(path: string, depth: C1zDepth): Promise<C1zContents> {
  const problems: string[] = [];
  const directory = await mkdtemp(join(tmpdir(), "fake-c1-read-"));
  try {
    const databasePath = join(directory, "db");
    await pipeline(
      createReadStream(path, { start: magic.length }),
      createZstdDecompress(),
      createWriteStream(databasePath, { mode: 0o600 }),
    );
    const databaseBytes = (await stat(databasePath)).size;
    problems.push(...frameProblems(path, databaseBytes));
    return { ...readDatabase(databasePath, depth, problems), databaseBytes, problems };
  } catch (reason) {
    problems.push(String(reason));
    return { ...nothing, databaseBytes: 0, problems };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const nothing: Omit<C1zContents, "databaseBytes" | "problems"> = {
  syncId: "",
  syncType: "",
  resourceTypes: 0,
  users: 0,
  usersDisabled: undefined,
  roles: 0,
  entitlements: 0,
  grants: 0,
};

function frameProblems(path: string, databaseBytes: number): string[] {
  const frame = readFrameFacts(path, magic.length);
  const problems: string[] = [];
  if (frame.contentSize !== databaseBytes) {
    problems.push(`the frame declares ${frame.contentSize ?? "no"} bytes, the database has ${databaseBytes}`);
  }
  if (!frame.checksum) problems.push("the frame has no checksum");
  if (frame.windowBytes > largestWindow) problems.push(`the frame's window is ${frame.windowBytes} bytes`);
  if (frame.end !== frame.fileBytes) problems.push(`${frame.fileBytes - frame.end} bytes follow the frame`);
  return problems;
}

function readDatabase(
  path: string,
  depth: C1zDepth,
  problems: string[],
): Omit<C1zContents, "databaseBytes" | "problems"> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = inspectTables(database, problems);
    const usersDisabled = depth === "records" ? inspectBlobs(database, problems) : undefined;
    return { ...tables, usersDisabled };
  } finally {
    database.close();
  }
}
