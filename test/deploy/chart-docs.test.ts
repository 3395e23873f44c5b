import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { chartReadme, valueRows } from "../../scripts/chart-docs.ts";

const read = (file: string) => readFileSync(new URL(`../../helm/baton-cursor/${file}`, import.meta.url), "utf8");

/** The paths of all values that are no maps, or maps that the README shows as one value. */
function leaves(value: unknown, path: string, whole: ReadonlySet<string>): string[] {
  const map = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!map || whole.has(path)) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`, whole));
}

suite("the chart's README", () => {
  test("is current (make generate)", () => assert.equal(read("README.md"), chartReadme()));

  test("has a row for every value, with its default", () => {
    const rows = valueRows(read("values.yaml"));
    const paths = rows.map(({ path }) => path);
    assert.deepEqual(paths.toSorted(), leaves(parse(read("values.yaml")), "", new Set(paths)).sort());
    for (const { path, byDefault } of rows) assert.notEqual(byDefault, undefined, path);
  });

  test("reads comments over several lines, groups, and what follows a group", () => {
    const source =
      "# head\n\n# one\n# two\na: 1\ngroup:\n  # three\n  b: {c: 2}\n\n# whole\nmap:\n  # inner\n  d: 3\n# four\ne: []\n";
    assert.deepEqual(valueRows(source), [
      { path: "a", byDefault: 1, text: "one two" },
      { path: "group.b", byDefault: { c: 2 }, text: "three" },
      { path: "map", byDefault: { d: 3 }, text: "whole" },
      { path: "e", byDefault: [], text: "four" },
    ]);
  });

  test("a value without a comment is found", () => {
    assert.throws(() => valueRows("# one\na: 1\nb: 2\n"), /values without a comment: b/);
  });
});
