import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import type { RetryPolicy } from "../baton/retry.ts";
import { StatusError } from "../baton/status-error.ts";
import type { HttpClient, HttpRequest } from "./client.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { createThrottledClient, type RetryEvent } from "./throttled-client.ts";

const forever = new AbortController().signal;
const policy: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 1_000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 300_000,
  retryOn: new Set(["unavailable", "deadline_exceeded"]),
};
const list: HttpRequest<string> = { operation: "list", method: "GET", path: "/", decode: () => "" };
const down = new StatusError("unavailable", "down");

/** A client below the limiter whose calls fail as told and then succeed; it notes when each attempt was sent. */
function setUp(failures: StatusError[]) {
  const clock = createVirtualClock();
  const sentAtMs: number[] = [];
  const retries: RetryEvent[] = [];
  const order: string[] = [];
  const client: HttpClient = {
    async send(request) {
      sentAtMs.push(clock.monotonicMs());
      order.push("send");
      const error = failures.shift();
      if (error !== undefined) throw error;
      return request.decode({ host: "h", status: 200, headers: {}, body: Buffer.alloc(0) });
    },
  };
  const limiter = createRateLimiter({
    requestsPerMinute: 3,
    concurrency: 1,
    maxPauseMs: 300_000,
    clock,
    onWait: () => order.push("ticket"),
  });
  const throttled = createThrottledClient({
    client,
    limiter,
    policy,
    clock,
    random: () => 0.5,
    onRetry: (event) => {
      order.push("retry");
      retries.push(event);
    },
  });
  return { clock, order, retries, sentAtMs, throttled };
}

suite("retry around limiter around one request", () => {
  test("every attempt takes a ticket of its own", async () => {
    const { order, throttled } = setUp([down, down]);
    assert.equal(await throttled.send(list, forever), "");
    assert.deepEqual(order, ["ticket", "send", "retry", "ticket", "send", "retry", "ticket", "send"]);
  });

  test("waits grow, with jitter, and the fourth attempt waits for the rate budget", async () => {
    const { retries, sentAtMs, throttled } = setUp([down, down, down]);
    await throttled.send(list, forever);
    assert.deepEqual(
      retries.map(({ attempt, delayMs }) => [attempt, delayMs]),
      [
        [1, 500],
        [2, 1_000],
        [3, 2_000],
      ],
    );
    assert.deepEqual(sentAtMs, [0, 500, 1_500, 60_000]);
  });

  test("a 429 is waited out as long as it asks", async () => {
    const { retries, sentAtMs, throttled } = setUp([new StatusError("unavailable", "429", { retryAfterMs: 42_000 })]);
    await throttled.send(list, forever);
    assert.deepEqual(sentAtMs, [0, 42_000]);
    assert.deepEqual([retries[0]?.operation, retries[0]?.delayMs], ["list", 42_000]);
  });

  test("a wait beyond the cap ends the retrying", async () => {
    const { sentAtMs, throttled } = setUp([new StatusError("unavailable", "429", { retryAfterMs: 300_001 })]);
    await assert.rejects(throttled.send(list, forever), { message: "429" });
    assert.equal(sentAtMs.length, 1);
  });

  test("it gives up after five attempts with the last error", async () => {
    const errors = [1, 2, 3, 4, 5, 6].map((n) => new StatusError("unavailable", `down ${n}`));
    const { sentAtMs, throttled } = setUp(errors);
    await assert.rejects(throttled.send(list, forever), { message: "down 5" });
    assert.equal(sentAtMs.length, 5);
  });

  test("final answers are not repeated", async () => {
    for (const code of ["unauthenticated", "permission_denied", "invalid_argument", "internal"] as const) {
      const { sentAtMs, throttled } = setUp([new StatusError(code, "no")]);
      await assert.rejects(throttled.send(list, forever), { code });
      assert.equal(sentAtMs.length, 1);
    }
  });

  const kinds: readonly [Partial<HttpRequest<string>>, number][] = [
    [{ method: "GET" }, 2],
    [{ method: "PUT" }, 2],
    [{ method: "DELETE" }, 2],
    [{ method: "POST" }, 1],
    [{ method: "PATCH" }, 1],
    [{ method: "POST", repeatable: true }, 2],
    [{ method: "PATCH", repeatable: true }, 2],
    [{ method: "GET", repeatable: false }, 1],
  ];
  for (const [kind, attempts] of kinds) {
    test(`${JSON.stringify(kind)} is sent ${attempts} times when the first fails`, async () => {
      const { sentAtMs, throttled } = setUp([down]);
      const sent = throttled.send({ ...list, ...kind }, forever);
      await (attempts === 1 ? assert.rejects(sent, down) : sent);
      assert.equal(sentAtMs.length, attempts);
    });
  }

  test("abort ends the wait between attempts with the signal's reason", async () => {
    const { retries, throttled } = setUp([new StatusError("unavailable", "429", { retryAfterMs: 200_000 })]);
    const controller = new AbortController();
    const sent = throttled.send(list, controller.signal);
    while (retries.length === 0) await Promise.resolve();
    controller.abort(new StatusError("unavailable", "shutting down"));
    await assert.rejects(sent, { message: "shutting down" });
  });
});
