import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { copyFile, type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { AppDeps } from "../app/deps.ts";
import { createParts } from "../app/parts.ts";
import { withLogScope } from "../baton/log-scope.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncCounts, SyncFile } from "../baton/sync-writer.ts";
import { collectSync } from "../tasks/collect-sync.ts";
import type { SyncPhase } from "../tasks/sync-hooks.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";

export interface OneShotDeps extends AppDeps {
  readonly out: Output;
  readonly stop: AbortSignal;
  /** Directory that a relative `--file` starts from. */
  readonly cwd: string;
  /** True when standard error is a terminal: progress is then shown in one line that is written over. */
  readonly terminal: boolean;
}

/**
 * Reads the team once and leaves a sync file, replacing an older one in one step; a failed run leaves the older one as it
 * is. Resolves with the exit code; Ctrl-C ends it with 1 and leaves nothing behind.
 */
export function oneShotCommand(deps: OneShotDeps): Promise<number> {
  return withLogScope({}, () => syncOnce(deps));
}

async function syncOnce(deps: OneShotDeps): Promise<number> {
  const { config, clock, log, stop, out } = deps;
  const startedMs = clock.monotonicMs();
  const progress = createProgress(deps, startedMs);
  try {
    await using parts = await createParts(deps, stop);
    const target = resolve(deps.cwd, config.file);
    await checkTarget(target);
    const options = {
      resourceTypeIds: config.syncResourceTypes,
      skipGrants: config.skipGrants,
      skipEntitlementsAndGrants: config.skipEntitlementsAndGrants,
      targetedResources: 0,
    };
    await using sync = await collectSync({ ...parts, clock, log, hooks: progress }, options, stop);
    await moveInto(sync.file, target);
    progress.clear();
    parts.connector.accepted(sync.snapshot);
    const print = config.output === "json" ? jsonSummary : summary;
    out.stdout(print(config.file, sync.file, sync.counts, clock.monotonicMs() - startedMs));
    return 0;
  } catch (reason) {
    progress.clear();
    return reportError(stop.aborted ? new StatusError("cancelled", "interrupted; nothing was written") : reason, out);
  }
}

/** Fails before the upstream is asked for anything when the file could not be written in the end. */
async function checkTarget(target: string): Promise<void> {
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new StatusError("failed_precondition", `${target} is a directory: name a file with --file`);
  }
  const probe = besides(target);
  let handle: FileHandle | undefined;
  try {
    handle = await open(probe, "wx", 0o600);
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new StatusError(
      "failed_precondition",
      `cannot write into ${dirname(target)} (${why}): choose a writable place with --file`,
      { cause },
    );
  } finally {
    await handle?.close();
    await rm(probe, { force: true });
  }
}

/** Copies next to the target, syncs and renames, so that a reader sees the old file or the new one and never a part. */
async function moveInto(file: SyncFile, target: string): Promise<void> {
  const partial = besides(target);
  try {
    await copyFile(file.path, partial);
    const handle = await open(partial, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    const error = StatusError.from(cause);
    if (error.code === "resource_exhausted") throw error;
    const why = cause instanceof Error ? cause.message.replace(/, \w+ '.*$/, "") : "unknown error";
    throw new StatusError("failed_precondition", `cannot write ${target}: ${why}; choose another place with --file`, {
      cause,
    });
  }
}

function besides(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
}

const phaseWords: Readonly<Record<SyncPhase, string>> = {
  validate: "reading the team from Cursor",
  types: "writing resource types",
  resources: "writing users and roles",
  entitlements: "writing entitlements",
  grants: "writing grants",
  pack: "packing the file",
  upload: "uploading",
};

function createProgress({ terminal, out, clock }: OneShotDeps, startedMs: number) {
  const show = (phase: SyncPhase, counts: SyncCounts | undefined): void => {
    if (!terminal) return;
    const rows = counts === undefined ? "" : `, ${users(counts)} users, ${counts.grants} grants`;
    out.stderr(`\r\u001b[K${seconds(clock.monotonicMs() - startedMs)}  ${phaseWords[phase]}${rows}`);
  };
  return {
    onPhaseStart: (phase: SyncPhase) => show(phase, undefined),
    onProgress: (phase: SyncPhase, counts: SyncCounts) => show(phase, counts),
    clear(): void {
      if (terminal) out.stderr("\r\u001b[K");
    },
  };
}

function summary(name: string, file: SyncFile, counts: SyncCounts, elapsedMs: number): string {
  const rows: readonly (readonly [string, string])[] = [
    ["users, active", String(counts.usersActive)],
    ["users, removed", String(counts.usersDisabled)],
    ["roles", String(counts.roles)],
    ["entitlements", String(counts.entitlements)],
    ["grants", String(counts.grants)],
    ["file", name],
    ["size", `${file.bytes} bytes`],
    ["sha256", Buffer.from(file.sha256).toString("hex")],
    ["took", seconds(elapsedMs)],
  ];
  return rows.map(([label, value]) => `${label.padEnd(16)}${value}\n`).join("");
}

function jsonSummary(file: string, { bytes, sha256 }: SyncFile, counts: SyncCounts, elapsedMs: number): string {
  const result = { counts, file, bytes, sha256: Buffer.from(sha256).toString("hex"), tookMs: Math.round(elapsedMs) };
  return `${JSON.stringify({ action: "sync", result })}\n`;
}

function users({ usersActive, usersDisabled }: SyncCounts): number {
  return usersActive + usersDisabled;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
