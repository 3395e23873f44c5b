import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { grpcCodes } from "../fakes/c1-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import { deletion, effectsOf, setAccountScene, team } from "./account-scene.ts";
import { accountEnv, createTask, creationArm, deleteTask, startAccountStage } from "./account-stage.ts";
import { printed, processEnv, syncTask } from "./scene.ts";

const limit = { timeout: 40_000 };
const users = ["ada@example.com", "bob@example.com", "cleo@example.com", "emil@example.com"];

suite("T4 accounts beside a sync", { concurrency: 2 }, () => {
  for (const slots of [2, 4]) {
    test(
      `${slots} slots: two creations, one of which fails, and a deletion end while the sync goes on`,
      limit,
      async () => {
        await using scene = await setAccountScene({
          factor: 100,
          env: { BATON_TASK_CONCURRENCY: String(slots) },
          scim: { users, quirks: { hiddenUsers: ["hidden@example.com"] } },
        });
        const { c1 } = scene;
        c1.script("UploadAsset", [{ chunkDelayMs: 3000 }]);
        const sync = c1.enqueue(syncTask);
        await c1.until(() => c1.task(sync).beats >= 1, undefined, "the sync to run");
        const tasks = [createTask("zoe@example.com"), createTask("hidden@example.com"), deleteTask("user_cleo")];
        const ids = tasks.map((task) => c1.enqueue(task));

        const [created, failed, deleted] = await Promise.all(ids.map((id) => c1.awaitFinish(id)));
        assert.equal(c1.task(sync).state, "leased", "the sync goes on");
        assert.deepEqual([created?.ok, failed?.code, deleted?.ok], [true, 9, true], failed?.message);
        assert.deepEqual(effectsOf(scene).toSorted(), ["created zoe@example.com", "deleted cleo@example.com"]);
        const finish = await c1.awaitFinish(sync);
        assert.equal(finish.ok, true, finish.message);
        assert.deepEqual([c1.inFlight.now, c1.inFlight.max], [0, slots]);
      },
    );
  }

  test("a sync that fails does not touch them, nor they it", limit, async () => {
    await using scene = await setAccountScene({ factor: 1000, scim: { users } });
    const { c1 } = scene;
    c1.script("UploadAsset", [{ error: grpcCodes.INVALID_ARGUMENT, times: Number.POSITIVE_INFINITY }]);
    const sync = c1.enqueue(syncTask);
    const [created, deleted] = [createTask("zoe@example.com"), deleteTask("user_cleo")].map((task) => c1.enqueue(task));
    assert.equal((await c1.awaitFinish(created ?? "")).ok, true);
    assert.equal((await c1.awaitFinish(deleted ?? "")).ok, true);
    assert.deepEqual([(await c1.awaitFinish(sync, 20_000)).code, c1.uploads.filter(({ ok }) => ok).length], [3, 0]);
  });

  test("a slow answer of Cursor to the sync delays them, but the rest of the sync does not", limit, async () => {
    await using scene = await setAccountScene({
      factor: 100,
      scim: { users },
      before: ({ cursor }) => cursor.script({ delayMs: 500 }),
    });
    const { c1 } = scene;
    c1.script("UploadAsset", [{ chunkDelayMs: 3000 }]);
    const sync = c1.enqueue(syncTask);
    await until(() => scene.asked().cursor.length === 1, "the reading of the sync");
    assert.equal(await deletion(scene, deleteTask("user_cleo")), "done");
    assert.equal(c1.task(sync).state, "leased");
    assert.equal((await c1.awaitFinish(sync)).ok, true);
  });
});

suite("S1 SIGTERM while an account is changed", { concurrency: 2 }, () => {
  const rows = [
    ["a creation", createTask("zoe@example.com"), "POST", "created zoe@example.com"],
    ["a deletion", deleteTask("user_cleo"), "DELETE", "deleted cleo@example.com"],
  ] as const;
  for (const [what, task, method, effect] of rows) {
    test(`${what} is completed and reported, and exit 0`, limit, async () => {
      await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
      const { c1, scim } = stage;
      scim.script({ delayMs: 1500, on: { method } });
      await using daemon = await spawnConnector([], processEnv(stage, accountEnv(stage)));
      await c1.awaitCall("GetTask", 1, 20_000);
      const id = c1.enqueue(task);
      await until(() => scim.requests.some((request) => request.method === method), `the ${method} of ${what}`);
      daemon.kill("SIGTERM");
      await printed(daemon, '"draining"');
      // A poll that was under way when the signal came may still arrive.
      await delay(500);
      const later = c1.enqueue(createTask("max@example.com"));
      const finish = await c1.awaitFinish(id);
      assert.equal(finish.ok, true, finish.message);
      if (method === "POST") assert.equal(creationArm(finish), "inProgress");
      assert.equal((await daemon.ended).code, 0);
      assert.deepEqual(
        scim.effects.map(({ kind, userName }) => `${kind} ${userName}`),
        [effect],
      );
      assert.equal(c1.task(later).leases, 0, "no more work is asked for");
    });

    test(`${what} that outlasts the grace goes back to C1: 14, to be tried again`, limit, async () => {
      await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
      const { c1, scim } = stage;
      scim.script({ hang: true, on: { method } });
      const env = { ...accountEnv(stage), BATON_SHUTDOWN_GRACE: "500ms" };
      await using daemon = await spawnConnector([], processEnv(stage, env));
      await c1.awaitCall("GetTask", 1, 20_000);
      const id = c1.enqueue(task);
      await until(() => scim.requests.some((request) => request.method === method), `the ${method} of ${what}`);
      daemon.kill("SIGTERM");
      const finish = await c1.awaitFinish(id);
      assert.deepEqual([finish.code, finish.nonRetryable, finish.message], [14, false, "connector shutting down"]);
      assert.equal((await daemon.ended).code, 0);
    });
  }
});
