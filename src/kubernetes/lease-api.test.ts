import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { type KubeApi, startKubeApi } from "../../test/fakes/kube-api.ts";
import { openConnection } from "./connection.ts";
import { createLeaseApi, type LeaseApi } from "./lease-api.ts";

const forever = new AbortController().signal;
const held = {
  holder: "a",
  durationMs: 15_000,
  acquireTime: "2025-06-15T15:06:40.000000Z",
  renewTime: "2025-06-15T15:06:40.000000Z",
  transitions: 1,
};

interface Scene extends AsyncDisposable {
  readonly kube: KubeApi;
  readonly lease: LeaseApi;
  readonly calls: readonly string[];
}

async function setScene(name = "baton-cursor"): Promise<Scene> {
  const kube = await startKubeApi();
  const calls: string[] = [];
  const connection = openConnection({
    kubeconfig: await kube.kubeconfig("pod"),
    namespace: undefined,
    userAgent: "baton-cursor/0",
    onCall: ({ verb, status }) => calls.push(`${verb} ${status}`),
  });
  return {
    kube,
    calls,
    lease: createLeaseApi(connection, name),
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await kube[Symbol.asyncDispose]();
    },
  };
}

suite("the Lease through a real connection", () => {
  test("an empty Lease is read, taken and given back; labels of others stay", async () => {
    await using scene = await setScene();
    const empty = await scene.lease.read(forever);
    assert.equal(empty.holder, "");
    const taken = await scene.lease.update({ ...empty, ...held }, forever);
    assert.deepEqual({ ...taken, version: "" }, { ...held, version: "" });
    assert.notEqual(taken.version, empty.version);
    await scene.lease.update({ ...taken, holder: "", durationMs: 1_000 }, forever);
    assert.deepEqual(scene.kube.lease()?.spec, {
      holderIdentity: "",
      leaseDurationSeconds: 1,
      acquireTime: held.acquireTime,
      renewTime: held.renewTime,
      leaseTransitions: 1,
    });
    assert.equal(scene.kube.lease()?.metadata.labels["app.kubernetes.io/managed-by"], "Helm");
    assert.deepEqual(scene.calls, ["get 200", "update 200", "update 200"]);
  });

  test("an answer of more than 1 MiB is not read to its end", async () => {
    await using scene = await setScene();
    const note = (bytes: number) =>
      scene.kube.changeLease((lease) => ({
        ...lease,
        metadata: { ...lease.metadata, labels: { ...lease.metadata.labels, note: "x".repeat(bytes) } },
      }));
    note(1_000_000);
    assert.equal((await scene.lease.read(forever)).holder, "");
    note(2 * 1024 * 1024);
    await assert.rejects(scene.lease.read(forever), { code: "internal", message: /more than 1 MiB/ });
  });

  test("an update over what has changed is refused as aborted", async () => {
    await using scene = await setScene();
    const old = await scene.lease.read(forever);
    scene.kube.changeLease((lease) => ({ ...lease, spec: { holderIdentity: "b" } }));
    await assert.rejects(scene.lease.update({ ...old, ...held }, forever), { code: "aborted" });
    assert.equal((await scene.lease.read(forever)).holder, "b");
  });

  test("a record that is older than the last one read is refused as aborted too", async () => {
    await using scene = await setScene();
    const old = await scene.lease.read(forever);
    scene.kube.changeLease((lease) => ({ ...lease, spec: { holderIdentity: "b" } }));
    await scene.lease.read(forever);
    await assert.rejects(scene.lease.update({ ...old, ...held }, forever), { code: "aborted" });
  });

  test("calls share one connection", async () => {
    await using scene = await setScene();
    for (let call = 0; call < 5; call += 1) await scene.lease.read(forever);
    assert.equal(new Set(scene.kube.requests.map(({ connection }) => connection)).size, 1);
  });

  for (const [status, code, words] of [
    [401, "unauthenticated", /token is mounted and current/],
    [403, "permission_denied", /by a Role/],
    [404, "not_found", /make it/],
    [409, "aborted", /409/],
    [410, "aborted", /410/],
    [422, "invalid_argument", /422/],
    [429, "resource_exhausted", /429/],
    [500, "unavailable", /500/],
    [503, "unavailable", /503/],
  ] as const) {
    test(`${status} is ${code}, and the message says what about`, async () => {
      await using scene = await setScene();
      scene.kube.script([{ status }]);
      await assert.rejects(scene.lease.read(forever), (error: Error) => {
        assert.match(error.message, words);
        assert.match(error.message, /get the Lease connectors\/baton-cursor/);
        return "code" in error && error.code === code;
      });
      assert.deepEqual(scene.calls, [`get ${status}`]);
    });
  }

  test("a dropped connection and a server that is down are unavailable; afterwards it works again", async () => {
    await using scene = await setScene();
    await scene.lease.read(forever);
    scene.kube.script([{ drop: "before" }, { drop: "after" }]);
    await assert.rejects(scene.lease.read(forever), { code: "unavailable" });
    await assert.rejects(scene.lease.read(forever), { code: "unavailable" });
    scene.kube.setDown(true);
    await assert.rejects(scene.lease.read(forever), { code: "unavailable" });
    scene.kube.setDown(false);
    await scene.lease.read(forever);
    assert.deepEqual(scene.calls, ["get 200", "get undefined", "get undefined", "get undefined", "get 200"]);
  });

  test("an update that took effect although its answer was lost is there at the next look", async () => {
    await using scene = await setScene();
    const empty = await scene.lease.read(forever);
    scene.kube.script([{ drop: "after" }], "update");
    await assert.rejects(scene.lease.update({ ...empty, ...held }, forever), { code: "unavailable" });
    assert.equal((await scene.lease.read(forever)).holder, "a");
  });

  test("a call that hangs ends with its signal", async () => {
    await using scene = await setScene();
    scene.kube.cutOff("pod");
    const patience = AbortSignal.timeout(50);
    await assert.rejects(scene.lease.read(patience), { code: "deadline_exceeded" });
  });

  test("a Lease of another name is refused by the role, which names one", async () => {
    await using scene = await setScene("other");
    await assert.rejects(scene.lease.read(forever), { code: "permission_denied" });
  });

  test("a revoked token is told apart", async () => {
    await using scene = await setScene();
    scene.kube.revoke("pod");
    await assert.rejects(scene.lease.read(forever), { code: "unauthenticated" });
  });
});

suite("where the connection leads", () => {
  const open = (kubeconfig: string | undefined, root?: string) =>
    openConnection({
      kubeconfig,
      namespace: undefined,
      userAgent: "baton-cursor/0",
      onCall: () => undefined,
      ...(root === undefined ? {} : { root }),
    });

  test("in a pod: the mounted service account, at the address that Kubernetes sets", async () => {
    await using kube = await startKubeApi();
    const root = await kube.mountServiceAccount("pod");
    const before = { ...process.env };
    process.env["KUBERNETES_SERVICE_HOST"] = "localhost";
    process.env["KUBERNETES_SERVICE_PORT"] = new URL(kube.url).port;
    try {
      using connection = open(undefined, root);
      assert.equal(connection.namespace, "connectors");
      assert.equal((await createLeaseApi(connection, "baton-cursor").read(forever)).holder, "");
    } finally {
      process.env = before;
    }
  });

  test("without a service account the error says what to set", () => {
    assert.throws(() => open(undefined, "/nowhere"), { message: /automountServiceAccountToken: true .* KUBECONFIG/ });
  });

  test("a kubeconfig that is none, or without TLS, is refused", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    try {
      const file = join(directory, "config");
      assert.throws(() => open(file), { message: /is not a readable kubeconfig: check KUBECONFIG/ });
      await writeFile(file, "not: a kubeconfig");
      assert.throws(() => open(file), { message: /kubeconfig/ });
      const cluster = { name: "c", cluster: { server: "http://localhost:8001" } };
      const context = { name: "x", context: { cluster: "c", user: "u" } };
      await writeFile(
        file,
        JSON.stringify({
          clusters: [cluster],
          users: [{ name: "u", user: {} }],
          contexts: [context],
          "current-context": "x",
        }),
      );
      assert.throws(() => open(file), { message: /no cluster with an https address/ });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
