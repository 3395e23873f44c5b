import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { codeOfHttpStatus, httpStatusError, parseRetryAfter } from "./status.ts";

const now = Date.UTC(2026, 0, 2, 3, 4, 5);

suite("HTTP status to status code", () => {
  const expected: readonly [number, string][] = [
    [400, "invalid_argument"],
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [404, "not_found"],
    [408, "deadline_exceeded"],
    [409, "already_exists"],
    [418, "invalid_argument"],
    [422, "invalid_argument"],
    [429, "unavailable"],
    [500, "unavailable"],
    [501, "unimplemented"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
    [599, "unavailable"],
    [302, "invalid_argument"],
    [999, "internal"],
  ];
  for (const [status, code] of expected) {
    test(`${status} is ${code}`, () => assert.equal(codeOfHttpStatus(status), code));
  }
});

suite("Retry-After", () => {
  const cases: readonly [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["60", 60_000],
    [" 0 ", 0],
    ["1.5", 1_500],
    ["-1", undefined],
    ["soon", undefined],
    ["1e3", undefined],
    ["99999999999", undefined],
    ["Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
    ["Friday, 02-Jan-26 03:05:05 GMT", 60_000],
    ["Fri Jan  2 03:05:05 2026", 60_000],
    ["Fri, 02 Jan 2026 03:00:00 GMT", 0],
    ["Fri, 99 Foo 2026", undefined],
    ["2026-01-02T03:05:05Z", undefined],
  ];
  for (const [header, ms] of cases) {
    test(`${JSON.stringify(header)} is ${ms} ms`, () => assert.equal(parseRetryAfter(header, now), ms));
  }
});

suite("an HTTP error", () => {
  test("429 carries the wait and a rate-limit description", () => {
    const error = httpStatusError({ status: 429, headers: { "retry-after": "7" } }, "slow down", now);
    assert.equal(error.code, "unavailable");
    assert.equal(error.retryable, true);
    assert.equal(error.retryAfterMs, 7_000);
    assert.deepEqual(error.rateLimit, { limit: 1, remaining: 0, resetAt: new Date(now + 7_000) });
  });

  test("429 without a usable header waits a minute", () => {
    const error = httpStatusError({ status: 429, headers: { "retry-after": "later" } }, "slow down", now);
    assert.equal(error.retryAfterMs, 60_000);
    assert.deepEqual(error.rateLimit?.resetAt, new Date(now + 60_000));
  });

  test("quota headers are believed only when they are whole numbers", () => {
    const headers = { "x-ratelimit-limit": "20", "x-ratelimit-remaining": "-3" };
    const { rateLimit } = httpStatusError({ status: 429, headers }, "slow down", now);
    assert.deepEqual([rateLimit?.limit, rateLimit?.remaining], [20, 0]);
  });

  test("503 carries a wait only when one was asked for, and no rate limit", () => {
    const asked = httpStatusError({ status: 503, headers: { "retry-after": "2" } }, "down", now);
    assert.deepEqual([asked.retryAfterMs, asked.rateLimit], [2_000, undefined]);
    assert.equal(httpStatusError({ status: 503, headers: {} }, "down", now).retryAfterMs, undefined);
  });

  test("a rejected credential is final, an outage is not", () => {
    assert.equal(httpStatusError({ status: 401, headers: {} }, "no", now).retryable, false);
    assert.equal(httpStatusError({ status: 500, headers: {} }, "no", now).retryable, true);
  });
});
