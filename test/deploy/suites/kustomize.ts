import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { differences } from "../compare.ts";
import { casePath, render } from "../helm.ts";
import { at, type Manifest, parseObjects, record } from "../objects.ts";
import { restrictedViolations } from "../pod-security.ts";
import { output, root, tools } from "../tools.ts";
import { kubernetesVersions, schemaProblems } from "../validate.ts";

const overlays = readdirSync(`${root}k8s/overlays`).sort();

function build(overlay: string, kubectl: string = tools.kubectl): Manifest[] {
  return parseObjects(output(kubectl, ["kustomize", `${root}k8s/overlays/${overlay}`]));
}

function example(file: string): Manifest[] {
  return parseObjects(readFileSync(`${root}k8s/examples/${file}`, "utf8"));
}

suite("the plain manifests", () => {
  test("are there for the three usual ways", () => {
    assert.deepEqual(overlays, ["high-availability", "minimal", "provisioning"]);
  });

  for (const overlay of overlays) {
    test(`${overlay} means what the chart renders`, () => {
      const chart = render({ release: "baton-cursor", files: [casePath(overlay)] });
      assert.ok(chart.length > 2);
      assert.deepEqual(differences(build(overlay), chart), []);
    });

    test(`${overlay} is the same with an older kubectl`, () => {
      assert.deepEqual(build(overlay, tools.oldKubectl), build(overlay));
    });

    test(`${overlay} is valid and restricted`, () => {
      for (const version of kubernetesVersions) assert.deepEqual(schemaProblems(build(overlay), version), [], version);
      assert.deepEqual(build(overlay).flatMap(restrictedViolations), []);
    });
  }

  test("would not be the same by chance: each overlay differs from the others' charts", () => {
    for (const overlay of overlays) {
      for (const other of overlays.filter((candidate) => candidate !== overlay)) {
        const chart = render({ release: "baton-cursor", files: [casePath(other)] });
        assert.notDeepEqual(differences(build(overlay), chart), [], `${overlay} and ${other}`);
      }
    }
  });
});

suite("the examples of Secrets", () => {
  test("hold texts under the names that the manifests mount", () => {
    const [secret] = example("secret.yaml");
    assert.equal(secret?.metadata.name, "baton-cursor");
    assert.deepEqual(Object.keys(record(secret?.["stringData"])), [
      "BATON_CLIENT_ID",
      "BATON_CLIENT_SECRET",
      "BATON_CURSOR_API_KEY",
    ]);
  });

  test("an unquoted boolean, as the published guide has it, would be refused", () => {
    const text = readFileSync(`${root}k8s/examples/published-guide.yaml`, "utf8");
    const unquoted = parseObjects(text.replaceAll('"true"', "true"));
    const problems = schemaProblems(unquoted, "1.37").join("\n");
    assert.match(problems, /stringData\.BATON_PROVISIONING/);
    assert.match(problems, /labels\.baton/);
  });

  test("the guide's Deployment takes its variables from the guide's Secret", () => {
    const [deployment, secret] = example("published-guide.yaml");
    const container = at(deployment, "spec", "template", "spec", "containers", 0);
    assert.equal(at(container, "envFrom", 0, "secretRef", "name"), secret?.metadata.name);
  });
});
