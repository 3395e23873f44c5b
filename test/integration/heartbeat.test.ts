import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type C1Server, grpcCodes } from "../fakes/c1-server.ts";
import { type Scene, type SceneOptions, setScene, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };

/** A scene whose next read of the team hangs, so that the sync collects until it is ended. */
async function hangingSync(options: SceneOptions = {}): Promise<Scene & { readonly taskId: string }> {
  const scene = await setScene({
    ...options,
    before(c1, cursor) {
      cursor.script({ hang: true });
      options.before?.(c1, cursor);
    },
  });
  return Object.assign(scene, { taskId: scene.c1.enqueue(syncTask) });
}

/** Resolves when another sync has gone through: the slot is free and nothing is stuck. */
async function another(c1: C1Server): Promise<void> {
  const finish = await c1.awaitFinish(c1.enqueue(syncTask));
  assert.equal(finish.ok, true, finish.message);
}

/** Resolves when C1 has answered the heartbeat that comes before the work. */
async function firstBeat(c1: C1Server, taskId: string): Promise<void> {
  await c1.until(() => c1.task(taskId).beats >= 1, undefined, "the first heartbeat");
}

suite("heartbeats", { concurrency: 3 }, () => {
  for (const [what, answer, expectedMs] of [
    ["absent", { nextHeartbeatMs: null }, 30_000],
    ["0.1 s", { nextHeartbeatMs: 100 }, 1000],
    ["10 min", { nextHeartbeatMs: 600_000 }, 300_000],
  ] as const) {
    test(`H1 next_heartbeat ${what}: the next one is ${expectedMs} ms later`, limit, async () => {
      await using scene = await hangingSync({
        factor: 1000,
        before: (c1) => c1.script("Heartbeat", [{ ...answer, times: Number.POSITIVE_INFINITY }]),
      });
      await scene.c1.awaitCall("Heartbeat", 3);
      assert.ok(scene.daemon.clock.sleeps.includes(expectedMs), JSON.stringify(scene.daemon.clock.sleeps));
      scene.daemon.stop();
      await scene.daemon.ended;
    });
  }

  test(
    "H2 cancelled by the first heartbeat: no sync, no upload, no report, nothing on disk, the slot is free",
    limit,
    async () => {
      await using scene = await setScene({ env: { BATON_TASK_CONCURRENCY: "1" } });
      const { c1, cursor, daemon } = scene;
      const taskId = c1.enqueue(syncTask, { cancelFromBeat: 1 });
      await c1.until(() => c1.task(taskId).beats === 1, undefined, "the first heartbeat");
      await another(c1);
      assert.equal(c1.task(taskId).finishAttempts, 0);
      assert.equal(cursor.requests.length, 1);
      assert.equal(c1.uploads.length, 1);
      assert.deepEqual(daemon.leftovers(), []);
    },
  );

  for (const list of [false, true]) {
    test(
      `H3 cancelled while collecting${list ? " (by cancelled_task_ids)" : ""}: ends, reports CANCELLED retryable, leaves nothing`,
      limit,
      async () => {
        await using scene = await setScene({ cursor: {}, before: (_c1, cursor) => cursor.script({ hang: true }) });
        const { c1, daemon } = scene;
        const taskId = c1.enqueue(syncTask, { cancelFromBeat: 2, cancelByList: list });
        const finish = await c1.awaitFinish(taskId);
        assert.deepEqual([finish.ok, finish.code, finish.nonRetryable], [false, 1, false]);
        assert.equal(c1.uploads.length, 0);
        await c1.until(() => daemon.leftovers().length === 0, undefined, "an empty temporary directory");
        await another(c1);
      },
    );
  }

  test("H3 cancelled while uploading: the stream ends, the report is CANCELLED", limit, async () => {
    await using scene = await setScene({
      before: (c1) => c1.script("UploadAsset", [{ stallAtChunk: 0 }]),
    });
    const { c1, daemon } = scene;
    const taskId = c1.enqueue(syncTask);
    await c1.awaitCall("UploadAsset");
    c1.cancel(taskId);
    const finish = await c1.awaitFinish(taskId);
    assert.deepEqual([finish.code, finish.nonRetryable], [1, false]);
    assert.equal(c1.uploads.filter(({ ok }) => ok).length, 0);
    await another(c1);
    assert.deepEqual(daemon.leftovers(), []);
  });

  test("H4 eight failures in a row and then an answer: the sync goes on", limit, async () => {
    await using scene = await setScene({ factor: 500, before: (_c1, cursor) => cursor.script({ hang: true }) });
    const { c1 } = scene;
    const taskId = c1.enqueue(syncTask);
    await firstBeat(c1, taskId);
    c1.script("Heartbeat", [{ error: grpcCodes.UNAVAILABLE, times: 8 }]);
    await c1.awaitCall("Heartbeat", 12);
    assert.equal(c1.task(taskId).state, "leased");
    c1.cancel(taskId);
    await c1.awaitFinish(taskId);
  });

  test("H4 nine failures in a row end the sync, and it says UNAVAILABLE", limit, async () => {
    await using scene = await setScene({ factor: 500, before: (_c1, cursor) => cursor.script({ hang: true }) });
    const { c1 } = scene;
    const taskId = c1.enqueue(syncTask);
    await firstBeat(c1, taskId);
    c1.script("Heartbeat", [{ error: grpcCodes.UNAVAILABLE, times: 9 }]);
    const finish = await c1.awaitFinish(taskId);
    assert.deepEqual([finish.code, finish.nonRetryable], [14, false]);
    await another(c1);
  });

  test("H4 a heartbeat that says the task is gone ends the sync at once", limit, async () => {
    await using scene = await setScene({ factor: 500, before: (_c1, cursor) => cursor.script({ hang: true }) });
    const { c1 } = scene;
    const taskId = c1.enqueue(syncTask);
    await firstBeat(c1, taskId);
    c1.script("Heartbeat", [{ error: grpcCodes.NOT_FOUND }]);
    assert.equal((await c1.awaitFinish(taskId)).code, 14);
    assert.equal(c1.calls("Heartbeat").length, 2);
  });

  test("H5 a heartbeat that hangs has a deadline of its own and does not hold up the sync", limit, async () => {
    await using scene = await setScene({ factor: 1000, deadlines: { heartbeat: 300 } });
    const { c1, cursor } = scene;
    cursor.script({ delayMs: 500 });
    const taskId = c1.enqueue(syncTask);
    await firstBeat(c1, taskId);
    c1.script("Heartbeat", [{ hang: true }]);
    assert.equal((await c1.awaitFinish(taskId)).ok, true);
  });

  test("H6 tasks that are no syncs have no heartbeats", limit, async () => {
    await using scene = await setScene();
    await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "actionListSchemas", value: {} } }));
    await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "listTicketSchemas", value: {} } }));
    assert.equal(scene.c1.calls("Heartbeat").length, 0);
  });
});
