import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { adviceOf } from "./fixes.ts";
import { createProblemLog } from "./problem-log.ts";

function setUp(clean: (text: string) => string = (text) => text) {
  const clock = createVirtualClock();
  let changes = 0;
  const log = createProblemLog({
    clock,
    clean,
    onChange: () => {
      changes += 1;
    },
  });
  return { clock, log, changes: () => changes };
}

suite("advice", () => {
  for (const [message, what, fix] of [
    [
      "Cursor rejected the API key: create a team key with scope admin:* and replace the secret",
      "Cursor rejected the API key",
      "Create a team key with scope admin:* and replace the secret.",
    ],
    [
      "the team shrank from 100 to 20; if that is right, restart the connector",
      "the team shrank from 100 to 20",
      "If that is right, restart the connector.",
    ],
    ["a: b: check BATON_X", "a: b", "Check BATON_X."],
  ] as const) {
    test(`is taken from the end of "${message.slice(0, 30)}…"`, () => {
      assert.deepEqual(adviceOf(message, "unavailable"), { what, fix });
    });
  }

  test("follows from the code where the message has none, and is never missing", () => {
    const { fix, what } = adviceOf("C1 did not answer: connect ECONNREFUSED", "unavailable");
    assert.equal(what, "C1 did not answer: connect ECONNREFUSED");
    assert.match(fix, /tried again by itself/);
    assert.match(adviceOf("no", "unauthenticated").fix, /baton-cursor doctor/);
    for (const code of ["internal", undefined]) assert.match(adviceOf("odd", code).fix, /look at the log/);
  });
});

suite("problem log", () => {
  test("keeps warnings and errors with code, detail and fix, newest first, and drops the rest", () => {
    const { changes, clock, log } = setUp();
    const { logger } = log;
    logger.debug("detail", { error: "x" });
    logger.info("news");
    logger.child({ taskType: "sync_full", taskId: "1" }).warn("task failed", {
      code: "unauthenticated",
      error: "Cursor rejected the key: create another",
    });
    clock.advance(1000);
    logger.error("there are SCIM credentials now: restart the connector");
    assert.equal(changes(), 2);
    const [second, first, ...more] = log.problems();
    assert.deepEqual(more, []);
    assert.deepEqual(first, {
      level: "warn",
      firstMs: clock.nowMs() - 1000,
      lastMs: clock.nowMs() - 1000,
      count: 1,
      about: "sync_full",
      title: "task failed",
      detail: "Cursor rejected the key",
      fix: "Create another.",
      code: "unauthenticated",
    });
    assert.deepEqual(
      [second?.level, second?.title, second?.detail, second?.fix],
      ["error", "there are SCIM credentials now", "", "Restart the connector."],
    );
  });

  test("counts what comes again, and moves it to the front", () => {
    const { clock, log } = setUp();
    const startMs = clock.nowMs();
    log.logger.warn("C1 is away", { code: "unavailable", error: "refused", waitMs: 1 });
    log.logger.warn("something else");
    clock.advance(5000);
    log.logger.warn("C1 is away", { code: "unavailable", error: "refused", waitMs: 2 });
    const [front, ...rest] = log.problems();
    assert.deepEqual([front?.count, front?.firstMs, front?.lastMs], [2, startMs, startMs + 5000]);
    assert.equal(rest.length, 1);
  });

  test("keeps 20 of any number, and no long text", () => {
    const { log } = setUp();
    for (let at = 0; at < 1000; at += 1) log.logger.error(`problem ${at}`, { error: "x".repeat(10_000) });
    assert.equal(log.problems().length, 20);
    assert.equal(log.problems()[0]?.title, "problem 999");
    assert.ok(JSON.stringify(log.problems()).length < 20 * 900);
  });

  test("cleans every text, and a new list is a new array", () => {
    const { log } = setUp((text) => text.replaceAll(/\S+@\S+/g, "person-1"));
    const before = log.problems();
    log.logger.error("no ada@example.com", { error: "not ada@example.com: remove ada@example.com", code: "internal" });
    assert.notEqual(log.problems(), before);
    assert.doesNotMatch(JSON.stringify(log.problems()), /@/);
    assert.match(log.problems()[0]?.fix ?? "", /person-1/);
  });
});
