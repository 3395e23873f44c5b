import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { spawnConnector } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import { processEnv, startStandIns, syncTask } from "./scene.ts";

suite("a stop while the sync file is packed", () => {
  test("S1 SIGTERM: C1 is told UNAVAILABLE, retryable, exit 0, no file left", { timeout: 60_000 }, async () => {
    await using stage = await startStandIns({ cursor: { team: { active: 60_000 } } });
    await using daemon = await spawnConnector([], processEnv(stage));
    const { c1 } = stage;
    const taskId = c1.enqueue(syncTask);
    // The packed file is made when the database is complete.
    const isPacking = () => daemon.leftovers().some((name) => existsSync(join(daemon.tempDir, name, "sync.c1z")));
    await until(isPacking, "the packed file");
    assert.equal(c1.calls("UploadAsset").length, 0);
    daemon.kill("SIGTERM");
    const finish = await c1.awaitFinish(taskId, 20_000);
    assert.deepEqual([finish.code, finish.nonRetryable, finish.message], [14, false, "connector shutting down"]);
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(daemon.leftovers(), []);
    assert.equal(c1.uploads.length, 0);
  });
});
