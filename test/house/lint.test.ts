import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";

const root = new URL("../../", import.meta.url).pathname;

/** Lints one fixture under the project's own rules, in a folder of its own, and returns what Biome printed. */
function lint(fixture: string): { readonly code: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), "baton-lint-"));
  try {
    const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    writeFileSync(
      join(folder, "biome.json"),
      JSON.stringify({ ...config, $schema: undefined, vcs: { enabled: false }, files: {}, root: true }),
    );
    cpSync(join(root, "test/fixtures/house/lint", fixture), join(folder, fixture));
    const run = spawnSync(join(root, "node_modules/.bin/biome"), ["lint", "--error-on-warnings", "."], {
      cwd: folder,
      encoding: "utf8",
    });
    return { code: run.status, output: run.stdout + run.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

suite("lint rules that a daemon dies without", () => {
  for (const [fixture, rule] of [
    ["floating-promise.ts", "noFloatingPromises"],
    ["misused-promise.ts", "noMisusedPromises"],
    ["default-export.ts", "noDefaultExport"],
  ] as const) {
    test(`${fixture} is reported as ${rule}`, () => {
      const { code, output } = lint(fixture);
      assert.notEqual(code, 0);
      assert.match(output, new RegExp(rule));
    });
  }
});
