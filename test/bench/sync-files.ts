/**
 * What `inspect` and `diff` take for large files: `npx node test/bench/sync-files.ts [MEMBERS]`, a million by default. Fails when one of them
 * holds the file in memory instead of reading it row by row.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/baton/clock.ts";
import { createSyncWriter } from "../../src/c1z/writer.ts";
import { captureProcess } from "../helpers/capture-process.ts";
import { roleType, toEntitlement, toGrant, toRole, toUser, userType } from "../helpers/sample-sync.ts";
import { memoryTold, tellMemory } from "../helpers/tell-memory.ts";
import { mib, showCount, showMib, showSeconds, table } from "./numbers.ts";

const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;
/** Beyond what the program has anyway: SQLite's cache and a few rows. A million rows held in memory are several times as much. */
const mostBytes = 256 * mib;

const id = (n: number): string => `user_${String(n).padStart(8, "0")}`;

/** Writes a team from one number on, everybody a member. */
async function writeTeam(tempDir: string, from: number, count: number, path: string): Promise<void> {
  await using writer = await createSyncWriter({ tempDir, clock: systemClock })("full");
  for (const type of [roleType, userType]) writer.putResourceType(type);
  const member = toEntitlement(toRole("member", "Member"));
  writer.putResource(member.resource);
  for (let n = from; n < from + count; n += 1) writer.putResource(toUser({ id: id(n), role: "member" }));
  writer.putEntitlement(member);
  for (let n = from; n < from + count; n += 1) writer.putGrant(toGrant(member, id(n)));
  const file = await writer.finish(new AbortController().signal);
  copyFileSync(file.path, path);
}

function measure(args: readonly string[], directory: string) {
  const startMs = performance.now();
  const output = join(directory, "output");
  const env = { PATH: process.env["PATH"], BATON_TMPDIR: directory, NODE_OPTIONS: tellMemory };
  // The output is of any size, and people are what was asked for.
  const capture = captureProcess(args, env, { shows: "people" });
  const stdio = ["ignore", openSync(output, "w"), "pipe"] as const;
  const { status, stderr } = spawnSync(executable, args, { encoding: "utf8", env, stdio: [...stdio] });
  capture.lookAtOutput({ stdout: "", stderr });
  capture.end();
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  const seconds = (performance.now() - startMs) / 1000;
  return { seconds, printedBytes: statSync(output).size, peakBytes: memoryTold(stderr).peakBytes };
}

const members = Number(process.argv[2] ?? 1_000_000);
const directory = mkdtempSync(join(tmpdir(), "bench-sync-files-"));
try {
  const [before, after] = [join(directory, "before.c1z"), join(directory, "after.c1z")];
  // One in a hundred goes, as many come.
  await writeTeam(directory, 0, members, before);
  await writeTeam(directory, Math.floor(members / 100), members, after);
  console.log(`${showCount(members)} members, ${showMib(statSync(before).size)} packed`);
  const calls: readonly (readonly string[])[] = [
    ["inspect", before],
    ["inspect", before, "--table=users"],
    ["inspect", before, "--table=grants", "--output=json"],
    ["inspect", before, `--user=${id(members - 1)}@example.com`],
    ["diff", before, after],
  ];
  const rows = calls.map((args) => ({ args, ...measure(args, directory) }));
  const shown = rows.map(({ args, peakBytes, printedBytes, seconds }) => [
    args.filter((arg) => !arg.endsWith(".c1z")).join(" "),
    showSeconds(seconds),
    showMib(peakBytes),
    showMib(printedBytes),
  ]);
  console.log(table(["command", "time", "peak RSS", "printed"], shown));
  if (rows.some(({ peakBytes }) => peakBytes > mostBytes)) {
    console.log(`more than ${showMib(mostBytes)} of memory`);
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true });
}
