import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { otherMembers, others, person, type Scenario, scenarios } from "./account-crash-scenarios.ts";
import { startAccountStage } from "./account-stage.ts";
import { crashAndRepeat, listSteps, type Moment, type Step } from "./crash-and-repeat.ts";

const limit = { timeout: 60_000 };
const moments: readonly Moment[] = ["received", "took effect"];

for (const scenario of scenarios) {
  test(`${scenario.name}: killed at every step, then repeated`, { concurrency: 4, timeout: 120_000 }, async (t) => {
    const steps = await stepsOf(scenario);
    const each = steps.flatMap((step) => moments.map((moment) => ({ step, moment })));
    await Promise.all(each.map(({ step, moment }) => crashAt(t, scenario, step, moment)));
  });
}

async function stepsOf({ env, from, stage: options, steps: wanted, task }: Scenario): Promise<readonly Step[]> {
  await using stage = await startAccountStage(options);
  const steps = await listSteps(stage, task, env);
  const names = steps.map(({ name }) => name);
  assert.ok(from === undefined || names.includes(from), `the steps are ${names.join(", ")}`);
  assert.deepEqual(inOrder(wanted, names), wanted, `the steps are ${names.join(", ")}`);
  return steps.slice(from === undefined ? 0 : names.indexOf(from));
}

/** As many of the wanted names as come one after the other. */
function inOrder(wanted: readonly string[], names: readonly string[]): readonly string[] {
  let found = 0;
  for (const name of names) if (name === wanted[found]) found += 1;
  return wanted.slice(0, found);
}

function crashAt(t: TestContext, scenario: Scenario, step: Step, moment: Moment): Promise<void> {
  const name = `${step.name}${step.index > 0 ? ` (${step.index + 1})` : ""}: ${moment}`;
  return t.test(name, limit, async () => {
    await using stage = await startAccountStage(scenario.stage);
    const { cursor, scim } = stage;
    const before = scim.records.filter(isOther).map((record) => ({ ...record }));
    const aftermath = await crashAndRepeat(stage, scenario.task, { step, moment, ...scenario });
    await using daemon = aftermath.daemon;
    await scenario.judge(stage, aftermath);
    const own = scim.records.filter((record) => !isOther(record));
    assert.deepEqual(
      own.map(({ active, userName }) => ({ active, userName })),
      scenario.records.map((each) => ({ ...each, userName: person })),
    );
    assert.deepEqual(scim.records.filter(isOther), before);
    assert.deepEqual(
      scim.effects.map(({ kind, userName }) => [kind, userName]),
      scenario.effects.map((kind) => [kind, person]),
    );
    assert.deepEqual(cursor.members.slice(0, otherMembers.length), otherMembers);
    assert.deepEqual(scim.violations, []);
    const writes = scim.requests.filter(({ method }) => method !== "GET");
    if (aftermath.changedBefore)
      assert.equal(writes.length, scenario.effects.length, "the second process wrote as well");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  });
}

function isOther({ userName }: { readonly userName: string }): boolean {
  return others.includes(userName);
}
