import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { roleFor, startKubeApi } from "../fakes/kube-api.ts";
import { until } from "../helpers/until.ts";
import { createTask, creationArm } from "./account-stage.ts";
import {
  activated,
  assertUnseen,
  credentialMetrics,
  fileNames,
  linesWith,
  type RotationScene,
  type RotationSceneOptions,
  readiness,
  ready,
  secretName,
  setRotationScene,
  syncTask,
} from "./rotation-scene.ts";

const limit = { timeout: 60_000 };

async function works({ c1 }: RotationScene): Promise<void> {
  const finish = await c1.awaitFinish(c1.enqueue(syncTask), 20_000);
  assert.equal(finish.ok, true, finish.message);
}

const none = Object.fromEntries(fileNames.map((name) => [name, undefined]));

suite("a start with a Secret that is not right", { concurrency: 3 }, () => {
  const canary = "canary-0123456789";
  const cases: readonly (readonly [string, RotationSceneOptions["first"], string, RegExp])[] = [
    [
      "without any key",
      none,
      "c1",
      /BATON_CLIENT_ID is missing from the Secret prod-baton.*BATON_CLIENT_SECRET is missing/,
    ],
    [
      "without a client id",
      { BATON_CLIENT_ID: undefined },
      "c1",
      /^BATON_CLIENT_ID is missing from the Secret prod-baton/,
    ],
    [
      "with an empty client secret",
      { BATON_CLIENT_SECRET: "\n" },
      "c1",
      /^BATON_CLIENT_SECRET is missing from the Secret/,
    ],
    [
      "with a client id that is none",
      { BATON_CLIENT_ID: canary },
      "c1",
      /BATON_CLIENT_ID.*invalid client id.*Secret prod-baton/,
    ],
    [
      "with a client secret that is none",
      { BATON_CLIENT_SECRET: canary },
      "c1",
      /BATON_CLIENT_SECRET.*invalid client secret/,
    ],
    [
      "with a client secret that is too long",
      { BATON_CLIENT_SECRET: canary.repeat(10_000) },
      "c1",
      /^the file BATON_CLIENT_SECRET of the Secret prod-baton is longer than 64 KiB$/,
    ],
    [
      "with a client secret that is no text",
      { BATON_CLIENT_SECRET: Buffer.of(0xc3, 0x28) },
      "c1",
      /^the file BATON_CLIENT_SECRET of the Secret prod-baton is not UTF-8 text$/,
    ],
    ["with a NUL in Cursor's key", { BATON_CURSOR_API_KEY: `${canary}\0` }, "cursor_api", /BATON_CURSOR_API_KEY.*NUL/],
    ["without Cursor's key", { BATON_CURSOR_API_KEY: undefined }, "cursor_api", /^BATON_CURSOR_API_KEY is missing/],
    [
      "with blanks in Cursor's key",
      { BATON_CURSOR_API_KEY: `${canary} x` },
      "cursor_api",
      /BATON_CURSOR_API_KEY.*blanks/,
    ],
    [
      "without the SCIM token",
      { BATON_CURSOR_SCIM_TOKEN: undefined },
      "cursor_scim",
      /^BATON_CURSOR_SCIM_TOKEN is missing/,
    ],
    [
      "with a wrong SCIM address",
      { BATON_CURSOR_SCIM_ENDPOINT: canary },
      "cursor_scim",
      /BATON_CURSOR_SCIM_ENDPOINT.*address/,
    ],
  ];
  for (const [what, first, credential, expected] of cases) {
    test(`${what}: up, not ready, told by name, healed without a restart`, limit, async () => {
      await using scene = await setRotationScene({ first: first ?? {} });
      const { c1, daemon, write } = scene;
      const error = await ready(daemon.healthUrl, 503);
      assert.match(error, expected);
      assert.match(error, new RegExp(`the Secret ${secretName}`));
      assertUnseen(scene, error);
      assert.equal((await fetch(`${daemon.healthUrl}/live`)).status, 200);
      const metrics = await credentialMetrics(daemon.healthUrl, credential);
      assert.deepEqual([metrics.pending, metrics.activations], [1, 0]);
      assert.equal(metrics.rejections + metrics.unreadable, 1);
      assert.equal(metrics.unreadable, error.startsWith("the file") ? 1 : 0);
      assert.ok(Number.isNaN(metrics.activeSince), "absent while there is none");
      await write();
      assert.equal(await ready(daemon.healthUrl, 200), "");
      await works(scene);
      if (first !== none) {
        const created = await c1.awaitFinish(c1.enqueue(createTask("new@example.com")), 20_000);
        assert.equal(creationArm(created), "inProgress", "accounts as well");
      }
      const after = await credentialMetrics(daemon.healthUrl, credential);
      assert.deepEqual([after.pending, after.activations], [0, 1]);
      assert.ok(after.activeSince > 1.7e9);
    });
  }

  test("with a directory in place of a file: told that it cannot be read, and healed", limit, async () => {
    const first = { BATON_CLIENT_ID: undefined };
    let path = "";
    await using scene = await setRotationScene({
      first,
      plain: true,
      before: ({ secret }) => {
        path = join(secret.directory, "BATON_CLIENT_ID");
        mkdirSync(path);
      },
    });
    const error = await ready(scene.daemon.healthUrl, 503);
    assert.equal(error, "the file BATON_CLIENT_ID of the Secret prod-baton cannot be read (EISDIR)");
    assert.equal((await credentialMetrics(scene.daemon.healthUrl, "c1")).unreadable, 1);
    rmdirSync(path);
    await scene.write();
    await ready(scene.daemon.healthUrl, 200);
    await works(scene);
  });

  test("a file that cannot be used does not fall back to the variable, and the others are used", limit, async () => {
    await using scene = await setRotationScene({
      first: { BATON_CURSOR_API_KEY: Buffer.of(0xff) },
      kept: ["BATON_CURSOR_API_KEY"],
    });
    assert.match(await ready(scene.daemon.healthUrl, 503), /BATON_CURSOR_API_KEY .* is not UTF-8 text/);
    await scene.c1.awaitCall("GetTask");
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask), 20_000);
    assert.deepEqual([finish.ok, finish.code, finish.nonRetryable], [false, 14, false]);
    assert.match(
      finish.message,
      /there is no key for Cursor yet: the file BATON_CURSOR_API_KEY of the Secret prod-baton/,
    );
    assert.equal(scene.cursor.requests.length, 0);
  });

  test("with a key that Cursor rejects: not ready, healed by the next version", limit, async () => {
    await using scene = await setRotationScene({ first: { BATON_CURSOR_API_KEY: "key_canary-wrong" } });
    const error = await ready(scene.daemon.healthUrl, 503).then(async () => {
      await until(() => linesWith(scene.daemon, "does not accept the key").length === 1, "a log line");
      return ready(scene.daemon.healthUrl, 503);
    });
    assert.match(error, /^Cursor rejected BATON_CURSOR_API_KEY.*\(from the Secret prod-baton\)$/);
    await scene.write();
    await activated(scene, "cursor_api");
    await ready(scene.daemon.healthUrl, 200);
    await works(scene);
  });
});

suite("another tenant", { concurrency: 3 }, () => {
  test("is refused while running, without being asked anything", limit, async () => {
    await using scene = await setRotationScene();
    const { c1, daemon, write } = scene;
    await works(scene);
    const other = scene.rotateC1("another.example.com");
    await write(other);
    await until(() => linesWith(daemon, "was rejected").length === 1, "a log line");
    assert.match(
      String(linesWith(daemon, "was rejected")[0]?.["reason"]),
      /another tenant; set BATON_ALLOW_REPOINT=true/,
    );
    assert.equal((await credentialMetrics(daemon.healthUrl, "c1")).pending, 1);
    assert.ok(c1.token.requests.every(({ clientId }) => clientId === c1.clientId));
    await works(scene);
    assert.equal((await readiness(daemon.healthUrl)).status, 200);
  });

  test("is taken with BATON_ALLOW_REPOINT", limit, async () => {
    await using scene = await setRotationScene({ env: { BATON_ALLOW_REPOINT: "true" } });
    await works(scene);
    const other = scene.rotateC1("another.example.com");
    await scene.write(other);
    await activated(scene, "c1");
    // A task that the last poll of the old client still catches is reported by that client.
    await until(() => scene.c1.calls("GetTask").at(-1)?.clientId === other.BATON_CLIENT_ID, "a poll of the new client");
    await works(scene);
    assert.equal(scene.c1.calls("FinishTask").at(-1)?.clientId, other.BATON_CLIENT_ID);
    assert.equal(scene.c1.token.requests.at(-1)?.assertion?.claims["aud"], "another.example.com");
  });

  test("is taken in place of one that never worked: a slip in the first version can be put right", limit, async () => {
    await using scene = await setRotationScene({ before: ({ c1 }) => c1.revokeClient(c1.clientId, "at once") });
    await until(() => linesWith(scene.daemon, "waiting for a new version of the Secret").length === 1, "the rejection");
    await scene.write(scene.rotateC1("another.example.com"));
    await ready(scene.daemon.healthUrl, 200);
    await works(scene);
  });

  test("another directory of people is refused too", limit, async () => {
    await using scene = await setRotationScene();
    await works(scene);
    assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(createTask("a@example.com")))).ok, true);
    await scene.write({ BATON_CURSOR_SCIM_ENDPOINT: `${scene.scim.url}/scim/v2/another-directory` });
    await until(() => linesWith(scene.daemon, "was rejected").length === 1, "a log line");
    assert.match(
      String(linesWith(scene.daemon, "was rejected")[0]?.["reason"]),
      /SCIM endpoint is of another directory/,
    );
    assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(createTask("b@example.com")))).ok, true);
  });
});

suite("files beside variables", { concurrency: 3 }, () => {
  test("files win and rotate; one warning names the variables that differ, and no value", limit, async () => {
    const env = { BATON_CURSOR_API_KEY: "key_canary-of-the-environment" };
    await using scene = await setRotationScene({ kept: ["BATON_CURSOR_API_KEY"], env });
    await works(scene);
    assert.equal(scene.cursor.requests.at(-1)?.apiKey, scene.cursor.apiKey);
    scene.cursor.setKeys(scene.cursor.apiKey, "key_canary-new");
    await scene.write({ BATON_CURSOR_API_KEY: "key_canary-new" });
    await activated(scene, "cursor_api");
    await works(scene);
    assert.equal(scene.cursor.requests.at(-1)?.apiKey, "key_canary-new");
    assert.ok(!scene.daemon.logLines.join("").includes("key_canary-of-the-environment"));
  });

  test("a variable serves where there is no file, until there is one", limit, async () => {
    await using scene = await setRotationScene({
      first: { BATON_CURSOR_API_KEY: undefined },
      kept: ["BATON_CURSOR_API_KEY"],
    });
    await works(scene);
    assert.equal((await readiness(scene.daemon.healthUrl)).status, 200);
    scene.cursor.setKeys(scene.cursor.apiKey, "key_canary-of-the-file");
    await scene.write({ BATON_CURSOR_API_KEY: "key_canary-of-the-file" });
    await activated(scene, "cursor_api");
    await works(scene);
    assert.equal(scene.cursor.requests.at(-1)?.apiKey, "key_canary-of-the-file");
  });

  test(
    "SCIM credentials that were not there at the start ask for a restart, because C1 is told at Hello",
    limit,
    async () => {
      const first = { BATON_CURSOR_SCIM_ENDPOINT: undefined, BATON_CURSOR_SCIM_TOKEN: undefined };
      await using scene = await setRotationScene({ first });
      await works(scene);
      await scene.write();
      await until(() => linesWith(scene.daemon, "restart the connector").length === 1, "a warning");
      assert.equal((await readiness(scene.daemon.healthUrl)).status, 200);
      assert.equal((await credentialMetrics(scene.daemon.healthUrl, "cursor_scim")).pending, 0);
      assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(createTask("a@example.com")))).code, 12);
    },
  );
});

suite("Events on the pod", () => {
  test("tell what was wrong at the start, what is turned down, and what is in use", limit, async () => {
    await using kube = await startKubeApi();
    const env = {
      BATON_KUBERNETES_EVENTS: "true",
      POD_NAME: "pod-a",
      POD_NAMESPACE: kube.namespace,
      POD_UID: "uid-1",
      KUBECONFIG: await kube.kubeconfig("pod-a", roleFor("baton-cursor")),
    };
    // On a faster clock a busy machine has no time for the five seconds that an Event may take.
    const first = { BATON_CURSOR_API_KEY: Buffer.of(0xff) };
    await using scene = await setRotationScene({ env, factor: 5, first });
    await scene.write();
    await activated(scene, "cursor_api");
    await works(scene);
    await scene.write({ BATON_CLIENT_SECRET: "canary-0123456789" });
    await until(() => kube.events.length >= 3, "three Events");
    assert.deepEqual(
      kube.events.map(({ reason, type }) => [reason, type]),
      [
        ["CredentialUnreadable", "Warning"],
        ["CredentialActivated", "Normal"],
        ["CredentialRejected", "Warning"],
      ],
    );
    const notes = kube.events.map(({ note }) => note).join("\n");
    assert.match(notes, /BATON_CURSOR_API_KEY cannot be read: the file .* is not UTF-8 text/);
    assert.match(notes, /a new version of BATON_CURSOR_API_KEY is in use/);
    assert.match(notes, /a version of BATON_CLIENT_ID and BATON_CLIENT_SECRET is not used: .*invalid client secret/);
    assertUnseen(scene, notes);
  });
});
