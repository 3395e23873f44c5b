import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";

const root = new URL("../../", import.meta.url).pathname;
const sources = globSync("src/**/*.ts", { cwd: root })
  .filter((file) => !file.includes("/gen/"))
  .map((file) => ({
    file,
    test: file.endsWith(".test.ts"),
    lines: stripComments(readFileSync(root + file, "utf8")).split("\n"),
  }));

/** Blanks comments but keeps line numbers. */
function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, "")).replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Places in product sources that match, except in the files named. */
function places(pattern: RegExp, except: readonly string[] = []): string[] {
  return sources
    .filter((source) => !source.test && !except.includes(source.file))
    .flatMap(({ file, lines }) =>
      lines.flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
}

suite("what Biome cannot say about src", () => {
  test("only main.ts reads the environment", () => {
    assert.deepEqual(places(/process\.env/, ["src/main.ts"]), []);
  });

  test("only clock.ts reads clocks and sets timers, and the text that a browser runs", () => {
    const except = ["src/baton/clock.ts", "src/status/page-script.ts"];
    assert.deepEqual(places(/\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(/, except), []);
  });

  test("no limit whose timer outlives the work, but in commands that end with it", () => {
    const except = ["src/cli/doctor/network.ts", "src/cli/health-check.ts"];
    assert.deepEqual(places(/\bAbortSignal\.timeout\(/, except), []);
  });

  test("no mutable state at module level", () => {
    assert.deepEqual(places(/^(export )?let /), []);
  });

  test("no cast through unknown or any outside wire", () => {
    assert.deepEqual(places(/as unknown as|as any\b|@ts-(ignore|expect-error)/), []);
  });

  test("no source file is longer than 300 lines", () => {
    const long = sources.filter((source) => !source.test && source.lines.length > 300);
    assert.deepEqual(
      long.map(({ file, lines }) => `${file}: ${lines.length}`),
      [],
    );
  });

  test("the package lock holds no registry address", () => {
    assert.doesNotMatch(readFileSync(`${root}package-lock.json`, "utf8"), /"resolved": "https?:/);
  });
});
