import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { suite, test } from "node:test";
import { readText } from "./fault-answer.ts";
import { type KubeApi, startKubeApi } from "./kube-api.ts";

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/connectors/leases/baton-cursor";
const eventsPath = "/apis/events.k8s.io/v1/namespaces/connectors/events";
const time = "2025-06-15T15:06:40.000000Z";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A client that checks nothing. */
async function ask(kube: KubeApi, token: string, method: string, path: string, body?: object): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const sent = request(`${kube.url}${path}`, {
    method,
    ca: kube.caPem,
    agent: false,
    headers: { authorization: `Bearer ${token}`, "content-type": type, "user-agent": "baton-cursor/0" },
  });
  sent.on("error", reject);
  sent.on("response", (response) => {
    readText(response).then((text) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }), reject);
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

interface Scene extends AsyncDisposable {
  readonly kube: KubeApi;
  ask(method: string, path: string, body?: object): Promise<Answer>;
  /** The Lease as it is, ready to be changed and sent. */
  lease(spec?: object): Record<string, unknown>;
}

async function setScene(): Promise<Scene> {
  const kube = await startKubeApi();
  const { users } = JSON.parse(await readFile(await kube.kubeconfig("pod"), "utf8"));
  const { token } = users[0].user;
  const right = {
    holderIdentity: "a",
    leaseDurationSeconds: 15,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: 1,
  };
  return {
    kube,
    ask: (method, path, body) => ask(kube, token, method, path, body),
    lease: (spec = {}) => ({ ...kube.lease(), spec: { ...right, ...spec } }),
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

const event = {
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name: "pod.1", namespace: "connectors" },
  eventTime: time,
  reportingController: "baton-cursor",
  reportingInstance: "pod",
  action: "A",
  reason: "R",
  regarding: { kind: "Pod", name: "pod", namespace: "connectors" },
  note: "n",
  type: "Normal",
};

suite("stand-in of the Kubernetes API", () => {
  test("lets nobody in without a token, and nobody do what the role does not say", async () => {
    await using scene = await setScene();
    assert.equal((await ask(scene.kube, "wrong", "GET", leasePath)).status, 401);
    for (const [method, path] of [
      ["GET", leasePath.replace("/leases/baton-cursor", "/leases")],
      ["POST", leasePath.replace("/leases/baton-cursor", "/leases")],
      ["GET", leasePath.replace("baton-cursor", "other")],
      ["DELETE", leasePath],
      ["PATCH", leasePath],
      ["GET", "/api/v1/namespaces/connectors/secrets/s"],
      ["GET", leasePath.replace("connectors", "elsewhere")],
      ["GET", `${eventsPath}/e`],
    ] as const) {
      assert.equal((await scene.ask(method, path)).status, 403, `${method} ${path}`);
    }
    assert.equal((await scene.ask("GET", leasePath)).status, 200);
  });

  test("takes an update of the newest version only", async () => {
    await using scene = await setScene();
    const first = scene.lease();
    assert.equal((await scene.ask("PUT", leasePath, first)).status, 200);
    const late = await scene.ask("PUT", leasePath, first);
    assert.equal(late.status, 409);
    assert.equal(late.body["reason"], "Conflict");
    assert.deepEqual(
      scene.kube.history.map(({ user, holder }) => [user, holder]),
      [["pod", "a"]],
    );
  });

  for (const [spec, words] of [
    [{ leaseDurationSeconds: 0 }, /leaseDurationSeconds/],
    [{ leaseTransitions: -1 }, /leaseTransitions/],
    [{ renewTime: "2025-06-15T15:06:40.000Z" }, /renewTime: not a MicroTime/],
    [{ holderIdentity: undefined }, /holderIdentity/],
    [{ leaseHolder: "a" }, /leaseHolder: unknown field/],
  ] as const) {
    test(`refuses a Lease with ${JSON.stringify(spec)}, and remembers it`, async () => {
      await using scene = await setScene();
      assert.equal((await scene.ask("PUT", leasePath, scene.lease(spec))).status, 422);
      assert.match(scene.kube.takeViolations().join(), words);
    });
  }

  test("refuses an update without a version and under another name, and tells of lost labels", async () => {
    await using scene = await setScene();
    const { metadata, ...lease } = scene.lease() as { metadata: object };
    const put = (change: object) => scene.ask("PUT", leasePath, { ...lease, metadata: { ...metadata, ...change } });
    assert.equal((await put({ resourceVersion: undefined })).status, 422);
    assert.equal((await put({ name: "other" })).status, 400);
    assert.equal((await put({ labels: undefined })).status, 200);
    assert.equal(scene.kube.takeViolations().length, 3);
  });

  for (const [change, words] of [
    [{ reason: "" }, /reason: required/],
    [{ action: undefined }, /action: required/],
    [{ note: "n".repeat(1_025) }, /note: longer/],
    [{ type: "Error" }, /type: not Normal or Warning/],
    [{ eventTime: "today" }, /eventTime/],
    [{ count: 2 }, /count: unknown field/],
    [{ series: { count: 1, lastObservedTime: time } }, /series.count: should be at least 2/],
    [{ metadata: { name: "Pod_1", namespace: "connectors" } }, /DNS subdomain/],
    [{ regarding: { kind: "Pod", name: "pod", namespace: "default" } }, /regarding.namespace/],
  ] as const) {
    test(`refuses an event with ${JSON.stringify(change).slice(0, 60)}`, async () => {
      await using scene = await setScene();
      assert.equal((await scene.ask("POST", eventsPath, { ...event, ...change })).status, 422);
      assert.match(scene.kube.takeViolations().join(), words);
    });
  }

  test("takes an event once, then its series and nothing else of it", async () => {
    await using scene = await setScene();
    assert.equal((await scene.ask("POST", eventsPath, event)).status, 201);
    assert.equal((await scene.ask("POST", eventsPath, event)).status, 409);
    const series = { count: 2, lastObservedTime: time };
    assert.equal((await scene.ask("PATCH", `${eventsPath}/pod.1`, { series })).status, 200);
    assert.equal((await scene.ask("PATCH", `${eventsPath}/pod.1`, { note: "other", series })).status, 422);
    assert.match(scene.kube.takeViolations().join(), /note: unknown field/);
    scene.kube.forgetEvents();
    assert.equal((await scene.ask("PATCH", `${eventsPath}/pod.1`, { series })).status, 404);
  });

  test("does what was laid out to go wrong, then answers rightly again", async () => {
    await using scene = await setScene();
    scene.kube.script([{ status: 410 }, { drop: "before" }], "update");
    assert.equal((await scene.ask("GET", leasePath)).status, 200);
    assert.equal((await scene.ask("PUT", leasePath, scene.lease())).status, 410);
    await assert.rejects(scene.ask("PUT", leasePath, scene.lease()));
    assert.equal(scene.kube.history.length, 0);
    scene.kube.script([{ drop: "after" }]);
    await assert.rejects(scene.ask("PUT", leasePath, scene.lease()));
    assert.equal(scene.kube.history.length, 1);
    scene.kube.setWeather(({ verb }) => (verb === "get" ? { status: 500 } : {}));
    assert.equal((await scene.ask("GET", leasePath)).status, 500);
  });

  test("shows the holder's clock ahead when asked to", async () => {
    await using scene = await setScene();
    await scene.ask("PUT", leasePath, scene.lease());
    scene.kube.setSkew(60_000);
    const { body } = await scene.ask("GET", leasePath);
    assert.equal((body["spec"] as { renewTime: string }).renewTime, "2025-06-15T15:07:40.000000Z");
  });
});
