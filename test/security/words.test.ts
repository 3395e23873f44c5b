import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { spawnConnector } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import { setAccountScene, team } from "../integration/account-scene.ts";
import { type AccountStage, accountEnv, createTask, startAccountStage } from "../integration/account-stage.ts";
import { processEnv, startStandIns, syncTask } from "../integration/scene.ts";
import { controls, nasty, notForHeaders } from "./nasty.ts";

const limit = { timeout: 60_000 };

/** Lets Cursor, the directory and C1 say `text` with an error each. Resolves with what C1 was told. */
async function refuseWith({ c1, cursor, scim }: AccountStage, text: string, index: number): Promise<readonly string[]> {
  const answers = [{ message: text }, { error: text }, { detail: text }];
  const told: string[] = [];
  for (const json of answers) {
    cursor.script({ on: { path: /members/ }, status: 400, json });
    told.push((await c1.awaitFinish(c1.enqueue(syncTask))).message);
  }
  cursor.script({ on: { path: /members/ }, status: 400, body: text, headers: { "content-type": "text/plain" } });
  told.push((await c1.awaitFinish(c1.enqueue(syncTask))).message);
  for (const json of [...answers, { detail: text, scimType: text }]) {
    scim.script({ on: { method: "POST" }, status: 400, json });
    told.push((await c1.awaitFinish(c1.enqueue(createTask(`new${index}@example.com`)))).message);
  }
  const polls = c1.calls("GetTask").length;
  c1.script("GetTask", [{ error: 3, message: text }]);
  await until(
    () =>
      c1
        .calls("GetTask")
        .slice(polls)
        .some(({ code }) => code === 0),
    "a poll after the refused one",
  );
  return told;
}

/** Every text in a line of the log, at any depth. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

const begins = { json: /^\{"level":"\w+","ts":".*\}$/, console: /^\d\d:\d\d:\d\d (debug|info |warn |error) / } as const;

/** Fails when something in a log would move a terminal, or when a line is not one of ours. */
function assertLines(text: string, format: keyof typeof begins): void {
  assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/u);
  for (const line of text.split("\n").slice(0, -1)) assert.match(line, begins[format]);
}

suite("what a server says with an error", { concurrency: 2 }, () => {
  test("is one line without control characters, for C1 and for the log", limit, async () => {
    await using scene = await setAccountScene();
    for (const [index, text] of nasty.entries()) {
      const told = await refuseWith(scene, text, index);
      for (const message of told) {
        assert.doesNotMatch(message, controls, JSON.stringify(text));
        assert.notEqual(message, "");
      }
      // The words are there, as far as they are words.
      if (text.startsWith("Ann"))
        assert.ok(told.filter((message) => message.includes("Ann")).length >= 6, told.join("\n"));
    }
    const polls = scene.daemon.logLines.filter((line) => line.includes("C1 could not be asked for work"));
    assert.equal(polls.length, nasty.length);
    for (const line of scene.daemon.logLines) {
      for (const text of textsIn(JSON.parse(line))) assert.doesNotMatch(text, controls, JSON.stringify(line));
    }
    assert.deepEqual(scene.scim.effects, []);
  });

  test("moves no terminal, and every line begins as ours do, when the log is for people", limit, async () => {
    await using stage = await startAccountStage({ cursor: { members: team } });
    const env = processEnv(stage, { ...accountEnv(stage), BATON_LOG_FORMAT: "console", BATON_LOG_PII: "true" });
    await using daemon = await spawnConnector([], env, { shows: "people" });
    for (const [index, text] of notForHeaders.entries()) await refuseWith(stage, text, index);
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0);
    assert.ok(stderr.includes("C1 could not be asked for work"));
    assertLines(stderr, "console");
  });
});

suite("an id of a task, which every line of its work names", { concurrency: 2 }, () => {
  for (const format of ["json", "console"] as const) {
    test(`is part of that line, whatever it holds: ${format}`, limit, async () => {
      await using stage = await startStandIns({ c1: { taskIds: "any" } });
      const { c1 } = stage;
      await using daemon = await spawnConnector([], processEnv(stage, { BATON_LOG_FORMAT: format }));
      for (const id of nasty) {
        const end = await c1.awaitFinish(c1.enqueue({ ...syncTask, id }));
        assert.equal(end.ok, true, `${id}: ${end.message}`);
      }
      daemon.kill("SIGTERM");
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0);
      assert.ok(stderr.includes("X-Injected"), "the ids are in the log");
      assertLines(stderr, format);
    });
  }
});
