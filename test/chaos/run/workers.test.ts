import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { catalog } from "../catalog/catalog.ts";
import type { InjectionResult } from "../injection.ts";
import { planned } from "../schedule.ts";
import { batonCursor } from "./baton-cursor.ts";
import { runAll } from "./workers.ts";

suite("a run of many faults", () => {
  test("begins nothing once it is over, and starts no program for it", async () => {
    const plan = catalog.slice(0, 3).map((entry) => planned(entry, 1));
    const results: InjectionResult[] = [];
    const start = (): never => assert.fail("a program was started");
    await runAll({
      plan,
      program: { ...batonCursor, start },
      seed: 1,
      jobs: 2,
      onResult: async (result) => void results.push(result),
      isOver: () => true,
    });
    assert.deepEqual(results, []);
  });
});
