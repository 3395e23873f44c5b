import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { emptiness } from "./harness/floor.ts";
import { type RunOptions, runTarget } from "./harness/run-target.ts";
import { targets } from "./harness/toys.ts";

const module = new URL("./harness/toys.ts", import.meta.url);

/** Runs a toy until something is found, or a minute is over. */
async function runToy(name: string, over: Partial<RunOptions> = {}) {
  const target = targets.find((each) => each.name === name);
  assert.ok(target);
  const options = { module, corpus: [], budgetMs: 60_000, seed: 1, hangMs: 10_000, heapMb: 64, ...over };
  return await runTarget(target, options);
}

suite("the fuzzing harness", () => {
  test("finds what only a look at the reached blocks leads to, and shortens it", async () => {
    const { finding } = await runToy("deep");
    assert.match(finding?.message ?? "", /TypeError: the bottom was reached/);
    assert.deepEqual([...(finding?.input ?? [])], [0x44, 0x33, 0xc2, 0x11]);
  });

  for (const [name, message, over] of [
    ["hangs", /longer than 1000 ms/, { hangMs: 1000 }],
    ["slow", /ms of processor time, more than 100 ms/, {}],
    ["grows", /ERR_WORKER_OUT_OF_MEMORY|memory limit/i, {}],
    ["forgets", /nobody looked/, {}],
    ["pollutes", /Object\.prototype was changed/, {}],
  ] as const) {
    test(`finds a parser that ${name}, with an input`, async () => {
      const { finding } = await runToy(name, over);
      assert.match(finding?.message ?? "nothing was found", message);
      assert.ok(finding !== undefined && finding.input.length > 0);
    });
  }

  test("finds nothing where nothing is, keeps inputs of both verdicts, and does the same again with the same seed", async () => {
    const { accepted, finding, kept, refused, runs } = await runToy("sound", { budgetMs: 500 });
    assert.equal(finding, undefined);
    assert.ok(runs > 100 && accepted + refused >= runs);
    assert.deepEqual(kept.map(({ length }) => length > 4).sort(), [false, true]);
    assert.deepEqual(emptiness({ accepted, refused, runs, newInputs: 1, reached: 0.5 }, 1), []);
    const [one, other] = [await runToy("deep"), await runToy("deep")];
    assert.deepEqual([one.runs, one.finding], [other.runs, other.finding]);
  });

  test("says of a target that throws away every input that nothing was tried", async () => {
    const result = await runToy("blind", { budgetMs: 200 });
    assert.equal(result.finding, undefined);
    assert.deepEqual(emptiness(result, 0), [
      "no input was accepted",
      "nothing of what it covers was reached",
      "no kept input was replayed: FUZZ_KEEP=1 keeps some",
    ]);
  });
});
