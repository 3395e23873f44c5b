import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { holds } from "./judge.ts";
import type { Outcome } from "./outcome.ts";

const nothingElse = { directory: "-", team: "-", effects: "-" };
const done: Outcome = { ...nothingElse, ending: "ok", content: "33 users #1" };
const failed: Outcome = { ...nothingElse, ending: "code 14 retryable", content: "-" };

const same = (expected: Outcome, outcome: Outcome) =>
  (["baton-cursor", "go-sdk"] as const).map((program) => holds(program, { expected, outcome, plain: done }));

suite("the judge", () => {
  test("takes what the manifest says from both", () => assert.deepEqual(same(done, done), [true, true]));

  test("holds ours alone to the code of a failure and to one upload", () => {
    assert.deepEqual(same(failed, { ...failed, ending: "code 2 retryable" }), [false, true]);
    assert.deepEqual(same(done, { ...done, content: "2 × 33 users #1" }), [false, true]);
    assert.deepEqual(same({ ...failed, ending: "exit 5" }, { ...failed, ending: "exit 16" }), [false, true]);
  });

  test("takes a task that is done from the other where ours must give up", () => {
    assert.deepEqual(same(failed, done), [false, true]);
  });

  test("takes a wrong team, a lost task, a final failure or a needless exit from nobody", () => {
    const wrong: readonly Outcome[] = [
      { ...done, content: "32 users #2" },
      { ...done, content: "33 users #1 and 32 users #2" },
      { ...failed, ending: "nothing" },
      { ...failed, ending: "code 14 final" },
      { ...failed, ending: "exit 16" },
      { ...failed, ending: "ok" },
      { ...done, ending: "ok and ok" },
    ];
    for (const found of wrong) assert.deepEqual(same(done, found), [false, false], JSON.stringify(found));
    for (const found of wrong) assert.deepEqual(same(failed, found), [false, false], JSON.stringify(found));
  });

  test("takes a clean exit for a failure from nobody", () => {
    const refused = { ...failed, ending: "exit 16" };
    assert.deepEqual(same(refused, { ...failed, ending: "exit 0" }), [false, false]);
  });
});
