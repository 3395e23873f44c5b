import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { render } from "../helm.ts";
import { at, type Manifest, parseObjects, record, records } from "../objects.ts";
import { containerOf } from "../pod.ts";
import { envOf, of, only } from "../rendered.ts";
import { root } from "../tools.ts";
import { isOperators, kubernetesVersions, operatorProblems, schemaProblems } from "../validate.ts";

const folder = `${root}k8s/examples/`;
const example = (file: string) => parseObjects(readFileSync(folder + file, "utf8"));

/** Fills a generator's element into a template, as far as the example's template goes. */
function fill(template: string, element: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{\{ \.(\w+) \}\}/g, (_whole, key: string) => {
    assert.ok(key in element, key);
    return String(element[key]);
  });
}

suite("the examples", () => {
  test("are valid", () => {
    const objects = readdirSync(folder).flatMap(example);
    const cilium = objects.filter(({ kind }) => kind === "CiliumNetworkPolicy");
    const native = objects.filter((object) => !isOperators(object) && !cilium.includes(object));
    assert.ok(native.length >= 4);
    for (const version of kubernetesVersions) assert.deepEqual(schemaProblems(native, version), [], version);
    assert.deepEqual(operatorProblems(objects.filter(isOperators)), []);
  });

  test("of Cilium select the chart's pods and name the ports that it opens", () => {
    const [policy] = example("cilium-policy.yaml");
    const labels = record(at(only(of("minimal"), "Deployment"), "spec", "template", "metadata", "labels"));
    for (const [key, value] of Object.entries(record(at(policy, "spec", "endpointSelector", "matchLabels")))) {
      assert.equal(labels[key], value);
    }
    const ports = records(containerOf(of("minimal"), "Deployment")["ports"]).map((port) =>
      String(port["containerPort"]),
    );
    assert.ok(ports.includes(String(at(policy, "spec", "ingress", 1, "toPorts", 0, "ports", 0, "port"))));
  });
});

suite("the ApplicationSet for several teams", () => {
  const [set] = example("argocd-applicationset.yaml");
  const elements = records(at(set, "spec", "generators", 0, "list", "elements"));
  const spec = at(set, "spec", "template", "spec");
  const applications = elements.map((element) => ({
    team: String(element["team"]),
    namespace: fill(String(at(spec, "destination", "namespace")), element),
    objects: render({
      release: fill(String(at(spec, "source", "helm", "releaseName")), element),
      namespace: fill(String(at(spec, "destination", "namespace")), element),
      values: parse(fill(String(at(spec, "source", "helm", "values")), element)),
    }),
  }));

  test("is known to Argo CD's types, and a typo would not be", () => {
    const object: Manifest = set ?? assert.fail("no object");
    assert.deepEqual(operatorProblems([object]), []);
    const typo = { ...object, spec: { ...Object(object["spec"]), generator: [] } };
    assert.match(operatorProblems([typo]).join(), /'"?generator"?' does not exist/);
  });

  test("gives each team a release of its own that the chart renders", () => {
    assert.ok(applications.length >= 2);
    const names = applications.flatMap(({ objects }) =>
      objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    );
    assert.equal(new Set(names).size, names.length);
    for (const { team, namespace, objects } of applications) {
      const volumes = records(at(only(objects, "Deployment"), "spec", "template", "spec", "volumes"));
      const credentials = volumes.find((volume) => volume["name"] === "credentials");
      assert.equal(at(credentials, "projected", "sources", 0, "secret", "name"), `cursor-${team}`);
      assert.ok(objects.every(({ metadata }) => metadata.namespace === namespace));
      assert.deepEqual(
        schemaProblems(
          objects.filter((object) => !isOperators(object)),
          "1.37",
        ),
        [],
      );
    }
  });

  test("leaves the Lease to the example beside it, under the name that the pods look for", () => {
    const [lease] = example("lease.yaml");
    const research = applications.find(({ team }) => team === "research")?.objects ?? [];
    assert.ok(!research.some(({ kind }) => kind === "Lease"));
    assert.equal(envOf(research).get("BATON_LEASE_NAME"), lease?.metadata.name);
    assert.equal(only(research, "Deployment").metadata.namespace, lease?.metadata.namespace);
  });

  test("has the chart's version", () => {
    assert.equal(
      at(spec, "source", "targetRevision"),
      parse(readFileSync(`${root}helm/baton-cursor/Chart.yaml`, "utf8")).version,
    );
  });
});
