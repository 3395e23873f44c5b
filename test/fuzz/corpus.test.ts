import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { suite, test } from "node:test";
import { corpusDirectory, readCorpus } from "./harness/corpus.ts";
import { assertPrototypesIntact } from "./harness/prototypes.ts";
import { bytesOf, type Verdict } from "./harness/target.ts";
import { targets } from "./targets/all.ts";

const maxCorpusBytes = 300 * 1024;

suite("every parser of outside data keeps its promise with each kept input", () => {
  for (const target of targets) {
    test(target.name, async () => {
      const verdicts = new Set<Verdict>();
      const kept = readCorpus(target.name);
      assert.ok(kept.length > 0, `corpus/${target.name} holds nothing: FUZZ_KEEP=1 FUZZ_ONLY=${target.name} make fuzz`);
      const inputs = [...target.seeds.map(bytesOf).map((input) => ({ file: "a seed", input })), ...kept];
      for (const { file, input } of inputs) {
        try {
          verdicts.add(await target.run(input));
        } catch (cause) {
          throw new Error(`${target.name}/${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
            cause,
          });
        }
        assertPrototypesIntact();
      }
      assert.deepEqual([...verdicts].sort(), ["accepted", "refused"], "inputs of both kinds are there");
    });
  }

  test("the corpus is small, and every folder of it belongs to a parser", () => {
    const names = targets.map(({ name }) => name);
    assert.deepEqual(
      readdirSync(corpusDirectory).filter((folder) => !names.includes(folder)),
      [],
    );
    const bytes = names.flatMap((name) => readCorpus(name)).reduce((sum, { input }) => sum + input.length, 0);
    assert.ok(bytes > 0 && bytes <= maxCorpusBytes, `${bytes} bytes`);
  });
});
