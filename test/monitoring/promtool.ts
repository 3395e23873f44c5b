/** The metrics page against Prometheus's own linter: `make monitoring`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";
import { startC1Server } from "../fakes/c1-server.ts";
import { startCursorServer } from "../fakes/cursor-server.ts";
import { startDaemon } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";

const found = spawnSync("promtool", ["--version"]).status === 0;
if (!found) {
  process.stdout.write("SKIPPED: promtool is not installed (Debian package prometheus), so /metrics was not checked\n");
  if (process.env["CI"] === "true") process.exitCode = 1;
}

if (found) {
  suite("monitoring", () => {
    test("promtool finds nothing to complain about after a sync", async () => {
      await using c1 = await startC1Server();
      await using cursor = await startCursorServer({ team: { active: 50, removed: 2 } });
      await using daemon = await startDaemon({ c1, cursor });
      const finish = await c1.awaitFinish(c1.enqueue({ taskType: { case: "syncFull", value: {} } }));
      assert.equal(finish.ok, true, finish.message);
      // C1 has the result a moment before it is counted here.
      await until(() => daemon.logLines.some((line) => line.includes("task succeeded")), "the end of the task");
      const input = await (await fetch(`${daemon.healthUrl}/metrics`)).text();
      assert.match(input, /^baton_sync_objects\{kind="user_active"\} 50$/m);
      assert.match(input, /^baton_sync_runs_total\{outcome="success"\} 1$/m);
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      assert.equal(status, 0, stdout + stderr);
    });
  });
}
