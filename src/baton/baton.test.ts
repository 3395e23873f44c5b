import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { jitter, systemClock, timeLimit } from "./clock.ts";
import { type RetryPolicy, retryDelayMs, withRetry } from "./retry.ts";
import { Secret } from "./secret.ts";
import { StatusError, statusCodeName, statusCodes } from "./status-error.ts";

const policy: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 1000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 300_000,
  retryOn: new Set(["unavailable", "deadline_exceeded"]),
};
const never = new AbortController().signal;

suite("time limit", () => {
  test("aborts as time-outs do, and not once the work has ended", async () => {
    using short = timeLimit(20);
    const ended = timeLimit(20);
    ended[Symbol.dispose]();
    await systemClock.sleep(60, never);
    assert.equal(StatusError.from(short.signal.reason).code, "deadline_exceeded");
    assert.equal(ended.signal.aborted, false);
  });
});

suite("StatusError", () => {
  test("names and numbers are those of gRPC, and numbers outside it are unknown", () => {
    assert.equal(statusCodes.unauthenticated, 16);
    for (const [name, number] of Object.entries(statusCodes)) assert.equal(statusCodeName(number), name);
    assert.equal(statusCodeName(99), "unknown");
  });

  test("the code decides whether C1 may retry, unless said otherwise", () => {
    assert.equal(new StatusError("unavailable", "x").retryable, true);
    assert.equal(new StatusError("invalid_argument", "x").retryable, false);
    assert.equal(new StatusError("invalid_argument", "x", { retryable: true }).retryable, true);
  });

  test("withRetryable keeps everything else", () => {
    const rateLimit = { limit: 1, remaining: 0, resetAt: new Date(0) };
    const error = new StatusError("unavailable", "slow down", { retryAfterMs: 5, rateLimit, cause: "c" });
    const final = error.withRetryable(false);
    assert.deepEqual(
      [final.code, final.message, final.retryable, final.retryAfterMs, final.rateLimit, final.cause],
      ["unavailable", "slow down", false, 5, rateLimit, "c"],
    );
  });

  test("anything caught becomes a StatusError with a known code", () => {
    assert.equal(StatusError.from("text").code, "internal");
    assert.equal(StatusError.from(new TypeError("oops")).code, "internal");
    assert.equal(StatusError.from(AbortSignal.abort().reason).code, "cancelled");
    assert.equal(StatusError.from(Object.assign(new Error("t"), { name: "TimeoutError" })).code, "deadline_exceeded");
    const reason = new StatusError("unavailable", "shutting down");
    assert.equal(StatusError.from(reason), reason);
  });

  test("U8 a full disk is resource_exhausted and may be retried, from the file system or from SQLite", () => {
    for (const extra of [{ code: "ENOSPC" }, { errcode: 13 }]) {
      const error = StatusError.from(Object.assign(new Error("full"), extra));
      assert.deepEqual([error.code, error.retryable], ["resource_exhausted", true]);
    }
  });
});

suite("retry", () => {
  test("the wait is never longer than the ceiling and never negative", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const delay = retryDelayMs(new StatusError("unavailable", "x"), attempt, policy, () => random);
        return delay !== undefined && delay >= 0 && delay <= Math.min(60_000, 1000 * 2 ** (attempt - 1));
      }),
    );
  });

  test("a least share keeps waits from becoming nothing", () => {
    const wait = (random: number) =>
      retryDelayMs(new StatusError("unavailable", "x"), 2, { ...policy, leastShare: 0.5 }, () => random);
    assert.deepEqual([0, 0.5, 1].map(wait), [1000, 1500, 2000]);
  });

  test("the first wait may have a ceiling of its own", () => {
    const wait = (attempt: number) =>
      retryDelayMs(new StatusError("unavailable", "x"), attempt, { ...policy, firstDelayMs: 100 }, () => 1);
    assert.deepEqual([1, 2, 3].map(wait), [100, 2000, 4000]);
  });

  test("the other side's wait wins, and one that is too long ends the retrying", () => {
    const asked = (retryAfterMs: number) =>
      retryDelayMs(new StatusError("unavailable", "x", { retryAfterMs }), 1, policy, Math.random);
    assert.equal(asked(120_000), 120_000);
    assert.equal(asked(300_001), undefined);
  });

  test("gives up after the last attempt and throws the last error", async () => {
    const sleeps: number[] = [];
    const clock = { ...systemClock, sleep: async (ms: number) => void sleeps.push(ms) };
    const attempts: number[] = [];
    const failing = async (attempt: number) => {
      attempts.push(attempt);
      throw new StatusError("unavailable", `attempt ${attempt}`);
    };
    await assert.rejects(withRetry(failing, policy, { clock, random: () => 0.5 }, never), /attempt 5/);
    assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
    assert.deepEqual(sleeps, [500, 1000, 2000, 4000]);
  });

  test("a final error is not repeated", async () => {
    let calls = 0;
    const failing = async () => {
      calls += 1;
      throw new StatusError("permission_denied", "no");
    };
    await assert.rejects(withRetry(failing, policy, { clock: systemClock, random: Math.random }, never), /no/);
    assert.equal(calls, 1);
  });

  test("an abort ends the wait at once with the signal's reason", async () => {
    const stop = new AbortController();
    const failing = async () => {
      throw new StatusError("unavailable", "x", { retryAfterMs: 200_000 });
    };
    const onRetry = () => setImmediate(() => stop.abort(new StatusError("unavailable", "connector shutting down")));
    const started = performance.now();
    await assert.rejects(
      withRetry(failing, policy, { clock: systemClock, random: Math.random, onRetry }, stop.signal),
      /shutting down/,
    );
    assert.ok(performance.now() - started < 5000);
  });
});

suite("Secret and jitter", () => {
  test("a secret prints as [redacted] in every way that happens by accident", () => {
    const secret = new Secret("key_very_secret");
    const printed = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), String(secret)].join();
    assert.doesNotMatch(printed, /very/);
    assert.equal(secret.reveal(), "key_very_secret");
  });

  test("jitter stays within its share", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
        const value = jitter(1000, 0.2, () => random);
        return value >= 800 && value <= 1200;
      }),
    );
  });
});
