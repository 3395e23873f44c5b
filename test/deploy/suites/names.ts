import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { render, template } from "../helm.ts";
import { at, type Manifest, record, records } from "../objects.ts";
import { envOf, only } from "../rendered.ts";

/** Makes every kind of object that the chart knows, ServiceMonitor and PodMonitor aside, which exclude each other. */
const values = {
  image: { repository: "registry.example.com/team/baton-cursor" },
  credentials: { create: { enabled: true, clientId: "a", clientSecret: "b", cursorApiKey: "c" } },
  replicaCount: 2,
  networkPolicy: { enabled: true },
  metrics: {
    monitor: { enabled: true, kind: "ServiceMonitor" },
    rules: { enabled: true },
    dashboard: { enabled: true },
  },
};

const longest = "r".repeat(53);
const releases = ["a", "team", "1team", "team.one", "baton-cursor", "my-baton-cursor", longest, `${"r".repeat(51)}-1`];

/** What the API server would say of names and labels, one line each. */
function problems(objects: readonly Manifest[]): string[] {
  return objects.flatMap((object) => {
    const { kind, metadata } = object;
    // Services need a letter in front; all others here may begin with a digit.
    const pattern = kind === "Service" ? /^[a-z]([-a-z0-9]*[a-z0-9])?$/ : /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
    const found = metadata.name.length <= 63 && pattern.test(metadata.name) ? [] : [`${kind} ${metadata.name}`];
    const labels = [metadata.labels, at(object, "spec", "template", "metadata", "labels")].flatMap((map) =>
      Object.entries(record(map)),
    );
    const label = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
    return [...found, ...labels.flatMap(([key, value]) => (label.test(String(value)) ? [] : [`${key}: ${value}`]))];
  });
}

suite("names", () => {
  for (const release of releases) {
    test(`of release ${release} fit everywhere and are different`, () => {
      const objects = render({ release, values });
      assert.deepEqual(problems(objects), []);
      const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      assert.equal(new Set(names).size, names.length);
    });
  }

  test("of long releases that differ only at their end are different", () => {
    const [one, other] = [`${longest.slice(1)}a`, `${longest.slice(1)}b`].map(
      (release) => new Set(render({ release, values }).map(({ kind, metadata }) => `${kind}/${metadata.name}`)),
    );
    assert.ok(one && other);
    assert.deepEqual(
      [...one].filter((name) => other.has(name)),
      [],
    );
  });

  test("with the longest overrides", () => {
    const long = "n".repeat(63);
    assert.deepEqual(problems(render({ release: longest, values: { ...values, nameOverride: long } })), []);
    assert.deepEqual(problems(render({ release: longest, values: { ...values, fullnameOverride: long } })), []);
  });

  test("do not repeat the chart's name, and fullnameOverride is taken as it is", () => {
    const nameOf = (release: string, more = {}) =>
      only(render({ release, values: { ...values, ...more } }), "Deployment").metadata.name;
    assert.equal(nameOf("team"), "team-baton-cursor");
    assert.equal(nameOf("baton-cursor"), "baton-cursor");
    assert.equal(nameOf("team", { nameOverride: "cursor" }), "team-cursor");
    assert.equal(nameOf("team", { fullnameOverride: "connector" }), "connector");
  });

  test("in references are those of the objects", () => {
    for (const release of releases) {
      const objects = render({ release, values });
      const lease = only(objects, "Lease").metadata.name;
      assert.equal(envOf(objects).get("BATON_LEASE_NAME"), lease);
      const spec = record(at(only(objects, "Deployment"), "spec", "template", "spec"));
      assert.equal(spec["serviceAccountName"], only(objects, "ServiceAccount").metadata.name);
      const volume = records(spec["volumes"]).find((candidate) => candidate["name"] === "credentials");
      const secret = at(volume, "projected", "sources", 0, "secret", "name");
      assert.equal(secret, only(objects, "Secret").metadata.name);
    }
  });

  test("the check finds what is planted", () => {
    const bad = (name: string, kind = "Role"): Manifest => ({ apiVersion: "v1", kind, metadata: { name } });
    const long = "n".repeat(64);
    assert.deepEqual(problems([bad("Upper"), bad("1a", "Service"), bad(long), bad("1a")]), [
      "Role Upper",
      "Service 1a",
      `Role ${long}`,
    ]);
  });

  test("a release name that Helm itself refuses stays refused", () => {
    assert.notEqual(template({ release: "r".repeat(54), values }).code, 0);
  });
});

suite("one release for each team, side by side in one namespace", () => {
  const teams = ["platform", "research", "platform-eu"].map((team) => ({
    team,
    objects: render({
      release: `cursor-${team}`,
      values: { ...values, credentials: { existingSecret: `cursor-${team}` } },
    }),
  }));

  test("no object is shared", () => {
    const names = teams.flatMap(({ objects }) => objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
    assert.equal(new Set(names).size, names.length);
  });

  test("no selector of one finds pods of another", () => {
    for (const { team, objects } of teams) {
      for (const other of teams.filter((candidate) => candidate.team !== team)) {
        const labels = record(at(only(other.objects, "Deployment"), "spec", "template", "metadata", "labels"));
        const selector = record(at(only(objects, "Deployment"), "spec", "selector", "matchLabels"));
        assert.ok(
          Object.entries(selector).some(([key, value]) => labels[key] !== value),
          `${team} and ${other.team}`,
        );
      }
    }
  });

  test("each has its own Lease, Secret and label for alerts", () => {
    const of = (read: (objects: readonly Manifest[]) => unknown) => new Set(teams.map(({ objects }) => read(objects)));
    assert.equal(of((objects) => envOf(objects).get("BATON_LEASE_NAME")).size, teams.length);
    const label = (objects: readonly Manifest[]) =>
      at(only(objects, "ServiceMonitor"), "spec", "endpoints", 0, "relabelings", 0, "replacement");
    assert.deepEqual(of(label), new Set(["cursor-platform", "cursor-research", "cursor-platform-eu"]));
  });
});
