import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { at, podOf, record, records } from "../objects.ts";
import { containerOf } from "../pod.ts";
import { restrictedViolations } from "../pod-security.ts";
import { envOf, everyCase, matches, only, podSpec } from "../rendered.ts";

for (const { name, objects } of everyCase) {
  suite(`properties of ${name}`, () => {
    const deployment = only(objects, "Deployment");
    const labels = at(deployment, "spec", "template", "metadata", "labels");
    const spec = podSpec(objects);
    const container = containerOf(objects, "Deployment");

    test("every pod keeps to Pod Security restricted, with a root that cannot be written", () => {
      assert.deepEqual(objects.flatMap(restrictedViolations), []);
      for (const pod of objects.flatMap((object) => podOf(object) ?? [])) {
        for (const inner of records(at(pod.spec, "containers"))) {
          assert.equal(at(inner, "securityContext", "readOnlyRootFilesystem"), true);
          assert.ok(at(inner, "resources", "limits", "memory"));
          assert.equal(at(inner, "resources", "limits", "cpu"), undefined);
        }
      }
    });

    test("every selector finds the pods", () => {
      assert.ok(matches(at(deployment, "spec", "selector", "matchLabels"), labels));
      const selectors = objects.flatMap((object) => {
        if (object.kind === "Service") return [at(object, "spec", "selector")];
        if (object.kind === "NetworkPolicy") return [at(object, "spec", "podSelector", "matchLabels")];
        if (["PodDisruptionBudget", "PodMonitor"].includes(object.kind))
          return [at(object, "spec", "selector", "matchLabels")];
        return [];
      });
      for (const selector of selectors) assert.ok(matches(selector, labels), JSON.stringify(selector));
      for (const constraint of records(spec["topologySpreadConstraints"])) {
        assert.ok(matches(at(constraint, "labelSelector", "matchLabels"), labels));
      }
    });

    test("labels that a selector uses change with no upgrade", () => {
      for (const label of Object.keys(record(labels))) assert.doesNotMatch(label, /version|chart/);
    });

    test("the pod has grace, 30 s for reports and 10 s to spare", () => {
      const grace = /^(\d+)s$/.exec(String(envOf(objects).get("BATON_SHUTDOWN_GRACE")))?.[1];
      assert.equal(spec["terminationGracePeriodSeconds"], Number(grace) + 40);
    });

    test("nothing is mounted by subPath, and every mount has its volume", () => {
      const volumes = new Set(records(spec["volumes"]).map((volume) => volume["name"]));
      for (const mount of records(container["volumeMounts"])) {
        assert.equal(mount["subPath"] ?? mount["subPathExpr"], undefined);
        assert.ok(volumes.delete(mount["name"]), String(mount["name"]));
      }
      assert.deepEqual([...volumes], []);
    });

    test("each variable is there once, and each pod has a host id of its own", () => {
      const names = records(container["env"]).map((entry) => String(entry["name"]));
      assert.deepEqual(names, [...new Set(names)]);
      assert.equal(envOf(objects).get("BATON_HOST_ID"), "$(POD_NAME)");
    });

    test("probes ask the endpoints that do not depend on others", () => {
      const path = (probe: string) => at(container, probe, "httpGet", "path");
      assert.deepEqual(["startupProbe", "livenessProbe", "readinessProbe"].map(path), ["/live", "/live", "/ready"]);
      const ports = new Set(records(container["ports"]).map((port) => port["name"]));
      for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
        assert.ok(ports.has(at(container, probe, "httpGet", "port")));
      }
    });

    test("there is access to the Kubernetes API only for a Lease or for Events, and only to them", () => {
      const lease = envOf(objects).get("BATON_LEASE_NAME");
      const events = envOf(objects).has("BATON_KUBERNETES_EVENTS");
      if (Number(at(deployment, "spec", "replicas")) < 2) assert.equal(lease, undefined);
      assert.equal(envOf(objects).get("BATON_LEADER_ELECTION"), lease === undefined ? undefined : "true");
      assert.equal(spec["automountServiceAccountToken"], lease !== undefined || events);
      for (const account of objects.filter(({ kind }) => kind === "ServiceAccount")) {
        assert.equal(account["automountServiceAccountToken"], false);
      }
      const rules = objects.filter(({ kind }) => /Role$/.test(kind)).flatMap((role) => records(role["rules"]));
      assert.deepEqual(rules, [
        ...(lease === undefined
          ? []
          : [
              {
                apiGroups: ["coordination.k8s.io"],
                resources: ["leases"],
                resourceNames: [lease],
                verbs: ["get", "update"],
              },
            ]),
        ...(events ? [{ apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] }] : []),
      ]);
      const bindings = objects.filter(({ kind }) => /Binding$/.test(kind));
      assert.equal(bindings.length, rules.length > 0 ? 1 : 0);
      for (const binding of bindings) {
        assert.deepEqual(at(binding, "roleRef", "name"), only(objects, "Role").metadata.name);
        const subject = { kind: "ServiceAccount", name: spec["serviceAccountName"], namespace: "c1" };
        assert.deepEqual([binding.kind, binding["subjects"]], ["RoleBinding", [subject]]);
      }
    });

    test("there is no object beside those that the chart promises", () => {
      const promised = [
        "ConfigMap",
        "Deployment",
        "Lease",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Role",
      ].concat(["RoleBinding", "Secret", "Service", "ServiceAccount", "ServiceMonitor"]);
      for (const kind of objects.map(({ kind }) => kind)) assert.ok(promised.includes(kind), kind);
    });
  });
}
