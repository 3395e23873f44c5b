import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { type TestContext, test } from "node:test";
import { atPoint, type Interrupt, interruptAndRepeat, listPoints, type Signal } from "./interrupt.ts";
import { isPoll, type Point, pointName } from "./moments.ts";
import type { SweepScenario } from "./sweep-scenario.ts";
import { judgeEnds, type Verdict } from "./verdict.ts";

const limit = { timeout: 120_000 };
/** Most of the time a process waits, for the other side or for its own start to be read from disk. */
export const patient = { concurrency: 2 * availableParallelism(), timeout: 3_600_000 };

export interface SweepOptions {
  readonly signals: readonly Signal[];
  /** Which of the points, by name; all without it. */
  readonly picks?: (name: string) => boolean;
}

/** A test that interrupts the scenario with each signal at each of its requests, each in a test of its own. */
export function sweep(scenario: SweepScenario, { signals, picks = () => true }: SweepOptions): void {
  test(`${scenario.name}: interrupted at every request, then repeated`, patient, async (t) => {
    const points = await pointsOf(scenario);
    const cases = points.map((point) => ({
      name: pointName(point),
      interrupt: atPoint(point),
      mayTell: scenario.mayTell(point),
      reports: reportsOf(point),
    }));
    await sweepCases(t, scenario, cases, { signals, picks });
  });
}

/** A point with all that is to be known of it. */
export interface SweepCase extends Omit<Verdict, "signal"> {
  readonly name: string;
  readonly interrupt: Interrupt;
  /** More variables for both processes. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Plays those of the cases that are picked, each with each signal. */
export async function sweepCases(
  t: TestContext,
  scenario: SweepScenario,
  cases: readonly SweepCase[],
  { signals, picks = () => true }: SweepOptions,
): Promise<void> {
  const each = cases.flatMap((one) => signals.map((signal) => ({ ...one, signal })));
  const named = each.map((one) => ({ ...one, name: `${scenario.name}: ${one.name}: ${one.signal}` }));
  await Promise.all(named.filter(({ name }) => picks(name)).map((one) => sweepOne(t, scenario, one)));
}

/** Reports that C1 has taken when a process is killed there. Beside a poll, and what is asked at the start, a task goes on. */
function reportsOf({ busy, name, moment }: Point): readonly number[] {
  if (isPoll(name) || busy === "starting") return [0, 1];
  return [name === "FinishTask" && moment === "took effect" ? 1 : 0];
}

async function pointsOf(scenario: SweepScenario): Promise<readonly Point[]> {
  const points = scenario.narrow(await listPoints(scenario));
  const names = points.filter(({ moment }) => moment === "received").map(({ name }) => name);
  const wanted = scenario.steps.slice(Math.max(0, scenario.steps.indexOf(names[0] ?? "")));
  assert.deepEqual(inOrder(wanted, names), wanted, `the steps are ${names.join(", ")}`);
  return points;
}

/** As many of the wanted names as come one after the other. */
function inOrder(wanted: readonly string[], names: readonly string[]): readonly string[] {
  let found = 0;
  for (const name of names) if (name === wanted[found]) found += 1;
  return wanted.slice(0, found);
}

function sweepOne(t: TestContext, scenario: SweepScenario, one: SweepCase & Pick<Verdict, "signal">): Promise<void> {
  return t.test(one.name, limit, async () => {
    await using stage = await scenario.stage();
    const judge = scenario.observe(stage);
    const interruption = await interruptAndRepeat(scenario, stage, one.interrupt, one);
    await using lodging = interruption.lodging;
    judgeEnds(interruption, one);
    await judge(interruption);
    const { daemon } = interruption.after;
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(await lodging.leavings(), []);
  });
}
