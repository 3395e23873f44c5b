import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createLiveCredentials } from "../../src/app/credentials.ts";
import { withLogScope } from "../../src/baton/log-scope.ts";
import { unwatchedLoops } from "../../src/baton/loops.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import { findCredentials } from "../../src/config/credentials.ts";
import { localFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { grpcCodes } from "../fakes/c1-server.ts";
import { createRecordingLogger } from "../fakes/recording-logger.ts";
import { createTestClock } from "../helpers/clock.ts";
import { configInput } from "../helpers/config-input.ts";
import type { Daemon } from "../helpers/daemon.ts";
import { mountSecret } from "../helpers/mounted-secret.ts";
import { readC1z } from "../helpers/read-c1z.ts";
import { until } from "../helpers/until.ts";
import { setAccountScene } from "./account-scene.ts";
import { createTask } from "./account-stage.ts";
import { logged, setScene, syncTask } from "./scene.ts";

const limit = { timeout: 40_000 };

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly task_id?: string;
  readonly task_type?: string;
  readonly sync_id?: string;
}

/** Without those of level debug, which tell each call, also the polls beside a task. */
function linesOf({ logLines }: Daemon): Line[] {
  return logLines.map((line): Line => JSON.parse(line)).filter(({ level }) => level !== "debug");
}

/** The id that a sync file tells about itself. */
function syncIdIn(path: string | undefined): unknown {
  using file = readC1z(path ?? "");
  return file.rows("v1_sync_runs")[0]?.["sync_id"];
}

suite("what every line of a task carries", { concurrency: 3 }, () => {
  test(
    "a sync that needs many attempts: task id from the start, sync id once there is one, in all rooms",
    limit,
    async () => {
      await using scene = await setScene({
        before(c1, cursor) {
          cursor.script({ status: 503, times: 2 });
          c1.script("Heartbeat", [{}, { error: grpcCodes.UNAVAILABLE, times: 2 }]);
          c1.script("UploadAsset", [{ error: grpcCodes.UNAVAILABLE, times: 2 }, { chunkDelayMs: 1000 }]);
          c1.script("FinishTask", [{ error: grpcCodes.UNAVAILABLE, times: 2 }]);
        },
      });
      const { c1, daemon } = scene;
      const taskId = c1.enqueue(syncTask);
      const finish = await c1.awaitFinish(taskId, 20_000);
      assert.equal(finish.ok, true, finish.message);
      await logged(daemon, '"task succeeded"');

      const all = linesOf(daemon);
      const from = all.findIndex(({ msg }) => msg === "task started");
      const lines = all.slice(from, all.findIndex(({ msg }) => msg === "task succeeded") + 1);
      const syncId = syncIdIn((await c1.awaitUpload(taskId)).path);
      assert.match(String(syncId), /^[0-9A-Za-z]{27}$/);
      assert.deepEqual(
        lines.slice(1).filter((line) => line.task_id !== taskId || line.sync_id !== syncId),
        [],
      );
      assert.deepEqual([lines[0]?.task_id, lines[0]?.task_type, lines[0]?.sync_id], [taskId, "sync_full", undefined]);
      assert.deepEqual(
        all.slice(0, from).filter(({ task_id: id }) => id !== undefined),
        [],
      );
      const counts = new Map<string, number>();
      for (const { msg } of lines) counts.set(msg, (counts.get(msg) ?? 0) + 1);
      for (const [msg, least] of [
        ["a call to Cursor failed and is repeated", 2],
        ["an upload failed and starts again", 2],
        ["a heartbeat failed", 1],
        ["the result of a task was not accepted yet; it is reported again", 2],
        ["sync uploaded", 1],
      ] as const) {
        assert.ok((counts.get(msg) ?? 0) >= least, `${least} × "${msg}" in ${JSON.stringify([...counts])}`);
      }
    },
  );

  test("two syncs one after the other have ids of their own", limit, async () => {
    await using scene = await setScene();
    const { c1, daemon } = scene;
    const taskIds = [c1.enqueue(syncTask), c1.enqueue(syncTask)];
    for (const taskId of taskIds) assert.equal((await c1.awaitFinish(taskId)).ok, true);
    await logged(daemon, '"task succeeded"', 2);
    for (const taskId of taskIds) {
      const syncIds = linesOf(daemon).flatMap((line) => (line.task_id === taskId ? (line.sync_id ?? []) : []));
      assert.deepEqual(new Set(syncIds), new Set([syncIdIn((await c1.awaitUpload(taskId)).path)]));
    }
  });

  test("tasks at the same time, whose calls wait for each other, are never mixed up", limit, async () => {
    const drops = { "a@example.com": 1, "b@example.com": 2, "c@example.com": 3 };
    const left = new Map(Object.entries(drops));
    await using scene = await setAccountScene({
      factor: 100,
      env: { BATON_TASK_CONCURRENCY: "4" },
      before({ cursor, scim }) {
        cursor.script({ status: 503, times: 2 });
        scim.setOnRequest(({ query }, moment) => {
          const email = [...left.keys()].find((each) => query["filter"]?.includes(each));
          const again = email === undefined ? 0 : (left.get(email) ?? 0);
          if (email === undefined || moment !== "received" || again === 0) return undefined;
          left.set(email, again - 1);
          return "drop";
        });
      },
    });
    const { c1, daemon } = scene;
    const sync = c1.enqueue(syncTask);
    const creations = new Map(Object.keys(drops).map((email) => [c1.enqueue(createTask(email)), email]));
    for (const taskId of [sync, ...creations.keys()]) {
      const finish = await c1.awaitFinish(taskId, 20_000);
      assert.equal(finish.ok, true, finish.message);
    }
    await logged(daemon, '"task succeeded"', 4);
    const lines = linesOf(daemon);
    for (const [taskId, email] of creations) {
      const own = lines.filter((line) => line.task_id === taskId);
      assert.deepEqual(new Set(own.map((line) => line.task_type)), new Set(["create_account"]));
      assert.deepEqual(
        own.filter((line) => line.sync_id !== undefined),
        [],
      );
      assert.equal(own.filter(({ msg }) => msg === "provisioning action").length, 1);
      const repeated = own.filter(({ msg }) => msg === "a call to the SCIM directory failed and is repeated").length;
      assert.equal(repeated, new Map(Object.entries(drops)).get(email), email);
    }
    const ofSync = lines.filter((line) => line.sync_id !== undefined);
    assert.deepEqual(new Set(ofSync.map((line) => line.task_id)), new Set([sync]));
  });

  test("what a task makes the credentials do goes on without the task's ids", limit, async () => {
    await using secret = await mountSecret({ BATON_CURSOR_API_KEY: "key_first" });
    const input = { ...configInput({ env: { BATON_SECRETS_DIR: secret.directory } }), files: localFiles };
    const log = createRecordingLogger();
    let readings = 0;
    await using credentials = await createLiveCredentials(
      {
        config: parseConfig(input).config,
        find(files) {
          readings += 1;
          return findCredentials(input, files);
        },
        onSecrets: () => undefined,
        // So slow that the change is not noticed before the task asks.
        clock: createTestClock({ factor: 0.001 }),
        random: () => 0.5,
        log,
        hooks: {},
        loops: unwatchedLoops,
      },
      new AbortController().signal,
    );
    const refuse = () => Promise.reject(new StatusError("unauthenticated", "no"));
    credentials.follow(
      { c1: refuse, cursor: refuse, scim: refuse },
      { onC1: () => undefined, onNews: () => undefined },
    );
    await until(() => readings === 2, "the first look of its own");
    await secret.write({ BATON_CURSOR_API_KEY: "key_second" });
    await withLogScope({ taskId: "t1" }, async () => credentials.look());
    const words = "a new version of a credential does not work; trying again";
    await until(() => log.lines.some(({ message }) => message === words), words);
    assert.deepEqual(
      log.lines.filter(({ fields }) => fields["taskId"] !== undefined),
      [],
    );
  });
});
