/** What `helm test` runs, run as the kubelet would run it: with the rendered arguments, environment and mounts. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startScimServer } from "../../fakes/scim-server.ts";
import { spawnConnector } from "../../helpers/daemon.ts";
import { mountSecret } from "../../helpers/mounted-secret.ts";
import { startStandIns } from "../../integration/scene.ts";
import { render } from "../helm.ts";
import { at, type Manifest, podOf, record, records, type Value } from "../objects.ts";
import { containerOf, kubeletEnv } from "../pod.ts";
import { everyCase, isTest, matches, of, only, podSpec } from "../rendered.ts";

const limit = { timeout: 60_000 };
const values = { image: { repository: "r/x" }, credentials: { existingSecret: "s" } };

function doctorPod(objects: readonly Manifest[]): Manifest {
  return objects.find(({ metadata }) => metadata.name.startsWith("doctor-")) ?? assert.fail("no pod of doctor");
}

suite("the pod that examines everything", () => {
  for (const { name, objects } of everyCase.filter((given) => given.objects.some(isTest))) {
    test(`${name}: has what the connector has, except for a token of the Kubernetes API`, () => {
      const { labels, spec } = podOf(doctorPod(objects)) ?? assert.fail(name);
      const connector = containerOf(objects, "Deployment");
      const doctor = containerOf(objects, "Pod", "doctor");
      for (const part of [
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "resources",
        "securityContext",
        "volumeMounts",
      ]) {
        assert.deepEqual(doctor[part], connector[part], part);
      }
      const shared = ["volumes", "securityContext", "serviceAccountName", "nodeSelector", "tolerations", "affinity"];
      for (const part of [...shared, "imagePullSecrets", "hostUsers", "enableServiceLinks"]) {
        assert.deepEqual(at(spec, part), podSpec(objects)[part], part);
      }
      assert.equal(at(spec, "automountServiceAccountToken"), false);
      assert.equal(at(spec, "restartPolicy"), "Never");
      const others = Object.entries(record(at(only(objects, "Deployment"), "spec", "template", "metadata", "labels")));
      for (const [key, value] of others) {
        const expected = key === "app.kubernetes.io/component" ? "doctor" : value;
        assert.equal(record(labels)[key], expected, key);
      }
    });
  }

  test("is no pod of the connector to anything but the network policy, which holds it in the same way", () => {
    for (const name of ["closed-network", "everything", "high-availability", "monitoring"]) {
      const objects = of(name);
      const labels = doctorPod(objects).metadata.labels;
      const selectors = objects.flatMap((object) => [
        ...(object.kind === "Service" ? [at(object, "spec", "selector")] : []),
        ...(object.kind === "NetworkPolicy" ? [] : [at(object, "spec", "selector", "matchLabels")]),
      ]);
      for (const selector of selectors) assert.ok(!matches(selector, labels), `${name}: ${JSON.stringify(selector)}`);
    }
    const policy = only(of("closed-network"), "NetworkPolicy");
    assert.ok(
      matches(at(policy, "spec", "podSelector", "matchLabels"), doctorPod(of("closed-network")).metadata.labels),
    );
    const [component] = records(at(policy, "spec", "podSelector", "matchExpressions"));
    assert.deepEqual(component, {
      key: "app.kubernetes.io/component",
      operator: "In",
      values: ["connector", "doctor"],
    });
  });

  test("comes first, has less time than Helm waits, and is left alone where it failed, so that its log can be read", () => {
    const pod = doctorPod(of("minimal"));
    const weight = ({ metadata }: Manifest) => Number(metadata.annotations?.["helm.sh/hook-weight"] ?? 0);
    for (const other of of("minimal").filter((object) => isTest(object) && object !== pod)) {
      assert.ok(weight(pod) < weight(other), other.metadata.name);
    }
    assert.ok(Number(at(pod, "spec", "activeDeadlineSeconds")) < 300);
    assert.equal(pod.metadata.annotations?.["helm.sh/hook-delete-policy"], "before-hook-creation,hook-succeeded");
  });

  test("can be left out, with the rest of `helm test` or alone", () => {
    const pods = (tests: Value) => render({ values: { ...values, tests } }).filter(({ kind }) => kind === "Pod");
    assert.deepEqual(
      pods({ doctor: { enabled: false } }).map(({ metadata }) => metadata.name),
      ["test-team-baton-cursor"],
    );
    assert.deepEqual(pods({ enabled: false }), []);
  });
});

suite("what its command says", () => {
  /** The arguments and environment of the rendered pod, with directories of this machine for its mounts. */
  async function setStage() {
    await using stack = new AsyncDisposableStack();
    const stage = stack.use(await startStandIns());
    const scim = stack.use(await startScimServer());
    scim.seed(...stage.cursor.members.filter(({ isRemoved }) => isRemoved !== true).map(({ email = "" }) => email));
    const objects = render({
      values: {
        ...values,
        replicaCount: 2,
        events: { enabled: true },
        provisioning: { enabled: true },
        certificateAuthority: { configMap: "ca" },
        c1: { apiHost: stage.c1.apiHost },
        cursor: { baseUrl: stage.cursor.url },
      },
    });
    const keys = {
      BATON_CLIENT_ID: stage.c1.clientId,
      BATON_CLIENT_SECRET: stage.c1.clientSecret,
      BATON_CURSOR_API_KEY: stage.cursor.apiKey,
      BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
      BATON_CURSOR_SCIM_TOKEN: scim.token,
    };
    const secret = stack.use(await mountSecret(keys));
    const container = containerOf(objects, "Pod", "doctor");
    const env = kubeletEnv(container, (path) => path.replace("metadata.", "pod-"));
    const args = container["args"];
    assert.ok(Array.isArray(args));
    const kept = stack.move();
    return {
      ...stage,
      secret,
      keys,
      async run() {
        await using process = await spawnConnector(args.map(String), {
          ...env,
          BATON_SECRETS_DIR: secret.directory,
          NODE_EXTRA_CA_CERTS: stage.c1.caFile,
        });
        return await process.ended;
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  }

  test("a release that is right: nothing is in the way, and C1 got no Hello from it", limit, async () => {
    await using stage = await setStage();
    const { code, stdout, stderr } = await stage.run();
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^ok +configuration: right, for service mode$/m);
    assert.match(stdout, /^ok +secrets directory: 5 of 5 files, none of them open to everybody$/m);
    assert.match(stdout, /^ok +people managed through SCIM: 4$/m);
    assert.match(stdout, /^Nothing is in the way\.$/m);
    assert.equal(stage.c1.calls("Hello").length, 0);
  });

  test("a Secret with a wrong key: the test fails, and its log says what to do", limit, async () => {
    await using stage = await setStage();
    await stage.secret.write({ ...stage.keys, BATON_CURSOR_API_KEY: "key_wrong" });
    const { code, stdout, stderr } = await stage.run();
    assert.equal(code, 9, stdout + stderr);
    assert.match(stdout, /^FAILED +Cursor: key: .*\n +-> .*dashboard/m);
    assert.doesNotMatch(stdout + stderr, /key_wrong/);
  });
});
