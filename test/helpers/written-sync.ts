import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/baton/clock.ts";
import type { SyncFile, SyncType, SyncWriter } from "../../src/baton/sync-writer.ts";
import { createSyncWriter } from "../../src/c1z/writer.ts";
import { type C1z, readC1z } from "./read-c1z.ts";
import { putAll, type SampleSync, sampleSync } from "./sample-sync.ts";

/** The clock of the tests: 24 November 2026, 19:30:00.25 UTC. */
export const nowMs = Date.UTC(2026, 10, 24, 19, 30, 0, 250);
const fixedClock = { ...systemClock, nowMs: () => nowMs };

/** A file as it was before its writer was disposed of. */
export interface WrittenSync {
  readonly bytes: Buffer;
  readonly file: SyncFile;
  /** Permission bits. */
  readonly mode: number;
}

/** Writes a sync in a directory of its own and removes it. */
export async function writeSync(
  rows: SampleSync | ((writer: SyncWriter) => void),
  syncType: SyncType = "full",
  clock = fixedClock,
): Promise<WrittenSync> {
  const tempDir = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    await using writer = await createSyncWriter({ tempDir, clock })(syncType);
    if (typeof rows === "function") rows(writer);
    else putAll(writer, rows);
    const file = await writer.finish(new AbortController().signal);
    return { bytes: readFileSync(file.path), file, mode: statSync(file.path).mode & 0o777 };
  } finally {
    rmSync(tempDir, { recursive: true });
  }
}

/** Writes a sync and opens what came out. */
export async function writeAndRead(
  rows: SampleSync | ((writer: SyncWriter) => void),
  syncType: SyncType = "full",
): Promise<C1z> {
  return readC1z((await writeSync(rows, syncType)).bytes);
}

/** A team of an owner, a member and a removed member whose id is an e-mail address. */
export const smallTeam = sampleSync([
  { id: "user_9fQ2", role: "owner" },
  { id: "user_b", role: "member" },
  { id: "email:c@d", role: "member", removed: true },
]);
