import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { drawsOf } from "./draw.ts";
import { makeFaults, noFaults } from "./faults.ts";
import { loadAfter, makePlan } from "./plan.ts";
import { fixedAnswers } from "./refusals.ts";

suite("the plan of a soak", () => {
  test("is the same for the same seed and lane, and another for others", () => {
    const shown = (seed: number, lane: string) => JSON.stringify(makePlan(seed, lane, 300));
    assert.equal(shown(1, "a"), shown(1, "a"));
    assert.notEqual(shown(1, "a"), shown(2, "a"));
    assert.notEqual(shown(1, "a"), shown(1, "b"));
  });

  test("has every kind of task and event, and no id twice", () => {
    const { events, tasks } = makePlan(1, "a", 500);
    const kinds = new Set(tasks.map(({ kind }) => kind));
    const own = ["sync", "large-sync", "cancelled-sync", "create", "create-again", "delete", "delete-nobody", "hello"];
    for (const kind of [...own, ...fixedAnswers.map(({ name }) => name)]) assert.ok(kinds.has(kind), kind);
    assert.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length);
    for (const { id } of tasks) assert.match(id, /^[0-9A-Za-z]{27}$/);
    assert.equal(new Set(events.map(({ what }) => what)).size, 5);
  });

  test("who is not reached before the end neither joins nor leaves", () => {
    const plan = makePlan(1, "a", 500);
    const nobody = loadAfter(plan, 0);
    assert.deepEqual([nobody.newcomers, nobody.leavers], [[], []]);
    const half = loadAfter(plan, 250);
    const done = plan.tasks.slice(0, 250);
    assert.equal(half.newcomers.length, done.filter(({ brings }) => brings !== undefined).length);
    assert.equal(half.leavers.length, done.filter(({ takes }) => takes !== undefined).length);
    assert.equal(half.leavers.length + half.stayers.length, nobody.stayers.length);
  });
});

suite("the faults of a soak", () => {
  const rates = { ...noFaults, finish: 0.2, scim: 0.9 };

  test("come at their rates, the same for the same calls in whatever order", () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `task ${index}`);
    const drawn = (order: readonly string[]) => {
      const { c1 } = makeFaults(drawsOf(1), rates);
      return new Map(order.map((id) => [id, c1("FinishTask", id)]));
    };
    const forwards = drawn(ids);
    const backwards = drawn(ids.toReversed());
    for (const id of ids) assert.deepEqual(forwards.get(id), backwards.get(id));
    const share = [...forwards.values()].filter((fault) => fault !== undefined).length / ids.length;
    assert.ok(Math.abs(share - 0.2) < 0.03, `${share}`);
    assert.equal(makeFaults(drawsOf(1), rates).c1("GetTask", ""), undefined);
  });

  test("no call goes wrong four times in a row, and none while all is to be well", () => {
    const { scim, setOn } = makeFaults(drawsOf(1), rates);
    const wrong = Array.from({ length: 200 }, () => (scim("GET", "/Users?x") === undefined ? "." : "x")).join("");
    assert.match(wrong, /xxx/);
    assert.doesNotMatch(wrong, /xxxx/);
    setOn(false);
    for (let call = 0; call < 20; call += 1) assert.equal(scim("GET", "/Users?x"), undefined);
  });
});
