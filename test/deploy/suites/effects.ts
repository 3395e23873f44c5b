import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { render } from "../helm.ts";
import { at, type Manifest, record, records } from "../objects.ts";
import { containerOf } from "../pod.ts";
import { envOf, everyCase, isTest, matches, of, only, podSpec } from "../rendered.ts";

const kinds = (objects: readonly Manifest[]) => objects.map(({ kind }) => kind);

suite("what each value does", () => {
  const base = { image: { repository: "r/x" }, credentials: { existingSecret: "s" } };
  const sources = (objects: readonly Manifest[]) => {
    const volume = records(podSpec(objects)["volumes"]).find((candidate) => candidate["name"] === "credentials");
    return records(at(volume, "projected", "sources")).map((source) => record(source["secret"]));
  };
  const items = (source: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(records(source["items"]).map((item) => [String(item["path"]), item["key"]]));

  test("one replica: neither budget nor spread nor Lease", () => {
    const objects = of("minimal").filter((object) => !isTest(object));
    assert.deepEqual(kinds(objects), ["Deployment", "ServiceAccount"]);
    assert.equal(podSpec(objects)["topologySpreadConstraints"], undefined);
  });

  test("two replicas: a Lease without an owner, a budget of one, and spread", () => {
    const objects = of("high-availability");
    assert.equal(only(objects, "Lease")["spec"], undefined);
    assert.equal(at(only(objects, "PodDisruptionBudget"), "spec", "maxUnavailable"), 1);
    assert.equal(records(podSpec(objects)["topologySpreadConstraints"]).length, 2);
    assert.equal(envOf(objects).get("BATON_LEASE_NAME"), "team-baton-cursor");
  });

  test("a rollout never has less pods than before", () => {
    const strategy = at(only(of("minimal"), "Deployment"), "spec", "strategy", "rollingUpdate");
    assert.deepEqual(strategy, { maxSurge: 1, maxUnavailable: 0 });
  });

  test("no Lease of the chart's own where another tool makes it; the Role stays", () => {
    assert.ok(!kinds(of("everything")).includes("Lease"));
    assert.ok(kinds(of("everything")).includes("Role"));
  });

  test("credentials are files named like the variables; SCIM's may be absent until provisioning needs them", () => {
    const [needed, optional, ...more] = sources(of("minimal"));
    assert.deepEqual(more, []);
    assert.deepEqual(items(needed ?? {}), {
      BATON_CLIENT_ID: "BATON_CLIENT_ID",
      BATON_CLIENT_SECRET: "BATON_CLIENT_SECRET",
      BATON_CURSOR_API_KEY: "BATON_CURSOR_API_KEY",
    });
    assert.deepEqual([needed?.["optional"], optional?.["optional"]], [undefined, true]);
    assert.equal(sources(of("provisioning")).length, 1);
    assert.ok("BATON_CURSOR_SCIM_TOKEN" in items(sources(of("provisioning"))[0] ?? {}));
  });

  test("several Secrets are one volume, each key under its own name", () => {
    const [c1, cursor, scim] = sources(of("several-secrets"));
    assert.deepEqual([c1?.["name"], cursor?.["name"], scim?.["name"]], ["conductorone", "cursor", "cursor"]);
    assert.deepEqual(items(c1 ?? {}), { BATON_CLIENT_ID: "client-id", BATON_CLIENT_SECRET: "client-secret" });
    assert.deepEqual(items(cursor ?? {}), { BATON_CURSOR_API_KEY: "api.key" });
    assert.equal(envOf(of("several-secrets")).get("BATON_SECRETS_DIR"), "/run/baton-cursor/credentials");
  });

  test("no credential is a variable, unless it is asked for", () => {
    for (const { name, objects } of everyCase) {
      const fromSecrets = records(at(containerOf(objects, "Deployment"), "env"))
        .filter((entry) => at(entry, "valueFrom", "secretKeyRef") !== undefined)
        .map((entry) => entry["name"]);
      assert.equal(fromSecrets.length, name === "variables" ? 5 : 0, name);
      assert.equal(envOf(objects).has("BATON_SECRETS_DIR"), name !== "variables", name);
    }
  });

  test("a trial's Secret holds texts, a key of digits too", () => {
    const secret = only(of("trial"), "Secret");
    assert.deepEqual(at(secret, "stringData", "BATON_CURSOR_API_KEY"), "0012345");
    assert.deepEqual(Object.keys(record(secret["stringData"])).length, 3);
  });

  test("provisioning sets its variables, and says nothing of what was left open", () => {
    const set = (name: string) =>
      Object.fromEntries([...envOf(of(name))].filter(([key]) => /PROVISIONING|DELETES|ROSTER/.test(key)));
    assert.deepEqual(set("minimal"), {});
    assert.deepEqual(set("provisioning"), { BATON_PROVISIONING: "true", BATON_MAX_DELETES_PER_HOUR: "10" });
    assert.deepEqual(set("everything"), {
      BATON_PROVISIONING: "true",
      BATON_MAX_DELETES_PER_HOUR: "0",
      BATON_PROVISIONING_DRY_RUN: "true",
      BATON_CURSOR_ROSTER_MAX_AGE: "5m",
    });
  });

  test("large numbers stay digits", () => {
    const objects = render({
      values: { ...base, cursor: { requestsPerMinute: 100_000 }, security: { runAsUser: 1_000_650_000 } },
    });
    assert.equal(envOf(objects).get("BATON_CURSOR_REQUESTS_PER_MINUTE"), "100000");
    assert.equal(at(podSpec(objects), "securityContext", "runAsUser"), 1_000_650_000);
  });

  test("a platform that chooses users is given none", () => {
    const context = record(podSpec(of("openshift"))["securityContext"]);
    assert.deepEqual(
      [context["runAsUser"], context["runAsGroup"], context["fsGroup"]],
      [undefined, undefined, undefined],
    );
    assert.equal(context["runAsNonRoot"], true);
  });

  test("the network policy lets in whom it names, and lets out only DNS, 443 and what is added", () => {
    const ports = (rules: unknown) =>
      records(rules).flatMap((rule) => records(rule["ports"]).map((port) => `${port["protocol"]} ${port["port"]}`));
    const closed = only(of("closed-network"), "NetworkPolicy");
    assert.deepEqual(at(closed, "spec", "policyTypes"), ["Ingress", "Egress"]);
    assert.deepEqual(ports(at(closed, "spec", "ingress")), ["TCP health", "TCP metrics", "TCP 8082"]);
    for (const rule of records(at(closed, "spec", "ingress"))) assert.ok(records(rule["from"]).length > 0);
    assert.deepEqual(ports(at(closed, "spec", "egress")), ["UDP 53", "TCP 53", "TCP 6443", "TCP 3128"]);
    const active = only(of("active-active"), "NetworkPolicy");
    assert.deepEqual(at(active, "spec", "ingress"), []);
    assert.deepEqual(ports(at(active, "spec", "egress")), ["UDP 53", "TCP 53", "TCP 443"]);
  });

  test("a digest wins over the tag, and the tag is the program's version by default", () => {
    const image = (name: string) => containerOf(of(name), "Deployment")["image"];
    assert.match(String(image("closed-network")), /@sha256:[0-9a-f]{64}$/);
    assert.equal(image("minimal"), "registry.example.com/team/baton-cursor:0.1.0");
  });

  test("helm test asks for readiness through a Service of its own, before which nothing else runs", () => {
    const objects = of("minimal").filter(isTest);
    assert.deepEqual(kinds(objects), ["Pod", "Pod", "Service"]);
    const [, pod, service] = objects;
    const variable = `${service?.metadata.name.toUpperCase().replaceAll("-", "_")}_SERVICE_HOST`;
    assert.deepEqual(containerOf(objects, "Pod", "health-check")["args"], [
      "health-check",
      "--endpoint=ready",
      `--health-check-bind-address=$(${variable})`,
      "--health-check-port=8081",
    ]);
    assert.equal(at(pod, "spec", "enableServiceLinks"), true);
    assert.equal(service?.metadata.annotations?.["helm.sh/hook-weight"], "-1");
    assert.deepEqual(of("active-active").filter(isTest), []);
  });

  test("replicas that all poll share the budgets", () => {
    assert.equal(envOf(of("active-active")).get("BATON_ACTIVE_ACTIVE_REPLICAS"), "3");
    for (const name of ["minimal", "high-availability"]) {
      assert.ok(!envOf(of(name)).has("BATON_ACTIVE_ACTIVE_REPLICAS"), name);
    }
  });

  test("the status page stays on loopback, is opened where asked for, and can be switched off", () => {
    const set = (name: string) => Object.fromEntries([...envOf(of(name))].filter(([key]) => /STATUS/.test(key)));
    assert.deepEqual(set("minimal"), {});
    assert.deepEqual(set("everything"), { BATON_STATUS_PORT: "18083", BATON_STATUS_BIND_ADDRESS: "::" });
    assert.deepEqual(set("active-active"), { BATON_STATUS: "false" });
    for (const { name, objects } of everyCase) {
      const ports = records(containerOf(objects, "Deployment")["ports"]).map((port) => port["name"]);
      assert.deepEqual(ports, ["health", "metrics"], name);
    }
  });

  test("a ServiceMonitor finds its Service, which finds the pods", () => {
    const objects = of("everything");
    const service = objects.find((object) => object.kind === "Service" && !isTest(object));
    assert.ok(
      matches(at(only(objects, "ServiceMonitor"), "spec", "selector", "matchLabels"), service?.metadata.labels),
    );
    const others = objects.filter((object) => object.kind === "Service" && isTest(object));
    for (const other of others) {
      assert.ok(
        !matches(at(only(objects, "ServiceMonitor"), "spec", "selector", "matchLabels"), other.metadata.labels),
      );
    }
  });
});
