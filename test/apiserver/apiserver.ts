import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { systemClock } from "../../src/baton/clock.ts";
import { type KubeCall, type KubeConnection, microTime } from "../../src/kubernetes/call.ts";
import { openConnection } from "../../src/kubernetes/connection.ts";
import { createEventRecorder } from "../../src/kubernetes/events.ts";
import { createLeaseApi } from "../../src/kubernetes/lease-api.ts";
import { casePath, cases, render, renderCase } from "../deploy/helm.ts";
import { at, type Manifest, records } from "../deploy/objects.ts";
import { envOf, only } from "../deploy/rendered.ts";
import { isOperators } from "../deploy/validate.ts";
import { createRecordingLogger } from "../fakes/recording-logger.ts";
import { until } from "../helpers/until.ts";
import { leaseMs, standFor } from "./candidate.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Kubectl, kubectlWith } from "./kubectl.ts";
import { careless, namespaceObject, podObject, priorityClass, serviceAccount } from "./objects.ts";
import { buildServers, goVersion, kubernetesVersion } from "./tools.ts";

const forever = new AbortController().signal;
const version = goVersion();
const denied = { code: "permission_denied" };

interface Installed {
  readonly connection: KubeConnection;
  /** Verb and status of every call that has ended. */
  readonly statuses: readonly unknown[];
  readonly lease: string;
}

suite("a real Kubernetes API server", { skip: version === undefined && "Go was not found" }, () => {
  let cluster: Cluster;
  let admin: Kubectl;

  before(async () => {
    buildServers();
    const beganMs = performance.now();
    cluster = await startCluster();
    admin = kubectlWith(cluster.admin);
    console.log(`kube-apiserver ${kubernetesVersion()} was ready after ${Math.round(performance.now() - beganMs)} ms`);
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  /** Puts the rights of a case and the Lease into a namespace of its own; a connection as the chart's service account. */
  function install(name: string, namespace: string): Installed {
    const objects = render({ files: [casePath(name)], namespace });
    const kinds = ["Lease", "Role", "RoleBinding", "ServiceAccount"];
    admin.put([namespaceObject(namespace)]);
    admin.put(
      objects.filter(({ kind }) => kinds.includes(kind)),
      namespace,
    );
    const account = only(objects, "ServiceAccount").metadata.name;
    const token = admin.output("create", "token", account, "--namespace", namespace).trim();
    const kubeconfig = cluster.kubeconfig(token, namespace);
    const statuses: unknown[] = [];
    const connection = openConnection({
      kubeconfig,
      namespace: undefined,
      userAgent: "baton-cursor/0",
      onCall: ({ verb, status }) => statuses.push([verb, status]),
    });
    return { connection, statuses, lease: String(envOf(objects).get("BATON_LEASE_NAME")) };
  }

  const json = (...args: readonly string[]): unknown => JSON.parse(admin.output("get", ...args, "--output", "json"));

  test("is the version that is pinned, and knows nobody without a token", async () => {
    assert.equal(at(JSON.parse(admin.output("get", "--raw", "/version")), "gitVersion"), kubernetesVersion());
    assert.equal((await cluster.get("/api/v1/namespaces")).status, 401);
    assert.equal((await cluster.get("/api/v1/namespaces", "unknown")).status, 401);
  });

  suite("what the chart renders, in a namespace of Pod Security level restricted", () => {
    const namespace = "c1";
    const accepted = (objects: readonly Manifest[]): void => {
      const { code, stdout, stderr } = admin.apply(objects, { namespace, dryRun: true });
      assert.equal(code, 0, stderr);
      assert.equal(stderr, "", "no warning");
      assert.equal(stdout.trim().split("\n").length, objects.length, stdout);
    };

    before(() => {
      admin.put([namespaceObject(namespace), priorityClass("business")]);
      // A pod is refused while its service account is missing, and a dry run leaves none behind.
      const accounts = cases.flatMap((name) => renderCase(name)).filter(({ kind }) => kind === "ServiceAccount");
      const names = new Set(["default", ...accounts.map(({ metadata }) => metadata.name)]);
      admin.put(
        [...names].map((name) => serviceAccount(namespace, name)),
        namespace,
      );
    });

    for (const name of cases) {
      test(`${name}: every object is accepted without a warning, and so are its pods`, () => {
        const objects = renderCase(name).filter((object) => !isOperators(object));
        accepted(objects);
        accepted(objects.filter(({ kind }) => kind === "Deployment").map(podObject));
      });
    }

    test("a careless pod and an unknown field would be refused, a careless Deployment warned of", () => {
      const [pod, deployment] = careless(namespace);
      const refused = admin.apply([pod], { namespace, dryRun: true });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /violates PodSecurity "restricted:latest"/);
      assert.match(admin.apply([deployment], { namespace, dryRun: true }).stderr, /would violate PodSecurity/);
      const misspelt = { ...only(renderCase("minimal"), "Service"), sepc: {} };
      const { code, stderr } = admin.apply([misspelt], { namespace, dryRun: true });
      assert.notEqual(code, 0);
      assert.match(stderr, /sepc/);
    });
  });

  suite("high availability under the chart's Role", () => {
    let connection: KubeConnection;
    let lease: string;
    const namespace = "ha";
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    // Not by kubectl: while that runs, no instance here can renew.
    const stored = () => createLeaseApi(connection, lease).read(forever);

    before(() => {
      ({ connection, lease } = install("high-availability", namespace));
      const other = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "another", namespace } };
      admin.put([other], namespace);
    });
    after(() => connection?.[Symbol.dispose]());

    test("the named Lease may be read and written over its newest version only", async () => {
      const api = createLeaseApi(connection, lease);
      const now = microTime(Date.now());
      const first = { ...(await api.read(forever)), durationMs: 1_000, acquireTime: now, renewTime: now };
      const second = await api.update({ ...first, holder: "one" }, forever);
      assert.notEqual(second.version, first.version);
      await assert.rejects(api.update({ ...first, holder: "two" }, forever), {
        code: "aborted",
      });
      await api.update({ ...second, holder: "" }, forever);
    });

    test("nothing else is allowed", async () => {
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "new", namespace } };
      const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      const calls: readonly Omit<KubeCall, "what">[] = [
        { verb: "create", path: leases, body },
        { verb: "get", path: leases },
        { verb: "get", path: `${leases}/another` },
        { verb: "update", path: `${leases}/another`, body: { ...body, metadata: { name: "another", namespace } } },
        { verb: "patch", path: `${leases}/${lease}`, body: {} },
        { verb: "get", path: leases.replace(namespace, "default") },
        { verb: "get", path: `/api/v1/namespaces/${namespace}/secrets` },
        { verb: "get", path: `/api/v1/namespaces/${namespace}/secrets/baton-cursor` },
        { verb: "get", path: `/api/v1/namespaces/${namespace}/pods` },
        { verb: "create", path: events, body: {} },
      ];
      for (const call of calls) {
        const what = `${call.verb} ${call.path}`;
        await assert.rejects(connection.call({ ...call, what }, forever), denied, what);
      }
    });

    test("the API's own list of its rights has the Lease and nothing beyond what everybody has", async () => {
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace } };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
      const answer = await connection.call({ verb: "create", path, body, what: "the rights" }, forever);
      const own = records(at(answer, "status", "resourceRules")).filter(
        ({ apiGroups }) => !["authorization.k8s.io", "authentication.k8s.io"].includes(String(apiGroups)),
      );
      assert.deepEqual(own, [
        { verbs: ["get", "update"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [lease] },
      ]);
    });

    const takeOver =
      "an instance takes the Lease and renews it; the next takes over when it is cut off, and gives it back";
    test(takeOver, { timeout: 60_000 }, async () => {
      await using one = standFor(connection, lease, "one");
      await one.elector.untilLeading(forever);
      const taken = await stored();
      assert.equal(taken.holder, "one");
      await using two = standFor(connection, lease, "two");
      // Longer than the Lease lasts: without renewals the second would lead by then.
      await systemClock.sleep(leaseMs * 1.5, forever);
      const renewed = await stored();
      assert.deepEqual([one.elector.leads(), two.elector.leads()], [true, false]);
      assert.deepEqual([renewed.holder, renewed.transitions], ["one", taken.transitions]);
      assert.equal(renewed.acquireTime, taken.acquireTime);
      assert.ok(renewed.renewTime > taken.renewTime);

      const cutAtMs = performance.now();
      one.cutOff();
      await until(() => !one.elector.leads(), "the end of the first term");
      assert.equal(two.elector.leads(), false);
      await two.elector.untilLeading(forever);
      const waitedMs = performance.now() - cutAtMs;
      assert.ok(waitedMs > leaseMs / 2, `taken over after ${waitedMs} ms`);
      assert.equal((await stored()).holder, "two");

      await two.stop();
      assert.equal((await stored()).holder, "");
      await using three = standFor(connection, lease, "three");
      const emptyAtMs = performance.now();
      await three.elector.untilLeading(forever);
      assert.ok(performance.now() - emptyAtMs < leaseMs, "an empty Lease need not expire");
      const end = await stored();
      assert.deepEqual([end.holder, end.transitions], ["three", taken.transitions + 2]);
    });

    test("the chart's labels are still on the Lease after all that", () => {
      const labels = at(json("lease", lease, "--namespace", namespace), "metadata", "labels");
      assert.equal(at(labels, "app.kubernetes.io/instance"), "team");
    });
  });

  test("events: one is accepted, and its repetition as a series", async () => {
    const namespace = "events";
    const { connection, statuses } = install("events", namespace);
    using _closing = connection;
    const pod = { name: "pod-1", uid: "uid-1" };
    const recorder = createEventRecorder({ connection, pod, clock: systemClock, log: createRecordingLogger() });
    const stopping = new AbortController();
    const ended = recorder.run(stopping.signal);
    const event = { reason: "CredentialActivated", note: "The new credential is used.", type: "Normal" } as const;
    recorder.record(event);
    await until(() => statuses.length === 1, "an Event");
    recorder.record(event);
    await until(() => statuses.length === 2, "a series");
    stopping.abort();
    await ended;
    assert.deepEqual(statuses, [
      ["create", 201],
      ["patch", 200],
    ]);
    const [stored, ...more] = records(at(json("events.events.k8s.io", "--namespace", namespace), "items"));
    assert.deepEqual(more, []);
    assert.deepEqual(
      [stored?.["reason"], stored?.["note"], stored?.["type"], at(stored, "regarding", "name")],
      [event.reason, event.note, event.type, pod.name],
    );
    assert.equal(at(stored, "series", "count"), 2);
    await assert.rejects(createLeaseApi(connection, "team-baton-cursor").read(forever), denied);
  });
});

if (version === undefined) console.log("apiserver-test: SKIPPED, this machine has no Go toolchain");
