/** Time and memory of whole syncs, beside what others take for the same rows: `make bench`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptance, type Line } from "./acceptance.ts";
import { freshDirectory, measureIdle, measureInARow, measureTeam, type TeamResult } from "./measure.ts";
import { showCount, showMib, showMilliCores, showSeconds } from "./numbers.ts";
import { planOf } from "./plan.ts";
import { acceptanceTable, comparisonTable, inARowTable, machineFacts, ourTable } from "./report.ts";
import { prepareTools } from "./run-others.ts";

/** Where the lines of the acceptance are left for others to read. */
const build = new URL("../../build/bench/", import.meta.url);

const say = (text = ""): void => void process.stdout.write(`${text}\n`);

async function main(directory: string): Promise<boolean> {
  const startedMs = performance.now();
  const plan = planOf(process.argv.slice(2));
  const tools = prepareTools();
  const skipped = tools.missing.length === 0 ? undefined : `${tools.missing.join(", ")} not found`;
  say(machineFacts(tools.versions));
  if (skipped !== undefined) say(`comparison: SKIPPED, ${skipped}`);

  const teams: TeamResult[] = [];
  for (const team of plan.teams) {
    say(`\n${showCount(team.active)} members (${team.removed} removed)`);
    const own = freshDirectory(directory, String(team.active));
    teams.push(await measureTeam(team, own, skipped === undefined, say));
  }
  const { syncs, team } = plan.inARow;
  say(`\n${syncs} syncs of ${showCount(team.active)} members in one process`);
  const inARow = await measureInARow(plan.inARow, freshDirectory(directory, "in-a-row"));
  say(`\nidle for ${showSeconds(plan.idleMs / 1000)}`);
  const idle = await measureIdle(plan.idleMs, freshDirectory(directory, "idle"));
  say(`  ${showMib(idle.rssBytes)}, ${showMilliCores(idle.milliCores)}`);

  say(`\n== Ours\n${ourTable(teams)}\n\n${inARowTable(inARow)}`);
  say("\n== Others on the same rows");
  if (skipped !== undefined) say(`SKIPPED: ${skipped}`);
  for (const result of teams) if (result.comparison !== undefined) say(`${comparisonTable(result)}\n`);
  const lines = acceptance({ teams, inARow, idle, skipped });
  say(`\n== Acceptance\n${acceptanceTable(lines)}`);
  mkdirSync(build, { recursive: true });
  writeFileSync(new URL("acceptance.json", build), JSON.stringify(lines));
  say(`\nbenchmark ended after ${showSeconds((performance.now() - startedMs) / 1000)}`);
  return lines.every(holds);
}

/** Where nobody looks at the output, a comparison that did not happen must not look like one that went well. */
function holds({ verdict }: Line): boolean {
  return verdict !== "FAIL" && !(verdict === "SKIPPED" && process.env["CI"] === "true");
}

const directory = mkdtempSync(join(tmpdir(), "baton-bench-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.exitCode = (await main(directory)) ? 0 : 1;
