import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { grpcCodes } from "../fakes/c1-server.ts";
import type { CursorAnswer } from "../fakes/cursor-server.ts";
import { setScene, smallTeam, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };
const people = smallTeam.active + smallTeam.removed;

suite("what C1 may ask of a sync", { concurrency: 3 }, () => {
  const options: readonly (readonly [string, object, readonly [string, number, number, number, number]])[] = [
    ["nothing in particular", {}, ["full", people, 3, 3, smallTeam.active]],
    [
      "storage_engine pebble: format v1 all the same",
      { storageEngine: "pebble" },
      ["full", people, 3, 3, smallTeam.active],
    ],
    ["skip_grants", { skipGrants: true }, ["full", people, 3, 3, 0]],
    ["skip_entitlements_and_grants", { skipEntitlementsAndGrants: true }, ["resources_only", people, 3, 0, 0]],
    ["only roles: grants have no principal and go", { syncResourceTypeIds: ["role"] }, ["full", 0, 3, 3, 0]],
    ["only users", { syncResourceTypeIds: ["user"] }, ["full", people, 0, 0, 0]],
    ["skip_expand_grants changes nothing", { skipExpandGrants: true }, ["full", people, 3, 3, smallTeam.active]],
  ];
  for (const [name, value, expected] of options) {
    test(name, limit, async () => {
      await using scene = await setScene();
      const finish = await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "syncFull", value } }));
      assert.equal(finish.ok, true, finish.message);
      const found = scene.c1.uploads[0]?.contents;
      assert.deepEqual(
        [found?.syncType, found?.users, found?.roles, found?.entitlements, found?.grants, found?.problems],
        [...expected, []],
      );
      assert.equal(finish.response, undefined);
      assert.deepEqual(finish.annotations, []);
      assert.equal(scene.cursor.requests.length, 1);
    });
  }

  test("T11 an unknown type in the filter: 3, nothing fetched, nothing uploaded", limit, async () => {
    await using scene = await setScene();
    const value = { syncResourceTypeIds: ["user", "group"] };
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "syncFull", value } }));
    assert.equal(finish.code, 3);
    assert.match(finish.message, /group/);
    assert.deepEqual([scene.cursor.requests.length, scene.c1.uploads.length], [0, 0]);
  });

  test("T11 single resources: 12 and final, nothing uploaded", limit, async () => {
    await using scene = await setScene();
    const value = { targetedSyncResources: [{ id: { resourceType: "user", resource: "user_1" } }] };
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "syncFull", value } }));
    assert.deepEqual([finish.code, finish.nonRetryable], [12, true]);
    assert.deepEqual([scene.cursor.requests.length, scene.c1.uploads.length], [0, 0]);
  });
});

suite("a bad answer of Cursor never becomes an upload", { concurrency: 3 }, () => {
  const member = { id: "user_1", email: "a@example.com", role: "member" };
  const answers: readonly (readonly [string, CursorAnswer, number])[] = [
    ["an empty list", { json: { teamMembers: [] } }, 13],
    ["nobody active", { json: { teamMembers: [{ ...member, isRemoved: true }] } }, 13],
    ["no administrator", { json: { teamMembers: [member] } }, 13],
    ["a page of a proxy", { body: "<html></html>", headers: { "content-type": "text/html" } }, 13],
    ["another shape", { json: { members: [] } }, 13],
    ["401", { status: 401, json: { error: "Unauthorized", message: "Invalid API key" } }, 16],
    ["403", { status: 403, json: { message: "Enterprise only" } }, 7],
    ["404", { status: 404, json: {} }, 5],
    ["503 for ever", { status: 503 }, 14],
    ["a reset for ever", { reset: true }, 14],
    ["half a body for ever", { cutAfterBytes: 40 }, 14],
  ];
  for (const [name, answer, code] of answers) {
    test(`${name}: code ${code}, retryable, nothing uploaded`, limit, async () => {
      await using scene = await setScene({
        factor: 1000,
        before: (_c1, cursor) => cursor.script({ ...answer, times: Number.POSITIVE_INFINITY }),
      });
      const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
      assert.deepEqual([finish.ok, finish.code, finish.nonRetryable], [false, code, false], finish.message);
      assert.equal(scene.c1.uploads.length, 0);
      assert.deepEqual(scene.daemon.leftovers(), []);
      assert.doesNotMatch(finish.message + scene.daemon.logLines.join(""), /@example\.com/);
    });
  }

  test("429 for ever: 14 with a RateLimitDescription", limit, async () => {
    await using scene = await setScene({
      factor: 10_000,
      before: (_c1, cursor) => cursor.script({ status: 429, json: {}, times: Number.POSITIVE_INFINITY }),
    });
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.equal(finish.code, 14);
    assert.deepEqual(
      finish.details.map(({ typeUrl }) => typeUrl),
      ["type.googleapis.com/c1.connector.v2.RateLimitDescription"],
    );
  });

  test("a sync that failed is followed by one that works", limit, async () => {
    await using scene = await setScene({ before: (_c1, cursor) => cursor.script({ json: { teamMembers: [] } }) });
    const { c1 } = scene;
    const taskId = c1.enqueue(syncTask, { requeueOnError: 1 });
    const finish = await c1.until(() => c1.task(taskId).finishes[1], 10_000, "the second result");
    assert.equal(finish.ok, true);
    assert.deepEqual(
      c1.task(taskId).finishes.map(({ code }) => code),
      [13, 0],
    );
  });
});

suite("the shrink guard, on the wire", { concurrency: 3 }, () => {
  async function syncTwice(env: Record<string, string>, differ: boolean) {
    const scene = await setScene({ cursor: { team: { active: 50 } }, env });
    const { c1, cursor } = scene;
    assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
    cursor.setTeam({ active: 30 });
    if (differ) cursor.script({ json: { teamMembers: [{ id: "user_x", email: "x@example.com", role: "owner" }] } });
    return { scene, finish: await c1.awaitFinish(c1.enqueue(syncTask)) };
  }

  test("two readings that agree: goes on and warns loudly", limit, async () => {
    const { scene, finish } = await syncTwice({}, false);
    await using _scene = scene;
    assert.equal(finish.ok, true);
    assert.equal(scene.cursor.requests.length, 3);
    assert.ok(scene.daemon.logLines.some((line) => line.includes('"warn"') && line.includes("fell from 50 to 30")));
  });

  test("two readings that differ: fails, nothing uploaded", limit, async () => {
    const { scene, finish } = await syncTwice({}, true);
    await using _scene = scene;
    assert.deepEqual([finish.code, finish.nonRetryable], [14, false]);
    assert.equal(scene.c1.uploads.length, 1);
  });

  test("strict: fails until acknowledged", limit, async () => {
    const { scene, finish } = await syncTwice({ BATON_CURSOR_SHRINK_STRICT: "true" }, false);
    await using _scene = scene;
    assert.equal(finish.code, 13);
    assert.match(finish.message, /BATON_CURSOR_SHRINK_ACKNOWLEDGED=30/);
    assert.equal(scene.c1.uploads.length, 1);
  });
});

suite("U8 disk full", () => {
  const tmpfs = spawnSync("sh", [
    "-c",
    'd=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d" && umount "$d" && rmdir "$d"',
  ]);
  const skip = tmpfs.status === 0 ? false : "mounting a small file system needs root";
  test("while the file is built: 8, retryable, cleaned up, and the next sync works", { ...limit, skip }, async () => {
    const small = await mkdtemp(join(tmpdir(), "baton-small-"));
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).status, 0);
    try {
      await using scene = await setScene({ cursor: { team: { active: 5000 } }, env: { BATON_TMPDIR: small } });
      const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
      assert.deepEqual([finish.code, finish.nonRetryable], [grpcCodes.RESOURCE_EXHAUSTED, false], finish.message);
      scene.cursor.setTeam({ active: 10 });
      assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(syncTask))).ok, true);
    } finally {
      spawnSync("umount", [small]);
      await rm(small, { recursive: true, force: true });
    }
  });
});
