import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serve } from "./http-server.ts";
import { startScimProxy } from "./scim-proxy.ts";

/** A server with its base at `/scim` that answers every request with what it was asked. */
const startEcho = () => {
  const seen: string[] = [];
  return serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const location = `http://${request.headers.host}/elsewhere`;
    response.writeHead(207, { location, "x-method": request.method }).end(request.url);
  }).then((server) => ({
    url: `${server.url}/scim`,
    seen,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }));
};

async function started() {
  const stack = new AsyncDisposableStack();
  const echo = stack.use(await startEcho());
  const proxy = stack.use(await startScimProxy(echo));
  const call = async (method = "GET", path = "/Users") => {
    const response = await fetch(proxy.url + path, { method });
    return { response, status: response.status, text: await response.text() };
  };
  const statuses = async (...methods: string[]) => {
    const found = [];
    for (const method of methods) found.push((await call(method)).status);
    return found;
  };
  return { echo, proxy, call, statuses, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

suite("recording SCIM proxy", () => {
  test("forwards path, query and answer, and records them", async () => {
    await using all = await started();
    const { response, text } = await all.call("DELETE", "/Users/a%40b?x=1%2B2");
    assert.equal(response.status, 207);
    assert.equal(response.headers.get("x-method"), "DELETE");
    assert.equal(text, "/scim/Users/a%40b?x=1%2B2");
    const [{ method, path, query, status, atMs } = assert.fail()] = all.proxy.requests;
    assert.deepEqual([method, path, { ...query }, status], ["DELETE", "/Users/a%40b", { x: "1+2" }, 207]);
    assert.ok(Math.abs(performance.now() - atMs) < 10_000);
  });

  test("a Location on the server becomes one on the proxy, whichever Host the server was told", async () => {
    await using target = await serve((_request, response) => {
      response.writeHead(201, { location: `${target.url}/scim/Users/1` }).end();
    });
    await using proxy = await startScimProxy({ url: `${target.url}/scim` });
    assert.equal((await fetch(proxy.url)).headers.get("location"), `${proxy.url}/Users/1`);
  });

  test("a script is played once, in its order, and what it answers is not forwarded", async () => {
    await using all = await started();
    all.proxy.script({ times: 2 }, { status: 503, json: { detail: "later" }, headers: { "retry-after": "1" } });
    assert.deepEqual(await all.statuses("GET", "GET"), [207, 207]);
    const { response, text } = await all.call();
    assert.deepEqual([response.status, text, response.headers.get("retry-after")], [503, '{"detail":"later"}', "1"]);
    assert.deepEqual(await all.statuses("GET"), [207]);
    assert.equal(all.echo.seen.length, 3);
    assert.deepEqual(
      all.proxy.requests.map(({ status }) => status),
      [207, 207, 503, 207],
    );
  });

  test("a cycle makes every third call wait, for ever", async () => {
    await using all = await started();
    all.proxy.repeat({ times: 2 }, { status: 429, headers: { "retry-after": "1" } });
    assert.deepEqual(await all.statuses("GET", "GET", "GET", "GET", "GET", "GET"), [207, 207, 429, 207, 207, 429]);
    all.proxy.clear();
    assert.deepEqual(await all.statuses("GET", "GET", "GET"), [207, 207, 207]);
    assert.equal(all.proxy.requests.length, 3);
  });

  test("an answer for one method leaves the others alone", async () => {
    await using all = await started();
    all.proxy.script({ method: "DELETE", status: 405 }, { method: "POST", status: 409 });
    assert.deepEqual(await all.statuses("GET", "POST", "DELETE", "DELETE"), [207, 409, 405, 207]);
  });

  test("a lost answer has reached the server, a reset has not", async () => {
    await using all = await started();
    all.proxy.script({ loseAnswer: true }, { reset: true });
    await assert.rejects(all.call("POST", "/lost"));
    await assert.rejects(all.call("POST", "/reset"));
    assert.deepEqual(all.echo.seen, ["POST /scim/lost"]);
    assert.deepEqual(
      all.proxy.requests.map(({ status }) => status),
      [undefined, undefined],
    );
  });

  test("a request without an answer can be given up, and an answer can be late", async () => {
    await using all = await started();
    all.proxy.script({ hang: true }, { delayMs: 50 });
    await assert.rejects(fetch(all.proxy.url, { signal: AbortSignal.timeout(50) }), /timeout/);
    const begun = performance.now();
    await all.call();
    assert.ok(performance.now() - begun >= 49);
  });
});
