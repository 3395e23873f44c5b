import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { StatusView } from "../../src/status/view.ts";
import { grpcCodes } from "../fakes/c1-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import { printed, processEnv, setScene, startStandIns } from "./scene.ts";

const limit = { timeout: 60_000 };
const pollFailed = "C1 could not be asked for work; trying again";

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly line?: string;
  readonly failures?: number;
  readonly repeated?: number;
}

function parsed(lines: readonly string[]): Line[] {
  return lines.map((line) => JSON.parse(line));
}

suite("an outage in the log", { concurrency: 2 }, () => {
  test(
    "an hour without C1: a few lines, one that it is over, and the status page has counted each",
    limit,
    async () => {
      await using scene = await setScene({ factor: 500 });
      const { c1, daemon } = scene;
      await c1.awaitCall("GetTask", 2);
      c1.script("GetTask", [{ error: grpcCodes.UNAVAILABLE, times: 60 }]);
      await until(() => daemon.writtenLines.some((line) => line.includes("C1 answers again")), "the end of the outage");
      const failed = parsed(daemon.logLines).filter(({ msg }) => msg === pollFailed);
      assert.equal(failed.length, 60);
      const written = parsed(daemon.writtenLines).filter(({ msg }) => msg === pollFailed);
      // Eight on an idle machine; on a busy one the fast clock makes gaps of minutes.
      assert.ok(written.length >= 4 && written.length <= 20, `${written.length} lines`);
      const ends = parsed(daemon.writtenLines).filter(({ msg }) => msg === "C1 answers again");
      assert.deepEqual(
        ends.map(({ failures, level }) => [level, failures]),
        [["info", failed.length]],
      );

      const answer = await fetch(`${daemon.statusUrl}/status.json`);
      const { problems } = (await answer.json()) as StatusView;
      assert.deepEqual(
        problems.map(({ count, title }) => [title, count]),
        [[pollFailed, failed.length]],
      );
      daemon.stop();
      await daemon.ended;
      await scene[Symbol.asyncDispose]();
      const all = parsed(daemon.writtenLines).filter(({ line, msg }) => msg === pollFailed || line === pollFailed);
      const leftOut = all.reduce((sum, { repeated = 0 }) => sum + repeated, 0);
      assert.equal(written.length + leftOut, failed.length);
    },
  );

  test("the program itself: one line for two failures, the end, and what was left out", limit, async () => {
    await using stage = await startStandIns();
    stage.c1.script("GetTask", [{ error: grpcCodes.UNAVAILABLE, times: 2 }]);
    await using daemon = await spawnConnector([], processEnv(stage));
    await printed(daemon, "C1 answers again");
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0);
    const lines = parsed(stderr.trim().split("\n")).filter(
      ({ line, msg }) => msg === pollFailed || line === pollFailed || msg === "C1 answers again",
    );
    assert.deepEqual(
      lines.map(({ failures, level, msg, repeated }) => [level, msg, failures, repeated]),
      [
        ["warn", pollFailed, 1, undefined],
        ["info", "C1 answers again", 2, undefined],
        ["info", "a line that was repeated has not come again", undefined, 1],
      ],
    );
  });
});
