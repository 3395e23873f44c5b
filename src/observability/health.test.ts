import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { createHealth, type WorkerStatus } from "./health.ts";
import { createCleaner } from "./logger.ts";
import { createLoopAges } from "./loop-ages.ts";

interface Given {
  readonly status?: Partial<WorkerStatus>;
  readonly validate?: () => Promise<void>;
  readonly problem?: string;
}

function fixture(given: Given = {}) {
  const time = { ms: 1_000_000 };
  const clock = { ...systemClock, monotonicMs: () => time.ms, nowMs: () => time.ms };
  const loops = createLoopAges(clock);
  const status = {
    state: "polling" as const,
    lastPollSuccessMs: time.ms,
    pollFailingForMs: undefined,
    lastErrorCode: undefined,
    ...given.status,
  };
  const health = createHealth({
    clock,
    worker: () => status,
    loops: loops.read,
    validate: given.validate ?? (async () => undefined),
    credentialProblem: () => given.problem,
    clean: createCleaner({ showPeople: false, secrets: () => ["key_abcdefgh"] }),
  });
  return { health, loops, time };
}

suite("readiness", () => {
  test("ready only while polling or standing by", () => {
    for (const state of ["polling", "standby"] as const) {
      assert.deepEqual(fixture({ status: { state } }).health.ready(), {
        ok: true,
        status: "ready",
        details: { state, seconds_since_last_poll: 0 },
      });
    }
    for (const [state, words] of [
      ["starting", "C1 has not answered Hello yet"],
      ["draining", "the process is shutting down"],
      ["stopped", "the process is shutting down"],
    ] as const) {
      const { ok, details } = fixture({ status: { state } }).health.ready();
      assert.deepEqual([ok, details["error"], details["state"]], [false, words, state]);
    }
  });

  test("a start that fails says how", () => {
    const status = { state: "starting", lastPollSuccessMs: undefined, lastErrorCode: "unavailable" } as const;
    assert.deepEqual(fixture({ status }).health.ready().details, {
      error: "C1 has not answered Hello yet",
      state: "starting",
      last_error: "unavailable",
    });
  });

  test("a missing credential is not ready and is named, without people and secrets", () => {
    const answer = fixture({
      problem: "BATON_CURSOR_API_KEY key_abcdefgh of ada@example.com is missing",
    }).health.ready();
    assert.equal(answer.ok, false);
    assert.match(String(answer.details["error"]), /^BATON_CURSOR_API_KEY \[redacted\] of person-\w+ is missing$/);
  });

  test("an outage of C1 turns it off only after ten minutes, and says so before", () => {
    const failing = (pollFailingForMs: number) =>
      fixture({ status: { pollFailingForMs, lastErrorCode: "unavailable" } }).health.ready();
    assert.deepEqual(failing(10 * 60_000), {
      ok: true,
      status: "ready",
      details: { state: "polling", seconds_since_last_poll: 0, polls_failing_seconds: 600, last_error: "unavailable" },
    });
    const { ok, details } = failing(10 * 60_000 + 1);
    assert.deepEqual([ok, details["error"]], [false, "C1 has not answered a poll for more than 10 minutes"]);
    assert.equal(details["last_error"], "unavailable");
  });

  test("a worker that is too busy to poll stays ready", () => {
    const { health, time } = fixture();
    time.ms += 60 * 60_000;
    assert.deepEqual(health.ready().details, { state: "polling", seconds_since_last_poll: 3600 });
  });

  test("a wall clock that was set back shows no negative age", () => {
    const { health } = fixture({ status: { lastPollSuccessMs: 2_000_000 } });
    assert.equal(health.ready().details["seconds_since_last_poll"], 0);
  });
});

suite("liveness", () => {
  test("alive before any loop has begun, and after all have ended", () => {
    const { health, loops, time } = fixture();
    assert.deepEqual(health.live(), { ok: true, status: "alive", details: {} });
    loops.enter("poll")[Symbol.dispose]();
    time.ms += 24 * 60 * 60_000;
    assert.deepEqual(health.live(), { ok: true, status: "alive", details: {} });
  });

  for (const name of ["poll", "heartbeat", "credentials", "lease"] as const) {
    test(`a ${name} loop that stands still for a minute longer than it said`, () => {
      const { health, loops, time } = fixture();
      const loop = loops.enter(name);
      loop.within(30_000);
      time.ms += 90_000;
      assert.deepEqual(health.live(), {
        ok: true,
        status: "alive",
        details: { [`${name}_loop_age_seconds`]: 90 },
      });
      time.ms += 1;
      const { ok, status, details } = health.live();
      assert.deepEqual([ok, status], [false, "not_alive"]);
      assert.equal(details["error"], `the ${name} loop has stood still for 90 s and was to move within 90 s`);
      loop.within(30_000);
      assert.equal(health.live().ok, true);
    });
  }

  test("one dead loop among living ones is named", () => {
    const { health, loops, time } = fixture();
    loops.enter("poll").within(10_000);
    const heartbeat = loops.enter("heartbeat");
    time.ms += 100_000;
    heartbeat.within(1_000);
    const { ok, details } = health.live();
    assert.equal(ok, false);
    assert.match(String(details["error"]), /^the poll loop has stood still for 100 s and was to move within 70 s$/);
    assert.equal(details["heartbeat_loop_age_seconds"], 0);
  });

  test("a loop that rests may do so for ever", () => {
    const { health, loops, time } = fixture();
    loops.enter("poll").resting();
    time.ms += 24 * 60 * 60_000;
    assert.deepEqual(health.live(), {
      ok: true,
      status: "alive",
      details: { poll_loop_age_seconds: 86_400, resting_loops: "poll" },
    });
  });
});

suite("validation", () => {
  test("is single flight and cached for 30 s", async () => {
    const calls: number[] = [];
    const { health, time } = fixture({ validate: async () => void calls.push(1) });
    await Promise.all([health.health(), health.health()]);
    time.ms += 29_999;
    await health.health();
    assert.equal(calls.length, 1);
    time.ms += 1;
    await health.health();
    assert.equal(calls.length, 2);
  });

  test("that fails says why, without people and secrets", async () => {
    const { health } = fixture({
      validate: () =>
        Promise.reject(new StatusError("unauthenticated", "Cursor rejected key_abcdefgh of ada@example.com")),
    });
    const { ok, details } = await health.health();
    assert.equal(ok, false);
    assert.equal(details["error"], "connector validation failed");
    assert.match(String(details["validation_error"]), /^Cursor rejected \[redacted\] of person-\w+$/);
  });
});
