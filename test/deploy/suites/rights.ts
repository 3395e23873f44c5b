import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../../src/baton/clock.ts";
import { openConnection } from "../../../src/kubernetes/connection.ts";
import { createElector } from "../../../src/kubernetes/elector.ts";
import { createEventRecorder } from "../../../src/kubernetes/events.ts";
import { createLeaseApi } from "../../../src/kubernetes/lease-api.ts";
import { type KubeApi, type Role, startKubeApi } from "../../fakes/kube-api.ts";
import { createRecordingLogger } from "../../fakes/recording-logger.ts";
import { until } from "../../helpers/until.ts";
import { renderCase } from "../helm.ts";
import { at, type Manifest, records } from "../objects.ts";
import { envOf } from "../rendered.ts";

const forever = new AbortController().signal;
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The Role that a case renders, or one that allows nothing. */
function roleOf(objects: readonly Manifest[]): Role {
  const role = objects.find(({ kind }) => kind === "Role");
  return {
    rules: records(at(role, "rules")).map((rule) => ({
      apiGroups: strings(rule["apiGroups"]),
      resources: strings(rule["resources"]),
      ...(rule["resourceNames"] === undefined ? {} : { resourceNames: strings(rule["resourceNames"]) }),
      verbs: strings(rule["verbs"]),
    })),
  };
}

async function connect(kube: KubeApi) {
  const kubeconfig = await kube.kubeconfig("pod");
  return openConnection({ kubeconfig, namespace: undefined, userAgent: "baton-cursor/0", onCall: () => undefined });
}

suite("the program under the rights that the chart gives it", () => {
  test("high availability: it takes the Lease, renews it, gives it back, and can do nothing else", async () => {
    const objects = renderCase("high-availability");
    const name = String(envOf(objects).get("BATON_LEASE_NAME"));
    await using kube = await startKubeApi({ leases: [name, "another"], role: roleOf(objects) });
    using connection = await connect(kube);
    const elector = createElector({
      lease: createLeaseApi(connection, name),
      identity: "pod-1",
      strict: true,
      clock: systemClock,
      random: Math.random,
      log: createRecordingLogger(),
      times: { retryMs: 20 },
      onLeading: () => undefined,
    });
    const stop = new AbortController();
    const ended = elector.run(stop.signal);
    await elector.untilLeading(forever);
    await until(() => kube.history.length >= 3, "a renewal");
    stop.abort();
    await ended;
    assert.equal(kube.lease(name)?.spec?.holderIdentity, "");
    assert.deepEqual(new Set(kube.requests.map(({ status }) => status)), new Set([200]));
    await assert.rejects(createLeaseApi(connection, "another").read(forever), { code: "permission_denied" });
    const event = {
      verb: "create",
      path: "/apis/events.k8s.io/v1/namespaces/connectors/events",
      what: "an Event",
    } as const;
    await assert.rejects(connection.call(event, forever), { code: "permission_denied" });
  });

  test("Events: it writes one and its series, and has no Lease", async () => {
    await using kube = await startKubeApi({ role: roleOf(renderCase("events")) });
    using connection = await connect(kube);
    const recorder = createEventRecorder({
      connection,
      pod: { name: "pod-1", uid: "uid-1" },
      clock: systemClock,
      log: createRecordingLogger(),
    });
    const stop = new AbortController();
    const ended = recorder.run(stop.signal);
    recorder.record({ reason: "CredentialActivated", note: "n", type: "Normal" });
    await until(() => kube.events.length === 1, "an Event");
    recorder.record({ reason: "CredentialActivated", note: "n", type: "Normal" });
    await until(() => kube.events[0]?.series?.count === 2, "a series");
    stop.abort();
    await ended;
    await assert.rejects(createLeaseApi(connection, "baton-cursor").read(forever), { code: "permission_denied" });
  });

  test("one replica has no role at all", () => assert.deepEqual(roleOf(renderCase("minimal")), { rules: [] }));
});
