import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { share } from "./share.ts";

suite("a budget that replicas share", () => {
  for (const [budget, replicas, part] of [
    [15, 1, 15],
    [15, 2, 7],
    [15, 4, 3],
    [50, 3, 16],
    [2, 3, 1],
    [0, 3, 0],
  ] as const) {
    test(`${budget} for ${replicas} is ${part} each`, () => assert.equal(share(budget, replicas), part));
  }
});
