import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:https";
import { suite, test } from "node:test";
import { createTestCa } from "../../helpers/tls.ts";
import { until } from "../../helpers/until.ts";
import type { FaultAnswer } from "../fault-answer.ts";
import { type ScimFake, type ScimRequest, startScimServer } from "../scim-server.ts";
import { startCaller } from "./caller.ts";

const ada = "ada@example.com";
const users = [{ id: "1", userName: ada }];

/** How a request is sent that gives up soon. */
const impatient = { patienceMs: 100 } as const;

function send(scim: ScimFake, method: "GET" | "DELETE", { patienceMs = 30_000 } = {}): Promise<Response> {
  return fetch(`${scim.endpoint}/Users/1`, {
    method,
    redirect: "manual",
    headers: headersOf(scim),
    signal: AbortSignal.timeout(patienceMs),
  });
}

function headersOf({ token }: ScimFake): Record<string, string> {
  return { accept: "application/scim+json", authorization: `Bearer ${token}` };
}

const timedOut = { name: "TimeoutError" };

suite("scripted answers", () => {
  test("status, headers and body come instead of the work, as often as wanted and in order", async () => {
    await using caller = await startCaller({ users });
    const { scim, call } = caller;
    scim.script(
      { times: 2, status: 429, headers: { "retry-after": "7" }, json: { message: "slow down" } },
      { status: 502, headers: { "content-type": "text/html" }, body: "<h1>Bad gateway</h1>" },
    );
    const got = [];
    for (let n = 0; n < 4; n += 1) got.push(await call("DELETE", "/Users/1"));
    assert.deepEqual(
      got.map(({ status }) => status),
      [429, 429, 502, 204],
    );
    assert.deepEqual([got[0]?.headers.get("retry-after"), got[0]?.json], ["7", { message: "slow down" }]);
    assert.deepEqual([got[2]?.headers.get("content-type"), got[2]?.text], ["text/html", "<h1>Bad gateway</h1>"]);
    assert.deepEqual(
      scim.requests.map(({ status }) => status),
      [429, 429, 502, 204],
    );
    assert.equal(scim.effects.length, 1);
  });

  test("an answer with a matcher waits for its request", async () => {
    await using caller = await startCaller({ users });
    const { scim, call, create, list } = caller;
    scim.script({ on: { method: "POST" }, status: 503 }, { on: { path: /^\/Users\/1$/ }, status: 500 });
    assert.equal((await list()).status, 200);
    assert.equal((await call("GET", "/Users/1")).status, 500);
    assert.equal((await create("bob@example.com")).status, 503);
    assert.equal((await create("bob@example.com")).status, 201);
    scim.script({ times: Number.POSITIVE_INFINITY, status: 503 });
    assert.equal((await list()).status, 503);
    assert.equal((await list()).status, 503);
    scim.clearScript();
    assert.equal((await list()).status, 200);
  });

  test("hang and reset do nothing and answer nothing", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ hang: true }, { reset: true });
    await assert.rejects(send(scim, "DELETE", impatient), timedOut);
    await assert.rejects(send(scim, "DELETE"), { message: "fetch failed" });
    assert.deepEqual([scim.effects, scim.requests.map(({ status }) => status)], [[], [undefined, undefined]]);
    assert.equal((await send(scim, "DELETE")).status, 204);
  });

  test("hangAfterEffect and resetAfterEffect do the work and answer nothing", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ hangAfterEffect: true }, { resetAfterEffect: true });
    await assert.rejects(send(scim, "DELETE", impatient), timedOut);
    assert.equal(scim.effects.length, 1);
    scim.seed({ ...users[0], id: "2", userName: ada });
    await assert.rejects(fetch(`${scim.endpoint}/Users/2`, { method: "DELETE", headers: headersOf(scim) }));
    assert.deepEqual([scim.effects.length, scim.records.length], [2, 0]);
    assert.deepEqual([scim.requests[0]?.status, scim.requests[1]?.status], [undefined, undefined]);
  });

  test("afterEffect does the work and answers something else", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ afterEffect: true, status: 504, body: "" });
    assert.equal((await send(scim, "DELETE")).status, 504);
    assert.deepEqual([scim.effects.length, scim.requests[0]?.status], [1, 504]);
  });

  test("what has happened is marked, and what has not is not", async () => {
    const cases: readonly (readonly [FaultAnswer, boolean])[] = [
      [{ status: 503 }, true],
      [{ reset: true }, true],
      [{ raw: "" }, true],
      [{ resetAfterEffect: true }, true],
      [{ cutAfterBytes: 20 }, true],
      [{ slowBody: { bytes: 20, everyMs: 1 } }, true],
      // The answer is shorter than the cut, or comes in one piece.
      [{ cutAfterBytes: 1e6 }, false],
      [{ slowBody: { bytes: 1e6, everyMs: 1 } }, false],
    ];
    for (const [answer, expected] of cases) {
      await using scim = await startScimServer({ users });
      scim.script(answer);
      await send(scim, "GET", { patienceMs: 1_000 }).then(
        (response) => response.text().catch(() => ""),
        () => "",
      );
      await until(() => scim.requests[0]?.fault === answer, "the request");
      assert.equal(scim.requests[0]?.played, expected, JSON.stringify(answer));
    }
  });

  test("an effect that was refused is none of which the answer could be lost", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ on: { method: "DELETE" } }, { status: 500, afterEffect: true }, { resetAfterEffect: true });
    assert.equal((await send(scim, "DELETE")).status, 204);
    assert.equal((await send(scim, "DELETE")).status, 500);
    await assert.rejects(send(scim, "DELETE"));
    assert.deepEqual(
      scim.requests.map(({ played }) => played),
      [true, false, false],
    );
  });

  test("delayMs waits before the work, which is done even when the caller has gone", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ delayMs: 1000 });
    await assert.rejects(send(scim, "DELETE", impatient), timedOut);
    assert.equal(scim.effects.length, 0);
    await until(() => scim.effects.length === 1, "the late deletion");
  });

  test("slowBody trickles and cutAfterBytes breaks off, both with the right answer", async () => {
    await using caller = await startCaller({ users });
    const { scim, call } = caller;
    scim.script(
      { slowBody: { bytes: 100, everyMs: 20 } },
      { cutAfterBytes: 10 },
      { slowBody: { bytes: 1, everyMs: 50 } },
    );
    const startedMs = performance.now();
    const slow = await call("GET", "/Users/1");
    const tookMs = performance.now() - startedMs;
    const least = Math.floor(slow.text.length / 100) * 15;
    assert.ok(tookMs > least, `${slow.text.length} bytes in ${tookMs} ms`);
    assert.equal(slow.json["userName"], ada);
    await assert.rejects(call("GET", "/Users/1"));
    const cut = await send(scim, "GET", { patienceMs: 1000 });
    assert.equal(cut.status, 200);
    await assert.rejects(cut.text(), timedOut);
  });

  test("redirectTo", async () => {
    await using scim = await startScimServer({ users });
    scim.script({ redirectTo: "https://elsewhere.example/Users" }, { redirectTo: "/x", status: 308 });
    const [first, second] = [await send(scim, "GET"), await send(scim, "DELETE")];
    assert.deepEqual([first.status, first.headers.get("location")], [307, "https://elsewhere.example/Users"]);
    assert.deepEqual([second.status, second.headers.get("location"), scim.effects.length], [308, "/x", 0]);
  });
});

suite("the hook in the middle of a request", () => {
  test("is awaited before the work and between the work and the answer", async () => {
    const seen: unknown[] = [];
    const onRequest = async ({ method }: ScimRequest, phase: string): Promise<undefined> => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([method, phase, scim.effects.length]);
    };
    await using scim = await startScimServer({ users, onRequest });
    assert.equal((await send(scim, "DELETE")).status, 204);
    assert.deepEqual(seen, [
      ["DELETE", "received", 0],
      ["DELETE", "done", 1],
    ]);
  });

  test("can drop the connection before or after the work", async () => {
    await using scim = await startScimServer({ users });
    scim.setOnRequest((_request, phase) => (phase === "received" ? "drop" : undefined));
    await assert.rejects(send(scim, "DELETE"));
    assert.deepEqual(scim.effects, []);
    scim.setOnRequest((_request, phase) => (phase === "done" ? "drop" : undefined));
    await assert.rejects(send(scim, "DELETE"));
    assert.equal(scim.effects.length, 1);
    scim.setOnRequest(undefined);
    assert.equal((await send(scim, "DELETE")).status, 404);
  });

  test("requests at the same time are counted", async () => {
    await using scim = await startScimServer({ users });
    let release = (): void => undefined;
    const gate = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    scim.setOnRequest(() => gate);
    const both = [send(scim, "GET"), send(scim, "GET")];
    await until(() => scim.inFlight.now === 2, "two requests");
    release();
    for (const each of both) await (await each).text();
    await until(() => scim.inFlight.now === 0, "no request");
    assert.equal(scim.inFlight.max, 2);
  });
});

suite("the directory over TLS", () => {
  test("answers on localhost with the given certificate", async () => {
    const ca = await createTestCa();
    await using scim = await startScimServer({ users, certificate: ca.issue(["localhost"]) });
    assert.match(scim.endpoint, /^https:\/\/localhost:\d+\/scim\/v2\//);
    const request = get(`${scim.endpoint}/Users/1`, { ca: ca.caPem, headers: headersOf(scim), agent: false });
    const [response] = await once(request, "response");
    response.resume();
    assert.equal(response.statusCode, 200);
  });
});
