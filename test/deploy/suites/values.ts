import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { chart, helmNames, template } from "../helm.ts";
import { record, type Value } from "../objects.ts";

/** A part of a JSON schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly not?: Schema;
}

const text = readFileSync(`${chart}/values.schema.json`, "utf8");
const schema: Schema = JSON.parse(text);
const defaults: Readonly<Record<string, Value>> = parse(readFileSync(`${chart}/values.yaml`, "utf8"));

/** Objects whose content the API server checks, or Helm brings. */
const open = ["global", "definitions.volume", "definitions.affinity.nodeAffinity"].concat(
  "definitions.affinity.podAffinity",
  "definitions.affinity.podAntiAffinity",
);

/** The paths of all objects in a schema that let unknown keys pass. */
function openObjects(part: Schema, path = ""): string[] {
  const below = (key: string) => (path === "" ? key : `${path}.${key}`);
  const here = part.type === "object" && part.additionalProperties === undefined ? [path] : [];
  return [
    ...here,
    ...Object.entries(part.properties ?? {}).flatMap(([key, inner]) => openObjects(inner, below(key))),
    ...Object.entries(part.definitions ?? {}).flatMap(([key, inner]) =>
      openObjects(inner, below(`definitions.${key}`)),
    ),
    ...(part.items === undefined ? [] : openObjects(part.items, below("items"))),
    ...(part.allOf ?? []).flatMap((inner) => openObjects(inner, path)),
  ];
}

function resolve(part: Schema): Schema {
  const name = part.$ref?.replace("#/definitions/", "");
  return name === undefined ? part : (schema.definitions?.[name] ?? part);
}

/** Keys that only one of schema and defaults knows. */
function differences(part: Schema, values: unknown, path: string): string[] {
  const known = resolve(part).properties;
  if (known === undefined || typeof values !== "object" || values === null || Array.isArray(values)) return [];
  const given = record(values);
  const keys = new Set([...Object.keys(known), ...Object.keys(given)]);
  return [...keys].flatMap((key) => {
    const inner = known[key];
    const name = path === "" ? key : `${path}.${key}`;
    if (inner?.not !== undefined) return [];
    if (inner === undefined || !(key in given)) return [name];
    return differences(inner, given[key], name);
  });
}

suite("the schema of the values", () => {
  test("is closed, except where the API server checks", () => {
    assert.deepEqual(openObjects(schema).sort(), open.sort());
  });

  test("refers to nothing outside itself", () => {
    const references = [...text.matchAll(/"\$ref":\s*"([^"]+)"/g)].map(([, reference = ""]) => reference);
    assert.ok(references.length > 50);
    for (const reference of references) {
      assert.match(reference, /^#\/definitions\/\w+$/);
      assert.notDeepEqual(resolve({ $ref: reference }), { $ref: reference });
    }
  });

  test("knows the values of values.yaml and no others", () => {
    assert.deepEqual(differences(schema, defaults, ""), [
      // What may be given without the chart having a default for it.
      "global",
      "resources.requests.ephemeral-storage",
      "resources.limits.cpu",
      "resources.limits.ephemeral-storage",
      "affinity.nodeAffinity",
      "affinity.podAffinity",
      "affinity.podAntiAffinity",
    ]);
  });
});

/** Builds `{a: {b: value}}` from `a.b`. */
function nested(path: string, value: Value): Value {
  return path.split(".").reduceRight<Value>((inner, key) => ({ [key]: inner }), value);
}

/** Every path at which values.yaml has a map: a typo may happen in each of them. */
function groups(values: Value, path = ""): string[] {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return [];
  const inner = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : groups(value, path === "" ? key : `${path}.${key}`),
  );
  return Object.keys(values).length === 0 ? inner : [path, ...inner];
}

const wrong: readonly (readonly [path: string, value: Value])[] = [
  ["replicaCount", 0],
  ["replicaCount", "2"],
  ["image.pullPolicy", "always"],
  ["image.repository", "Registry.example.com/Team"],
  ["image.tag", "a tag"],
  ["image.digest", "sha256:abc"],
  ["fullnameOverride", "has.dots"],
  ["nameOverride", "n".repeat(64)],
  ["credentials.existingSecret", "Has_Capitals"],
  ["credentials.keys.clientId", ""],
  ["credentials.asEnv", "true"],
  ["provisioning.enabled", "yes"],
  ["provisioning.maxDeletesPerHour", -1],
  ["cursor.rosterMaxAge", "five minutes"],
  ["cursor.baseUrl", "ftp://example.com"],
  ["cursor.maxShrinkPercent", 101],
  ["c1.apiHost", "https://c1.example.com"],
  ["c1.taskConcurrency", 101],
  ["logging.level", "trace"],
  ["health.port", 80],
  ["metrics.port", "9090"],
  ["metrics.monitor.kind", "podMonitor"],
  ["metrics.monitor.interval", "30"],
  ["metrics.rules.selector", 'cluster="a"'],
  ["metrics.rules.selector", 'job="a"} or up{job="b"'],
  ["metrics.rules.without", ["BatonSyncStael"]],
  ["metrics.rules.thresholds.objectsDroppedRatio", 70],
  ["metrics.rules.thresholds.syncStaleHours", "3h"],
  ["metrics.rules.alertLabels", { severity: "none" }],
  ["metrics.rules.alertLabels", { "not-a-label": "v" }],
  ["metrics.rules.runbooks", "a page"],
  ["metrics.dashboard.label", "not a label"],
  ["proxy.https", "proxy.example.com:3128"],
  ["shutdown.graceSeconds", -1],
  ["temp.medium", "RAM"],
  ["temp.sizeLimit", "1 GB"],
  ["heapPercent", 100],
  ["security.runAsUser", 0],
  ["commonLabels", { "app.kubernetes.io/name": "other" }],
  ["commonLabels", { "not a key": "v" }],
  ["podLabels", { key: "not a label value!" }],
  ["podAnnotations", { key: 1 }],
  ["nodeSelector", { key: true }],
];

suite("values that are refused, each named in the answer", () => {
  for (const helm of helmNames) {
    const refused = (values: Value, name: RegExp): void => {
      const { code, stderr } = template({ helm, values });
      assert.notEqual(code, 0);
      assert.match(stderr, /don't meet the specifications of the schema/);
      assert.match(stderr, name);
    };

    for (const group of groups(defaults)) {
      test(`${helm}: a typo ${group === "" ? "at the top" : `in ${group}`}`, () => {
        const path = group === "" ? "tpyo" : `${group}.tpyo`;
        refused(nested(path, 1), /tpyo/);
      });
    }

    for (const [path, value] of wrong) {
      test(`${helm}: ${path} = ${JSON.stringify(value)}`, () => {
        refused(nested(path, value), new RegExp(path.split(".").join("[./]")));
      });
    }

    const items: readonly (readonly [path: string, value: Value, name: RegExp])[] = [
      ["extraVolumeMounts", [{ name: "a", mountPath: "/a", subPath: "b" }], /subPath/],
      ["extraEnv", [{ name: "A", valu: "b" }], /valu/],
      ["extraEnv", [{ name: "A", value: true }], /extraEnv[./]0[./]value/],
      ["extraEnvFrom", [{ secretRef: "a" }], /extraEnvFrom[./]0[./]secretRef/],
      ["tolerations", [{ effect: "Never" }], /tolerations[./]0[./]effect/],
      ["credentials.secrets", [{ name: "a", keys: { clientID: "b" } }], /clientID/],
      ["networkPolicy.metricsFrom", [{ podSelektor: {} }], /podSelektor/],
      ["networkPolicy.extraEgress", [{ port: 1 }], /'?port'?/],
      ["imagePullSecrets", ["registry"], /imagePullSecrets[./]0/],
    ];
    for (const [path, value, name] of items) {
      test(`${helm}: ${path} = ${JSON.stringify(value)}`, () => refused(nested(path, value), name));
    }
  }
});
