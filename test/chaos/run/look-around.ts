import { setTimeout as delay } from "node:timers/promises";
import { plainOutcome } from "../manifest/manifest.ts";
import { describe } from "../manifest/outcome.ts";
import type { ProcessUnderTest } from "../program.ts";
import type { Lane } from "./lane.ts";
import { mark, observe } from "./observe.ts";
import { nobody, taskOf } from "./people.ts";

/** Far more than it takes, so that a busy machine fails nothing. */
const patienceMs = 120_000;
const tidyMs = 10_000;

/**
 * What has to hold after everything that was played: the process lives, has left no file behind, has broken no rule of C1's or
 * of the directory's, and does the next task rightly. Puts the stage back in order; resolves with what does not hold.
 */
export async function lookAround(lane: Lane, process: ProcessUnderTest): Promise<readonly string[]> {
  const { c1, cursor, scim } = lane.stage;
  const problems: string[] = [];
  const giveUpAt = performance.now() + tidyMs;
  while (process.leftovers().length > 0 && performance.now() < giveUpAt) await delay(50);
  if (process.leftovers().length > 0) problems.push(`left behind: ${process.leftovers().join(", ")}`);
  const live = await process.live();
  if (live !== 200) problems.push(`/live says ${live}`);
  await lane.reset();
  const since = mark(lane.stage);
  const taskId = c1.enqueue(taskOf("sync", nobody));
  const ended = process.ended.then(({ code }) => problems.push(`the process ended with ${code}`));
  await Promise.race([c1.awaitFinish(taskId, patienceMs).catch(() => undefined), ended]);
  const wanted = describe(plainOutcome("sync", cursor.members));
  const found = describe(observe(lane.stage, "sync", taskId, nobody, since));
  if (found !== wanted) problems.push(`the sync after it: ${found}, not ${wanted}`);
  const broken = c1.takeViolations().map(({ where, field, message }) => `${where}: ${field} ${message}`);
  return [...problems, ...broken, ...takeNew(scim.violations)];
}

const told = new WeakMap<readonly string[], number>();

/** The entries that were not there the last time. */
function takeNew(violations: readonly string[]): readonly string[] {
  const fresh = violations.slice(told.get(violations) ?? 0);
  told.set(violations, violations.length);
  return fresh;
}
