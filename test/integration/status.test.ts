import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { StatusView } from "../../src/status/view.ts";
import { startScimServer } from "../fakes/scim-server.ts";
import { until } from "../helpers/until.ts";
import { accountEnv, createTask } from "./account-stage.ts";
import { type Scene, setScene, smallTeam, syncTask } from "./scene.ts";

const limit = { timeout: 40_000 };

async function statusOf({ daemon }: Scene): Promise<StatusView & { readonly nowMs: number }> {
  return (await fetch(`${daemon.statusUrl}/status.json`)).json() as Promise<StatusView & { readonly nowMs: number }>;
}

/** Resolves with the first status for which `look` gives something. */
async function statusWhen<T>(scene: Scene, look: (status: StatusView) => T | undefined, what: string): Promise<T> {
  const giveUpAt = performance.now() + 15_000;
  for (;;) {
    const found = look(await statusOf(scene));
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
  }
}

async function syncOnce(scene: Scene): Promise<void> {
  const before = (await statusOf(scene)).syncs.length;
  await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
  await statusWhen(scene, ({ syncs }) => (syncs.length > before ? true : undefined), "the sync in the list");
}

suite("status page of a daemon", () => {
  test("a quiet daemon: connected, next poll, budgets, credentials in use, nothing wrong", limit, async () => {
    const scim = { BATON_CURSOR_SCIM_ENDPOINT: "https://scim.example.com/v2", BATON_CURSOR_SCIM_TOKEN: "a-token" };
    await using scene = await setScene({ env: scim });
    const { connection } = await statusWhen(
      scene,
      (status) => (status.connection.lastPollMs === undefined ? undefined : status),
      "the first poll",
    );
    assert.equal(connection.host, scene.c1.apiHost);
    await statusWhen(scene, (status) => status.connection.nextPollMs, "a next poll");
    const status = await statusOf(scene);
    assert.equal(status.connection.state, "polling");
    assert.equal(status.about.hostId, "test-host");
    assert.deepEqual(
      status.budgets.map(({ name, requestsPerMinute }) => [name, requestsPerMinute]),
      [
        ["Cursor Admin API", 10_000],
        ["SCIM directory", 60],
      ],
    );
    assert.deepEqual(
      status.credentials.map(({ name, state }) => [name, state]),
      [
        ["C1 client", "in use"],
        ["Cursor API key", "in use"],
        ["SCIM token", "in use"],
      ],
    );
    const [c1] = status.credentials;
    assert.ok(c1?.tokenExpiresMs !== undefined && c1.tokenExpiresMs > status.nowMs);
    assert.deepEqual([status.problems, status.syncs, status.tasks.running], [[], [], []]);
  });

  test("a sync while it runs and when it is done; the next one is compared with it", limit, async () => {
    await using scene = await setScene({ factor: 1 });
    const { c1, cursor } = scene;
    c1.script("UploadAsset", [{ chunkDelayMs: 300 }]);
    const taskId = c1.enqueue(syncTask);
    const running = await statusWhen(
      scene,
      ({ tasks }) => tasks.running.find(({ phase }) => phase === "upload"),
      "the upload",
    );
    assert.equal(running.id, taskId);
    assert.ok((running.progress ?? 0) > 0.5);
    assert.deepEqual(running.counts, { users: 4, disabled: 1, roles: 3, entitlements: 3, grants: 4 });
    await c1.awaitFinish(taskId);
    const row = await statusWhen(scene, ({ syncs }) => syncs[0], "the sync in the list");
    assert.deepEqual([row.outcome, row.counts?.users, row.changes], ["success", 4, undefined]);
    assert.ok((row.bytes ?? 0) > 500 && row.durationMs > 0);
    const { budgets, credentials } = await statusOf(scene);
    assert.deepEqual([budgets.length, budgets[0]?.used], [1, 1]);
    assert.equal(credentials.at(-1)?.state, "not configured");

    cursor.setTeam({ ...smallTeam, active: 6 });
    await syncOnce(scene);
    const { changes, syncs } = await statusOf(scene);
    assert.ok(changes.kind === "compared");
    assert.deepEqual([changes.added, changes.removed, changes.roleChanges], [2, 0, 0]);
    assert.equal(changes.names, undefined);
    assert.deepEqual(syncs[0]?.changes, { added: 2, removed: 0, roleChanges: 0 });
  });

  test("a failed sync: its row, and the problem with its fix", limit, async () => {
    await using scene = await setScene();
    scene.cursor.script({ status: 401, json: { message: "Invalid API key" } });
    await syncOnce(scene);
    const { problems, syncs } = await statusOf(scene);
    assert.deepEqual([syncs[0]?.outcome, syncs[0]?.code, syncs[0]?.bytes], ["failure", "unauthenticated", undefined]);
    const problem = problems.find(({ about, title }) => about === "sync_full" && title === "task failed");
    assert.equal(problem?.code, "unauthenticated");
    assert.match(problem?.detail ?? "", /^Cursor rejected BATON_CURSOR_API_KEY/);
    assert.match(problem?.fix ?? "", /^[A-Z].*\.$/);
  });

  test(
    "credentials that are rejected while nothing can take their place: shown so until they work again",
    limit,
    async () => {
      await using scim = await startScimServer({ users: ["ada@example.com"] });
      const env = { ...accountEnv({ scim }), BATON_SECRETS_DIR: "" };
      await using scene = await setScene({ env });
      const { c1, cursor, daemon } = scene;
      const states = async () => (await statusOf(scene)).credentials.map(({ note, state }) => `${state}: ${note}`);
      await syncOnce(scene);
      assert.equal((await c1.awaitFinish(c1.enqueue(createTask("new1@example.com")))).ok, true);
      assert.deepEqual(await states(), ["in use: ", "in use: ", "in use: "]);
      cursor.setKeys("another");
      scim.setToken("another");
      await syncOnce(scene);
      assert.equal((await statusOf(scene)).credentials[1]?.state, "rejected");
      cursor.setKeys(cursor.apiKey);
      await syncOnce(scene);
      assert.equal((await c1.awaitFinish(c1.enqueue(createTask("new2@example.com")))).ok, false);
      const fix = "put a right one where the connector is started, and restart it";
      assert.deepEqual(await states(), [
        "in use: ",
        "in use: ",
        `rejected: the SCIM directory rejected BATON_CURSOR_SCIM_TOKEN: ${fix}`,
      ]);
      // A restart with the same credentials would not make it ready either.
      assert.equal((await fetch(`${daemon.healthUrl}/ready`)).status, 200);
      scim.setToken(scim.token);
      assert.equal((await c1.awaitFinish(c1.enqueue(createTask("new3@example.com")))).ok, true);
      assert.deepEqual(await states(), ["in use: ", "in use: ", "in use: "]);
    },
  );

  for (const showPeople of [false, true]) {
    test(`people are ${showPeople ? "shown with" : "digests without"} BATON_LOG_PII`, limit, async () => {
      await using scene = await setScene({ env: { BATON_LOG_PII: `${showPeople}`, BATON_PROVISIONING: "true" } });
      const { c1, cursor } = scene;
      await syncOnce(scene);
      cursor.setMembers([...cursor.members, { email: "new@example.com", role: "member" }]);
      await syncOnce(scene);
      const { changes } = await statusOf(scene);
      assert.ok(changes.kind === "compared");
      assert.equal(changes.added, 1);
      assert.deepEqual(changes.names?.added, showPeople ? ["new@example.com"] : undefined);
      const id = { resourceType: "user", resource: "email:gone@example.com" };
      await c1.awaitFinish(c1.enqueue({ taskType: { case: "deleteResource", value: { resourceId: id } } }));
      scene.cursor.setMembers([
        { email: "twice@example.com", role: "owner" },
        { email: "twice@example.com", role: "owner" },
      ]);
      await syncOnce(scene);
      const text = await (await fetch(`${scene.daemon.statusUrl}/`)).text();
      assert.equal(text.includes("@example.com"), showPeople);
      for (const secret of [cursor.apiKey, c1.clientSecret]) assert.ok(!text.includes(secret));
    });
  }

  test("C1 is away: since when, and what to do; then it is back", limit, async () => {
    await using scene = await setScene();
    await statusWhen(scene, ({ connection }) => connection.lastPollMs, "the first poll");
    scene.c1.script("GetTask", [{ error: 14, times: 3 }]);
    const failing = await statusWhen(
      scene,
      (status) => (status.connection.failingSinceMs === undefined ? undefined : status),
      "a failed poll",
    );
    assert.match(failing.problems[0]?.title ?? "", /C1 could not be asked for work/);
    assert.match(failing.problems[0]?.fix ?? "", /can be reached/);
    await statusWhen(scene, ({ connection }) => (connection.failingSinceMs === undefined ? true : undefined), "C1");
  });

  test("the stream follows a sync, and ends with the daemon", limit, async () => {
    const scene = await setScene({ factor: 10 });
    const response = await fetch(`${scene.daemon.statusUrl}/events`);
    const seen = { text: "" };
    const reading = (async () => {
      for await (const chunk of response.body ?? []) seen.text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    scene.c1.script("UploadAsset", [{ chunkDelayMs: 300 }]);
    await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    await until(() => seen.text.includes('"outcome":"success"'), "the sync in the stream");
    assert.match(seen.text, /"phase":"upload"/);
    scene.daemon.stop();
    await until(() => seen.text.includes('"draining"') || seen.text.includes('"stopped"'), "the end in the stream");
    await scene.daemon.ended;
    await scene[Symbol.asyncDispose]();
    await reading;
  });

  test("on another address of this machine, where it is asked to", limit, async () => {
    await using scene = await setScene({ env: { BATON_STATUS_BIND_ADDRESS: "127.0.0.2" } });
    const { port } = new URL(scene.daemon.statusUrl);
    assert.equal((await fetch(`http://127.0.0.2:${port}/`)).status, 200);
    await assert.rejects(fetch(scene.daemon.statusUrl));
  });

  test(
    "switched off, there is none and nothing is collected; a port that is taken costs only the page",
    limit,
    async () => {
      await using off = await setScene({ env: { BATON_STATUS: "false" } });
      await assert.rejects(fetch(off.daemon.statusUrl));
      await using first = await setScene();
      await using second = await setScene({ env: { BATON_STATUS_PORT: new URL(first.daemon.statusUrl).port } });
      await second.c1.awaitFinish(second.c1.enqueue(syncTask));
      const said = second.daemon.logLines.filter((line) => line.includes("there is no status page"));
      assert.equal(said.length, 1);
      assert.match(said[0] ?? "", /BATON_STATUS_PORT/);
    },
  );
});
