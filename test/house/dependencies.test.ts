import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { lockFiles } from "../helpers/lock-files.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

interface Locked {
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
}

const manifest: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = JSON.parse(
  read("package.json"),
);
const packagesOf = (url: URL): Readonly<Record<string, Locked>> => JSON.parse(readFileSync(url, "utf8")).packages;
const packages = packagesOf(new URL("package-lock.json", root));
/** What each lock file of the repository holds. All but the root's are for tests alone. */
const locked = lockFiles().flatMap(({ path, url }) =>
  Object.entries(packagesOf(url))
    .filter(([folder]) => folder !== "")
    .map(([folder, entry]) => ({
      name: `${path}: ${folder}`,
      forTests: path.includes("/") || entry.dev === true,
      ...entry,
    })),
);

const direct = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
  Object.entries(manifest[kind] ?? {}).map(([name, version]) => ({ name, version, kind })),
);

/** Licences that ask for nothing but a notice. MPL-2.0 asks for changes to its own files, and is for tests only. */
const permissive = new Set([
  "MIT",
  "Apache-2.0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Unlicense",
  "PSF-2.0",
  "CC0-1.0",
]);

/** Whether a SPDX expression allows a use under permissive terms: every part of an AND, one part of an OR. */
function isPermissive(expression: string): boolean {
  const bare = expression.replace(/^\((.*)\)$/, "$1");
  if (bare.includes(" OR ")) return bare.split(" OR ").some(isPermissive);
  return bare.split(" AND ").every((part) => permissive.has(part));
}

/** The rows of the page's tables, by section. */
function listed(): ReadonlyMap<string, { readonly license: string; readonly why: string; readonly section: string }> {
  const rows = new Map<string, { license: string; why: string; section: string }>();
  let section = "";
  for (const line of read("docs/dependencies.md").split("\n")) {
    if (line.startsWith("## ")) section = line.slice(3);
    const [, name, license, why] = /^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    if (name !== undefined) rows.set(name, { license: license ?? "", why: why ?? "", section });
  }
  return rows;
}

suite("dependencies", () => {
  test("each direct one is listed with its licence, a reason, and where it ends up", () => {
    const rows = listed();
    assert.deepEqual([...rows.keys()].sort(), direct.map(({ name }) => name).sort());
    const sections: Readonly<Record<string, string>> = {
      dependencies: "In the bundle",
      devDependencies: "For development and tests",
      optionalDependencies: "The runtime",
    };
    for (const { name, kind } of direct) {
      const license = packages[`node_modules/${name}`]?.license?.replace(/^\((.*)\)$/, "$1");
      assert.equal(rows.get(name)?.license, license, name);
      assert.equal(rows.get(name)?.section, sections[kind], name);
    }
  });

  test("each direct one is pinned to one version", () => {
    for (const { name, version } of direct) assert.match(version, /^\d+\.\d+\.\d+$/, name);
  });

  test("everything in the lock files has a permissive licence, tools of the tests may be under the MPL", () => {
    const others = locked.filter(
      ({ license = "none", forTests }) => !isPermissive(license) && !(forTests && license === "MPL-2.0"),
    );
    assert.deepEqual(others, []);
    assert.equal(isPermissive("(MIT OR GPL-3.0-only)"), true);
    for (const bad of ["GPL-3.0-only", "MIT AND GPL-3.0-only", "none", "SEE LICENSE IN LICENSE"]) {
      assert.equal(isPermissive(bad), false, bad);
    }
  });

  test("everything in the lock files is held by a SHA-512, and no registry is named", () => {
    for (const { integrity, name, resolved } of locked) {
      assert.match(integrity ?? "", /^sha512-/, name);
      assert.equal(resolved, undefined, name);
    }
  });
});
