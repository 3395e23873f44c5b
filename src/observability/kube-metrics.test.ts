import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { kubeMetrics } from "./kube-metrics.ts";
import { Metrics } from "./metrics.ts";

const create = () => new Metrics({ version: "1", revision: "r", taskTypes: ["hello"], processMetrics: false });

suite("metrics of the Kubernetes API", () => {
  test("every verb and code is there from the start, and no call makes a new one", async () => {
    const metrics = create();
    const series = async () =>
      (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith("baton_kube_requests_total"));
    assert.equal((await series()).length, 10);
    const { onCall } = kubeMetrics(metrics);
    for (const verb of ["get", "update", "create", "patch"] as const) {
      for (const status of [undefined, 200, 201, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503]) {
        onCall({ verb, status });
      }
    }
    const lines = await series();
    assert.equal(lines.length, 10);
    assert.ok(lines.includes('baton_kube_requests_total{verb="update",code="conflict"} 2'));
    assert.ok(lines.includes('baton_kube_requests_total{verb="get",code="auth_error"} 2'));
    assert.ok(lines.includes('baton_kube_requests_total{verb="create",code="ok"} 4'));
  });

  test("there is no leader gauge without an election, and 0 before the first turn", async () => {
    const metrics = create();
    assert.doesNotMatch(await metrics.registry.metrics(), /^baton_leader /m);
    const hooks = kubeMetrics(metrics);
    hooks.onStanding();
    assert.match(await metrics.registry.metrics(), /^baton_leader 0$/m);
    hooks.onLeading(true);
    assert.match(await metrics.registry.metrics(), /^baton_leader 1$/m);
    hooks.onLeading(false);
    const text = await metrics.registry.metrics();
    assert.match(text, /^baton_leader 0$/m);
    assert.match(text, /^baton_lease_transitions_total 2$/m);
  });
});
