import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { C1zContents } from "../fakes/c1-server.ts";
import { type Cursor, startCursor } from "./cursor.ts";
import type { Plan, Team, TeamPlan } from "./plan.ts";
import { exportRows, type OtherRun, runSdk, runYardstick } from "./run-others.ts";
import { type OurSync, readUpload, startStage } from "./run-ours.ts";

/** Everybody who wrote the same rows; the runs of each, in order. */
export interface Comparison {
  readonly sqlite: OtherRun[];
  readonly pebble: OtherRun[];
  readonly yardstick: OtherRun[];
}

/** What one team showed. */
export interface TeamResult {
  readonly team: TeamPlan;
  readonly ours: OurSync[];
  /** Seconds from exec to the first GetTask, one per run. */
  readonly starts: number[];
  /** As read from the bytes of the first upload. */
  readonly contents: C1zContents;
  readonly answers: Pick<Cursor, "bytes" | "pages">;
  readonly comparison: Comparison | undefined;
}

/**
 * Runs one team: in each round a fresh daemon makes one sync, then the others write the rows of the first round's file,
 * so that whatever else the machine does falls on all of them alike.
 */
export async function measureTeam(
  team: TeamPlan,
  directory: string,
  canCompare: boolean,
  say: (text: string) => void,
): Promise<TeamResult> {
  await using cursor = await startCursor(team);
  const ours: OurSync[] = [];
  const starts: number[] = [];
  const comparison: Comparison | undefined =
    team.compare && canCompare ? { sqlite: [], pebble: [], yardstick: [] } : undefined;
  let contents: C1zContents | undefined;
  let file: string | undefined;
  const exported = join(directory, "exported");
  for (let round = 1; round <= team.rounds; round += 1) {
    const run = await oneSync(cursor, directory);
    ours.push(run.sync);
    starts.push(run.startSeconds);
    contents ??= await readUpload(run.sync.path, team);
    if (file === undefined) {
      file = run.sync.path;
      if (comparison !== undefined) exportRows(file, exported);
    } else {
      rmSync(run.sync.path);
    }
    if (comparison !== undefined) compareOnce(comparison, file, directory, exported);
    say(`  round ${round} of ${team.rounds} done`);
  }
  rmSync(exported, { recursive: true, force: true });
  if (file === undefined || contents === undefined) throw new Error("a team needs at least one round");
  rmSync(file);
  return { team, ours, starts, contents, answers: cursor, comparison };
}

async function oneSync(cursor: Cursor, directory: string): Promise<{ sync: OurSync; startSeconds: number }> {
  await using stage = await startStage(cursor, directory);
  return { sync: await stage.sync(), startSeconds: stage.startSeconds };
}

function compareOnce(comparison: Comparison, file: string, directory: string, exported: string): void {
  comparison.sqlite.push(runSdk("sqlite", file, directory));
  comparison.pebble.push(runSdk("pebble", file, directory));
  comparison.yardstick.push(runYardstick(exported));
}

/** Peak memory after each of several syncs in one process. */
export interface InARow {
  readonly team: Team;
  readonly syncs: readonly OurSync[];
}

export async function measureInARow({ syncs, team }: Plan["inARow"], directory: string): Promise<InARow> {
  await using cursor = await startCursor(team);
  await using stage = await startStage(cursor, directory);
  const done: OurSync[] = [];
  while (done.length < syncs) {
    const sync = await stage.sync();
    await readUpload(sync.path, team);
    rmSync(sync.path);
    done.push(sync);
  }
  return { team, syncs: done };
}

/** A daemon that has nothing to do but to ask for work now and then. */
export interface Idle {
  readonly rssBytes: number;
  /** Thousandths of one processor core. */
  readonly milliCores: number;
}

const settleMs = 2_000;
const idlePollMs = 3_000;

/** Memory of a daemon that has said Hello and found nothing to do for a while, polling once a second. */
export async function measureIdle(idleMs: number, directory: string): Promise<Idle> {
  await using cursor = await startCursor({ active: 10, removed: 0 });
  await using stage = await startStage(cursor, directory, idlePollMs);
  // What the start leaves to be done is not idling.
  await delay(settleMs);
  const [startedMs, usedBefore] = [performance.now(), stage.cpuSeconds()];
  await delay(idleMs);
  const milliCores = ((stage.cpuSeconds() - usedBefore) * 1_000_000) / (performance.now() - startedMs);
  return { rssBytes: await stage.rssBytes(), milliCores };
}

/** An empty directory for one part of the benchmark. */
export function freshDirectory(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}
