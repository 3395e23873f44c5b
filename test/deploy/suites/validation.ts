import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cases, renderCase } from "../helm.ts";
import type { Manifest } from "../objects.ts";
import { isOperators, kubernetesVersions, operatorProblems, schemaProblems } from "../validate.ts";

const everything = cases.map((name) => renderCase(name));
const native = everything.flat().filter((object) => !isOperators(object));
const operators = everything.flat().filter(isOperators);

function find(kind: string, objects: readonly Manifest[] = native): Manifest {
  const found = objects.find((object) => object.kind === kind);
  assert.ok(found, kind);
  return structuredClone(found);
}

suite("the API server would take every object", () => {
  for (const version of kubernetesVersions) {
    test(`Kubernetes ${version}: ${native.length} objects, no unknown field`, () => {
      assert.deepEqual(schemaProblems(native, version), []);
    });
  }

  test("the Prometheus operator's objects have its types", () => {
    assert.deepEqual(
      new Set(operators.map(({ kind }) => kind)),
      new Set(["PodMonitor", "PrometheusRule", "ServiceMonitor"]),
    );
    assert.deepEqual(operatorProblems(operators), []);
  });
});

suite("the checkers find what is planted", () => {
  const deployment = find("Deployment");
  const changed = (spec: object): Manifest => ({ ...deployment, spec: { ...Object(deployment["spec"]), ...spec } });
  const rows: readonly (readonly [string, Manifest, RegExp])[] = [
    ["an unknown field", changed({ replica: 1 }), /'replica' was unexpected/],
    ["a wrong type", changed({ replicas: "two" }), /'two' is not of type|valid under any/],
    ["a missing field", { ...deployment, spec: { replicas: 1 } }, /'(selector|template)' is a required property/],
    ["an unquoted boolean", { ...find("Secret"), stringData: { BATON_PROVISIONING: true } }, /True is not of type/],
    ["a kind that does not exist", { ...deployment, kind: "Deploymint" }, /find schema for kind Deploymint/],
  ];
  for (const [what, object, problem] of rows) {
    test(what, () => {
      const problems = schemaProblems([object], "1.37");
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", problem);
    });
  }

  test("an unknown field and a wrong type in an operator's object", () => {
    const monitor = find("PodMonitor", operators);
    const broken = (endpoint: object): Manifest => ({
      ...monitor,
      spec: { selector: {}, podMetricsEndpoints: [endpoint] },
    });
    assert.match(operatorProblems([broken({ ports: "metrics" })]).join(), /'"ports"' does not exist/);
    assert.match(operatorProblems([broken({ port: 9090 })]).join(), /'number' is not assignable to type 'string/);
  });
});
