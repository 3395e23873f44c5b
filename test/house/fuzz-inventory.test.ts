import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { targets } from "../fuzz/targets/all.ts";
import { decodingFiles, filesOf, readInventory } from "./fuzz-inventory.ts";
import { readImports } from "./imports.ts";

const root = new URL("../../", import.meta.url).pathname;
const src = `${root}src/`;
const fixtures = new URL("../fixtures/house/inventory/", import.meta.url).pathname;
const readme = readFileSync(`${root}test/fuzz/README.md`, "utf8");

/** What these files decode is our own, or was looked at before by a parser of the inventory. */
const exceptions: Readonly<Record<string, { readonly decoders: readonly string[]; readonly why: string }>> = {
  "app/c1.ts": {
    decoders: ["new URL"],
    why: "a host that isHostAndPort of config/c1-credentials.ts has let through, alone or inside a client id",
  },
  "c1/channel.ts": {
    decoders: ["decodeURI"],
    why: "name and password of a proxy that http/proxy.ts has read; they are sent as base64",
  },
  "c1z/database.ts": { decoders: ["sqlite"], why: "opens the file that it has just made" },
  "c1z/temp-dir.ts": {
    decoders: ["sqlite"],
    why: "an empty file as a lock, in a directory of this user with mode 0700; nothing is read from it",
  },
  "cli/doctor/doctor.ts": { decoders: ["new URL"], why: "addresses that config/*.ts has let through" },
  "http/client.ts": {
    decoders: ["new URL", "URL.parse"],
    why: "addresses that parseBaseUrl of config/cursor-options.ts has let through, with paths of ours",
  },
  "http/post-form.ts": {
    decoders: ["new URL"],
    why: "the token endpoint at a host that isHostAndPort of config/c1-credentials.ts has let through",
  },
  "observability/logger.ts": { decoders: ["JSON.parse"], why: "the line that pino has just written" },
  "status/page-script.ts": {
    decoders: ["JSON.parse"],
    why: "runs in the browser, on what status/page.ts and status/server.ts have written",
  },
};

const rows = readInventory(readme);
const named = new Set(rows.flatMap(({ parsers }) => parsers.flatMap((path) => filesOf(src, path))));

/** What decodes and is neither in the inventory nor an exception, and exceptions that nothing needs. */
function gaps(decoding: ReadonlyMap<string, readonly string[]>, inventory: ReadonlySet<string>): readonly string[] {
  const missing = [...decoding].flatMap(([file, found]) => {
    if (inventory.has(file)) return [];
    const allowed = exceptions[file]?.decoders ?? [];
    return found.filter((name) => !allowed.includes(name)).map((name) => `${file} decodes (${name}): name it`);
  });
  const idle = Object.entries(exceptions).flatMap(([file, { decoders }]) => {
    if (inventory.has(file)) return [`${file} is in the inventory and needs no exception`];
    const found = decoding.get(file) ?? [];
    return decoders.filter((name) => !found.includes(name)).map((name) => `${file} needs no exception for ${name}`);
  });
  return [...missing, ...idle];
}

/** Every product file that a module of targets imports, directly or through others. */
function reachable(): ReadonlySet<string> {
  const edges = new Map<string, string[]>();
  const add = (from: string, to: string | undefined) => {
    if (to !== undefined) edges.set(from, [...(edges.get(from) ?? []), to]);
  };
  for (const { from, target } of readImports(src)) add(from, target);
  for (const { target } of readImports(`${root}test/fuzz/targets`)) add("", target?.replace("../../../src/", ""));
  const seen = new Set<string>([""]);
  for (const file of seen) for (const next of edges.get(file) ?? []) seen.add(next);
  return seen;
}

suite("the inventory of fuzzed parsers", () => {
  test("every file of src that decodes something is in it, or is an exception with a reason", () => {
    assert.deepEqual(gaps(decodingFiles(src), named), []);
  });

  test("every path in it is there", () => {
    const paths = rows.flatMap(({ parsers }) => parsers);
    assert.ok(paths.length > 30, `${paths.length} paths`);
    assert.deepEqual(
      paths.filter((path) => filesOf(src, path).length === 0),
      [],
    );
  });

  test("every target is in it, has its promise, and was seen to find a planted fault; no other name is", () => {
    const names = targets.map(({ name }) => name).sort();
    assert.deepEqual([...new Set(rows.flatMap((row) => row.targets))].sort(), names);
    for (const heading of ["Promises", "Planted faults"]) {
      const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
      const unnamed = names.filter((name) => !section.includes(`\`${name}\``));
      assert.deepEqual(unnamed, [], heading);
    }
  });

  test("a parser without a target is tested in another way, which is said", () => {
    const bare = rows.filter((row) => row.targets.length === 0 && !/\w/.test(row.beside));
    assert.deepEqual(bare, []);
  });

  test("every parser in it is watched by a target of its row", () => {
    const offenders = rows.flatMap(({ parsers, targets: own, what }) => {
      const covers = targets.filter(({ name }) => own.includes(name)).flatMap((target) => target.covers);
      const files = own.length === 0 ? [] : parsers.filter((path) => path.endsWith(".ts"));
      return files
        .flatMap((path) => filesOf(src, path))
        .filter((file) => !covers.some((path) => `src/${file}`.startsWith(path)))
        .map((file) => `${what}: ${file} is not covered by ${own.join(", ")}`);
    });
    assert.deepEqual(offenders, []);
  });

  test("every parser that has a target is imported by one", () => {
    const seen = reachable();
    const parsers = rows.flatMap((row) => (row.targets.length === 0 ? [] : row.parsers));
    const files = parsers.map((path) => filesOf(src, path));
    assert.deepEqual(
      files.filter((each) => !each.some((file) => seen.has(file))),
      [],
    );
  });

  test("planted parsers are found, whatever they decode, and a comment is none", () => {
    const found = decodingFiles(fixtures);
    assert.deepEqual([...found.keys()], ["planted.ts"]);
    assert.deepEqual(found.get("planted.ts"), [
      "JSON.parse",
      "protobuf",
      "new URL",
      "URL.parse",
      "Date.parse",
      "decodeURI",
      "base64",
      "TextDecoder",
      "yaml",
      "unpacking",
      "sqlite",
      "certificate",
      "kubeconfig",
    ]);
    const planted = gaps(found, new Set());
    assert.equal(planted.filter((line) => line.startsWith("planted.ts decodes")).length, 13);
  });

  test("an exception that nothing needs is found", () => {
    const decoding = new Map(decodingFiles(src)).set("app/c1.ts", []);
    assert.deepEqual(gaps(decoding, named), ["app/c1.ts needs no exception for new URL"]);
    assert.deepEqual(gaps(decodingFiles(src), new Set([...named, "c1/channel.ts"])), [
      "c1/channel.ts is in the inventory and needs no exception",
    ]);
  });

  test("a row that is taken out leaves a gap", () => {
    const without = readInventory(readme.replace(/^\| SCIM errors .*\n/m, ""));
    const rest = new Set(without.flatMap(({ parsers }) => parsers.flatMap((path) => filesOf(src, path))));
    assert.deepEqual(gaps(decodingFiles(src), rest), ["scim/errors.ts decodes (JSON.parse): name it"]);
  });
});
