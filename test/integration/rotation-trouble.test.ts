import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { grpcCodes } from "../fakes/c1-server.ts";
import { until } from "../helpers/until.ts";
import { createTask, creationArm } from "./account-stage.ts";
import {
  activated,
  assertUnseen,
  credentialMetrics,
  linesWith,
  type RotationScene,
  readiness,
  ready,
  secretName,
  setRotationScene,
  syncTask,
} from "./rotation-scene.ts";

const limit = { timeout: 60_000 };
const turnedDown = "a new version of a credential was rejected; the old one stays in use";
const doesNotWork = "a new version of a credential does not work; trying again";

/** Resolves when metrics say that a version of this credential waits. */
async function pending({ daemon }: RotationScene, credential: string): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while ((await credentialMetrics(daemon.healthUrl, credential)).pending !== 1) {
    if (performance.now() > giveUpAt) throw new Error(`nothing is pending for ${credential}`);
  }
}

/** A sync and an account both work. */
async function works({ c1 }: RotationScene, name: string): Promise<void> {
  const sync = c1.enqueue(syncTask);
  const account = c1.enqueue(createTask(`${name}@example.com`));
  const [synced, created] = [await c1.awaitFinish(sync, 20_000), await c1.awaitFinish(account, 20_000)];
  assert.equal(synced.ok, true, synced.message);
  assert.equal(creationArm(created), "inProgress");
}

type Changes = Readonly<Record<string, string | undefined>>;

suite("a new version that is wrong", { concurrency: 3 }, () => {
  const shapes: readonly (readonly [string, string, Changes])[] = [
    [
      "a client secret that is none",
      "c1",
      { BATON_CLIENT_SECRET: "secret-token:conductorone.com:v1:canary-of-a-secret" },
    ],
    ["a client id that is none", "c1", { BATON_CLIENT_ID: "canary-of-a-client-id" }],
    ["a client secret that is missing", "c1", { BATON_CLIENT_SECRET: undefined }],
    ["a key with blanks", "cursor_api", { BATON_CURSOR_API_KEY: "canary of a key" }],
    ["a key that is missing", "cursor_api", { BATON_CURSOR_API_KEY: undefined }],
    ["a directory without its token", "cursor_scim", { BATON_CURSOR_SCIM_TOKEN: undefined }],
    [
      "a directory whose address and token are missing",
      "cursor_scim",
      { BATON_CURSOR_SCIM_ENDPOINT: undefined, BATON_CURSOR_SCIM_TOKEN: undefined },
    ],
    ["an address that is none", "cursor_scim", { BATON_CURSOR_SCIM_ENDPOINT: "canary-of-an-address" }],
  ];
  for (const [what, credential, changes] of shapes) {
    test(`${what}: turned down unseen, the old one stays, and the old version back clears it`, limit, async () => {
      await using scene = await setRotationScene();
      const { c1, daemon, write } = scene;
      await works(scene, "before");
      const tokens = c1.token.requests.length;
      await write(changes);
      await pending(scene, credential);
      const metrics = await credentialMetrics(daemon.healthUrl, credential);
      assert.deepEqual([metrics.activations, metrics.rejections, metrics.unreadable], [0, 1, 0]);
      assert.equal(c1.token.requests.length, tokens, "nothing was tried out");
      const [line, ...more] = linesWith(daemon, turnedDown);
      assert.deepEqual([line?.["credential"], more], [credential, []]);
      assert.match(String(line?.["reason"]), new RegExp(Object.keys(changes)[0] ?? "none"));
      await works(scene, "during");
      assert.equal((await readiness(daemon.healthUrl)).status, 200, "what is in use works");
      await write();
      await until(() => linesWith(daemon, "back to the version in use").length === 1, "the old version");
      assert.equal((await credentialMetrics(daemon.healthUrl, credential)).pending, 0);
    });
  }

  test(
    "a pair that C1 does not take: the old one goes on, 15 s to 5 min apart, and the right pair heals at once",
    limit,
    async () => {
      await using scene = await setRotationScene();
      const { c1, daemon, write } = scene;
      const wrong = scene.rotateC1();
      c1.revokeClient(wrong.BATON_CLIENT_ID, "at once");
      await write(wrong);
      await pending(scene, "c1");
      await until(() => linesWith(daemon, doesNotWork).length >= 4, "four trials");
      const waits = linesWith(daemon, doesNotWork).map((line) => line["wait_ms"]);
      assert.deepEqual(waits.slice(0, 4), [15_000, 30_000, 60_000, 120_000]);
      assert.equal((await credentialMetrics(daemon.healthUrl, "c1")).rejections, 1, "one version, one rejection");
      await works(scene, "during");
      const right = scene.rotateC1();
      await write(right);
      await activated(scene, "c1");
      c1.revokeClient(c1.clientId, "at once");
      await works(scene, "after");
      assert.equal((await credentialMetrics(daemon.healthUrl, "c1")).pending, 0);
      await ready(daemon.healthUrl, 200);
    },
  );

  test("an id with the secret of another version is tried, and never used", limit, async () => {
    await using scene = await setRotationScene();
    const { c1, write } = scene;
    const next = scene.rotateC1();
    await write({ BATON_CLIENT_ID: next.BATON_CLIENT_ID });
    await until(() => linesWith(scene.daemon, doesNotWork).length >= 1, "a trial");
    assert.equal((await credentialMetrics(scene.daemon.healthUrl, "c1")).pending, 1);
    assert.match(c1.takeViolations()[0]?.message ?? "", /not verifiable/);
    await write(next);
    await activated(scene, "c1");
    await works(scene, "after");
    c1.takeViolations();
    assert.ok(c1.calls("GetTask").every(({ code }) => code === undefined || code === 0));
  });

  for (const [what, credential, bad, good, allow] of [
    [
      "a key that Cursor does not take",
      "cursor_api",
      { BATON_CURSOR_API_KEY: "key_canary-wrong" },
      { BATON_CURSOR_API_KEY: "key_canary-right" },
      ({ cursor }: RotationScene) => cursor.setKeys("key_canary-right"),
    ],
    [
      "a token that the directory does not take",
      "cursor_scim",
      { BATON_CURSOR_SCIM_TOKEN: "token-canary-wrong" },
      { BATON_CURSOR_SCIM_TOKEN: "token-canary-right" },
      ({ scim }: RotationScene) => scim.setToken("token-canary-right"),
    ],
  ] as const) {
    test(`${what}: the old one stays; when the old one goes, the right one heals`, limit, async () => {
      await using scene = await setRotationScene();
      const { daemon, write } = scene;
      await write(bad);
      await pending(scene, credential);
      await until(() => linesWith(daemon, doesNotWork).length >= 2, "two trials");
      await works(scene, "during");
      allow(scene);
      await write(good);
      await activated(scene, credential);
      await works(scene, "after");
      const metrics = await credentialMetrics(daemon.healthUrl, credential);
      assert.deepEqual([metrics.activations, metrics.rejections, metrics.pending], [1, 1, 0]);
    });
  }
});

suite("C1 takes neither pair", { concurrency: 3 }, () => {
  test("not ready and says so, polls on slowly, never ends; the right Secret heals it", limit, async () => {
    await using scene = await setRotationScene();
    const { c1, daemon, write } = scene;
    await works(scene, "before");
    const wrong = scene.rotateC1();
    c1.revokeClient(wrong.BATON_CLIENT_ID, "at once");
    c1.revokeClient(c1.clientId, "at once");
    await write(wrong);
    await until(() => linesWith(daemon, doesNotWork).length >= 1, "a trial");
    await until(() => linesWith(daemon, "C1 could not be asked for work").length >= 5, "polls");
    const error = await ready(daemon.healthUrl, 503);
    assert.match(error, /BATON_CLIENT_ID and BATON_CLIENT_SECRET/);
    assert.match(error, /a newer version waits/);
    assert.match(error, new RegExp(`the Secret ${secretName}`));
    assertUnseen(scene, error);
    const polls = linesWith(daemon, "C1 could not be asked for work").map((line) => Number(line["wait_ms"]));
    assert.deepEqual(polls.slice(0, 4), [1_000, 4_000, 9_000, 16_000], "further and further apart");
    assert.equal(await Promise.race([daemon.ended.then(() => "ended"), "running"]), "running");
    await write(scene.rotateC1());
    await ready(daemon.healthUrl, 200);
    await works(scene, "after");
  });

  test(
    "C1 gives tokens and rejects every call: not ready without a flicker, until it takes them again",
    limit,
    async () => {
      await using scene = await setRotationScene();
      const { c1, daemon } = scene;
      await works(scene, "before");
      c1.script("GetTask", [{ error: grpcCodes.UNAUTHENTICATED, times: Number.POSITIVE_INFINITY }]);
      await until(() => linesWith(daemon, "C1 could not be asked for work").length >= 4, "polls");
      assert.match(await ready(daemon.healthUrl, 503), /GetTask .* unauthenticated/);
      const changes = (): number[] =>
        ["the credential in use was rejected", "the credential in use is accepted again"].map(
          (words) => linesWith(daemon, words).length,
        );
      assert.deepEqual(changes(), [1, 0]);
      c1.unscript("GetTask");
      await ready(daemon.healthUrl, 200);
      assert.deepEqual(changes(), [1, 1]);
    },
  );

  test("the version that waits is tried at once when the one in use is rejected", limit, async () => {
    await using scene = await setRotationScene({ factor: 10 });
    const { c1, daemon, write } = scene;
    await works(scene, "before");
    c1.token.failNext(503, 1);
    const next = scene.rotateC1();
    await write(next);
    await until(() => linesWith(daemon, doesNotWork).length === 1, "a trial that fails for now");
    const failedMs = performance.now();
    c1.revokeClient(c1.clientId, "at once");
    await activated(scene, "c1");
    assert.ok(performance.now() - failedMs < 1_200, "15 s would have been 1.5 s here");
    await works(scene, "after");
  });

  for (const status of [401, 403, 404]) {
    test(
      `at the start, with HTTP ${status}: not ready, asks again after 5 minutes, healed by the Secret`,
      limit,
      async () => {
        await using scene = await setRotationScene({
          before: ({ c1 }) => {
            c1.token.revokedStatus = status;
            c1.revokeClient(c1.clientId, "at once");
          },
        });
        const { c1, daemon, write } = scene;
        const error = await ready(daemon.healthUrl, 503);
        await until(() => linesWith(daemon, "waiting for a new version of the Secret").length >= 1, "a log line");
        assert.match(await ready(daemon.healthUrl, 503), new RegExp(`HTTP ${status}.*the Secret ${secretName}`), error);
        assert.ok(daemon.clock.sleeps.includes(5 * 60_000));
        const next = scene.rotateC1();
        await write(next);
        await ready(daemon.healthUrl, 200);
        await works(scene, "after");
        assert.equal(c1.calls("Hello").at(0)?.clientId, next.BATON_CLIENT_ID);
      },
    );
  }

  test("at the start, and C1 takes the same pair later: healed without a change", limit, async () => {
    await using scene = await setRotationScene({ factor: 1_000, before: ({ c1 }) => c1.token.failNext(401, 2) });
    await ready(scene.daemon.healthUrl, 200);
    await works(scene, "after");
  });
});
