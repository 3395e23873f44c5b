import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { type TestContext, test } from "node:test";
import { interruptAndRepeat, listPoints, type Signal } from "./interrupt.ts";
import { type Point, pointName } from "./moments.ts";
import type { SweepScenario } from "./sweep-scenario.ts";
import { judgeEnds } from "./verdict.ts";

const limit = { timeout: 120_000 };
/** Most of the time a process waits, for the other side or for its own start to be read from disk. */
export const concurrency = 2 * availableParallelism();

export interface SweepOptions {
  readonly signals: readonly Signal[];
  /** Which of the points, by name; all without it. */
  readonly picks?: (name: string, index: number) => boolean;
}

/** A test that interrupts the scenario with each signal at each of its points, each in a test of its own. */
export function sweep(scenario: SweepScenario, { signals, picks = () => true }: SweepOptions): void {
  test(`${scenario.name}: interrupted at every point, then repeated`, {
    concurrency,
    timeout: 3_600_000,
  }, async (t) => {
    const points = await pointsOf(scenario);
    const each = points.flatMap((point) => signals.map((signal) => ({ point, signal })));
    const named = each.map((one) => ({ ...one, name: `${scenario.name}: ${pointName(one.point)}: ${one.signal}` }));
    await Promise.all(named.filter(({ name }, index) => picks(name, index)).map((one) => sweepPoint(t, scenario, one)));
  });
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

interface Named {
  readonly name: string;
  readonly point: Point;
  readonly signal: Signal;
}

function sweepPoint(t: TestContext, scenario: SweepScenario, { name, point, signal }: Named): Promise<void> {
  return t.test(name, limit, async () => {
    await using stage = await scenario.stage();
    const judge = scenario.observe(stage);
    const interruption = await interruptAndRepeat(scenario, stage, { point, signal });
    await using lodging = interruption.lodging;
    judgeEnds(interruption, { point, signal, mayTell: scenario.mayTell(point) });
    await judge(interruption);
    const { daemon } = interruption.after;
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(await lodging.leavings(), []);
  });
}
