import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { readImports } from "./imports.ts";

const tests = new URL("../", import.meta.url).pathname;
const planted = new URL("../fixtures/house/manifest/", import.meta.url).pathname;

/** Of faults of the network, of the machine, and of interrupted syncs. */
const manifests = ["chaos/manifest/", "chaos/machine/manifest.ts", "chaos/sweeps/expected-sync.ts"];

/** None of them can load a file. */
const harmless = ["node:assert/strict", "node:crypto", "node:test"];
/** Ways to code that no import statement names. */
const hidden = /\b(?:(?:require|createRequire|import|eval|Function)\s*\(|getBuiltinModule\b)/g;

/**
 * Everything that the manifest's files come to import, as `file: what`, that is neither a test's own file nor a harmless module,
 * and every call that may load code past the imports.
 */
function foreignImports(root: string): readonly string[] {
  const imports = Map.groupBy(readImports(root), ({ from }) => from);
  const files = globSync(["chaos/**/*.ts"], { cwd: root });
  const open = files.filter((file) => manifests.some((name) => file.startsWith(name)));
  const seen = new Set(open);
  const foreign: string[] = [];
  for (const file of open) {
    for (const [call] of readFileSync(join(root, file), "utf8").matchAll(hidden)) foreign.push(`${file}: ${call}`);
    for (const { specifier, target } of imports.get(file) ?? []) {
      if (harmless.includes(specifier)) continue;
      if (target === undefined || target.startsWith("../")) foreign.push(`${file}: ${target ?? specifier}`);
      else if (!seen.has(target)) open.push(target);
      if (target !== undefined) seen.add(target);
    }
  }
  assert.ok(seen.size > 0, "there is no manifest to look at");
  return foreign;
}

suite("the manifests of the chaos runs", () => {
  test("all are there", () => {
    const files = readImports(tests).map(({ from }) => from);
    const imported = readImports(tests).flatMap(({ target }) => (target === undefined ? [] : [target]));
    for (const name of manifests)
      assert.ok(
        [...files, ...imported].some((file) => file.startsWith(name)),
        name,
      );
  });

  test("are computed without the product, and without whatever imports it", () => {
    assert.deepEqual(foreignImports(tests), []);
  });

  test("planted imports are found: one over two files, and those that go past import statements", () => {
    assert.deepEqual(foreignImports(planted).toSorted(), [
      "chaos/manifest/loader.ts: createRequire(",
      "chaos/manifest/loader.ts: getBuiltinModule",
      "chaos/manifest/loader.ts: import(",
      "chaos/manifest/loader.ts: node:module",
      "chaos/rows.ts: ../src/schema.ts",
    ]);
  });
});
