import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { differences } from "./compare.ts";
import { type Manifest, parseObjects, records } from "./objects.ts";

const text = readFileSync(new URL("golden/high-availability.yaml", import.meta.url), "utf8");

/** The objects after a change to their text, which must be one. */
function changed(from: string | RegExp, to: string): Manifest[] {
  const result = text.replace(from, to);
  assert.notEqual(result, text);
  return parseObjects(result);
}

const planted: readonly (readonly [what: string, from: string | RegExp, to: string, found: RegExp[]])[] = [
  ["another number", "replicas: 2", "replicas: 3", [/^Deployment\/team-baton-cursor spec replicas: 2 or 3$/]],
  ["a text instead of a number", "replicas: 2", 'replicas: "2"', [/replicas: 2 or "2"$/]],
  ["another variable", 'value: "9090"', 'value: "9091"', [/env BATON_METRICS_PORT value: "9090" or "9091"$/]],
  ["a variable less", /\n *- name: BATON_LOG_LEVEL\n *value: info/, "", [/env BATON_LOG_LEVEL: \{.*\} or nothing$/]],
  ["a capability", "- ALL", "- NET_RAW", [/capabilities drop 0: "ALL" or "NET_RAW"$/]],
  [
    "a writable root",
    "readOnlyRootFilesystem: true",
    "readOnlyRootFilesystem: false",
    [/readOnlyRootFilesystem: true or false$/],
  ],
  ["another mode of files", "defaultMode: 288", "defaultMode: 292", [/defaultMode: 288 or 292$/]],
  ["a wider right", "- update", "- update\n      - create", [/rules 0 verbs 2: nothing or "create"$/]],
  [
    "another object that a right is for",
    /resourceNames:\n {6}- team-baton-cursor/,
    "resourceNames:\n      - other",
    [/rules 0 resourceNames 0: "team-baton-cursor" or "other"$/],
  ],
  [
    "another label in a selector",
    /(matchLabels:\n *app.kubernetes.io\/component: )connector/,
    "$1other",
    [/spec selector matchLabels app.kubernetes.io\/component: "connector" or "other"$/],
  ],
  [
    "a subject of another namespace",
    /(kind: ServiceAccount\n *name: team-baton-cursor\n *namespace: )c1/,
    "$1other",
    [/^RoleBinding\/team.* subjects team-baton-cursor namespace: "its own" or "other"$/],
  ],
  [
    "an object less",
    /---\napiVersion: policy\/v1[\s\S]*?(?=---)/,
    "",
    [/^PodDisruptionBudget\/team-baton-cursor: \{.*or nothing$/],
  ],
  [
    "another name",
    /(kind: Lease\nmetadata:[\s\S]*?name: )team-baton-cursor/,
    "$1other",
    [/^Lease\/team.* nothing$/, /^Lease\/other: nothing/],
  ],
];

suite("the comparison of manifests", () => {
  test("finds no difference between the same objects", () => {
    assert.deepEqual(differences(parseObjects(text), parseObjects(text)), []);
  });

  test("passes over order, namespace, maker and the objects of helm test", () => {
    const other = parseObjects(text)
      .filter(({ metadata }) => metadata.annotations === undefined)
      .map((object) => {
        const labels = { ...object.metadata.labels, "app.kubernetes.io/managed-by": "kustomize" };
        const subjects = records(object["subjects"]).map((subject) => ({ ...subject, namespace: "other" }));
        const metadata = { ...object.metadata, labels, namespace: "other" };
        return { ...object, metadata, ...(subjects.length > 0 && { subjects }) };
      })
      .reverse();
    assert.deepEqual(differences(parseObjects(text), other), []);
    const reordered = changed(/( *- name: BATON_LOG_LEVEL\n *value: info\n)( *- name: \w+\n *value: .*\n)/, "$2$1");
    assert.deepEqual(differences(parseObjects(text), reordered), []);
  });

  test("minds order where it means something", () => {
    const other = changed(/( *- get\n)( *- update\n)/, "$2$1");
    assert.equal(differences(parseObjects(text), other).length, 2);
  });

  for (const [what, from, to, found] of planted) {
    test(`finds: ${what}`, () => {
      const lines = differences(parseObjects(text), changed(from, to));
      assert.equal(lines.length, found.length, lines.join("\n"));
      for (const [index, pattern] of found.entries()) assert.match(lines[index] ?? "", pattern);
    });
  }
});
