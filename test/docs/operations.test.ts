import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";

const root = new URL("../../", import.meta.url).pathname;
const page = readFileSync(`${root}docs/operations.md`, "utf8");
const sources = globSync("src/**/*.ts", { cwd: root })
  .filter((path) => !path.endsWith(".test.ts"))
  .map((path) => readFileSync(root + path, "utf8"))
  .join("\n");

/** The rows of the table in a section, without its head; cells as they are written. */
function rows(section: string): string[][] {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? assert.fail(section);
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.slice(2, -2).split(/(?<!\\) \| /));
}

suite("docs/operations.md", () => {
  test("quotes messages that the program has", () => {
    const quoted = rows("When a sync fails").flatMap(([cell = ""]) =>
      Array.from(cell.matchAll(/`([^`]+)`/g), ([, text = ""]) => text),
    );
    assert.ok(quoted.length >= 9, quoted.join());
    for (const text of quoted) assert.ok(sources.includes(text), text);
  });

  test("has a way for each symptom and a meaning for each limit", () => {
    for (const section of ["By symptom", "Limits of C1 and Cursor"]) {
      assert.ok(rows(section).length >= 8, section);
      for (const row of rows(section))
        assert.ok(
          row.slice(0, 2).every((cell) => cell.trim() !== ""),
          row.join(),
        );
    }
  });

  test("tells the limits that the program has by default", () => {
    for (const [option, value] of page
      .matchAll(/`(BATON_[A-Z_]+)` \((\d+)\)/g)
      .map(([, name = "", n = ""]) => [name, n])) {
      const flag = option?.replace("BATON_", "").toLowerCase().replaceAll("_", "-") ?? "";
      const row = new RegExp(`flag: "${flag}",[^}]*byDefault: ([\\d_]+)`, "s").exec(sources)?.[1];
      assert.equal(row?.replaceAll("_", ""), value, option);
    }
  });
});
