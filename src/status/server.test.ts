import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { suite, test } from "node:test";
import { createTestClock } from "../../test/helpers/clock.ts";
import { until } from "../../test/helpers/until.ts";
import { contentSecurityPolicy } from "./page.ts";
import { type StatusServer, startStatusServer } from "./server.ts";
import { StatusModel } from "./status-model.ts";

const about = { version: "1.2.3", revision: "", hostId: "pod-1", showsPeople: false };

async function openPage({ host = "127.0.0.1" } = {}) {
  const clock = createTestClock({ factor: 10 });
  const model = new StatusModel({ clock, about, clean: (text) => text });
  const server = await startStatusServer({ clock, model, host, port: 0 });
  return {
    model,
    server,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** `fetch` does not let a test choose the Host header. */
async function ask(
  { port }: StatusServer,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const asked = request({ host: "127.0.0.1", port, path, ...options });
  asked.end(options.body);
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

/** What a server answers to bytes that are no request of a browser. */
async function sendBytes({ port }: StatusServer, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(bytes);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

/** Opens the event stream and keeps what arrives. */
async function follow({ port }: StatusServer) {
  const asked = request({ host: "127.0.0.1", port, path: "/events" });
  asked.end();
  const [response] = await once(asked, "response");
  const stream = { status: response.statusCode, headers: response.headers, text: "", ended: false };
  response.setEncoding("utf8").on("data", (chunk: string) => {
    stream.text += chunk;
  });
  response.on("close", () => {
    stream.ended = true;
  });
  response.on("error", () => undefined);
  return Object.assign(stream, { close: () => asked.destroy() });
}

suite("status server", () => {
  test("the page: complete, never kept, never framed, with its policy", async () => {
    await using page = await openPage();
    const { headers, status, text } = await ask(page.server, "/");
    assert.equal(status, 200);
    assert.match(text, /^<!doctype html>/);
    assert.match(text, /"hostId":"pod-1"/);
    const expected = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": contentSecurityPolicy,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
    assert.equal(headers["access-control-allow-origin"], undefined);
    const head = await ask(page.server, "/", { method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
  });

  test("the same as JSON", async () => {
    await using page = await openPage();
    const { headers, text } = await ask(page.server, "/status.json");
    assert.match(`${headers["content-type"]}`, /^application\/json/);
    const state = JSON.parse(text);
    assert.deepEqual(Object.keys(state).sort(), ["nowMs", ...Object.keys(page.model.view())].sort());
    assert.equal(state.connection.state, "starting");
  });

  test("the stream tells everything and then what changes", async () => {
    await using page = await openPage();
    const stream = await follow(page.server);
    assert.deepEqual(
      [stream.status, stream.headers["content-type"], stream.headers["content-security-policy"]],
      [200, "text/event-stream; charset=utf-8", contentSecurityPolicy],
    );
    await until(() => stream.text.includes('"about":'), "the first message");
    page.model.log.error("something is wrong: look at it");
    await until(() => stream.text.includes("something is wrong"), "the news");
    const last = stream.text.trim().split("\n\n").at(-1) ?? "";
    assert.deepEqual(Object.keys(JSON.parse(last.slice(6))), ["nowMs", "problems"]);
    stream.close();
  });

  for (const [what, path, options, status] of [
    ["an address that is not there", "/metrics", {}, 404],
    ["a path that leads up", "/../../etc/passwd", {}, 404],
    ["a broken escape", "/%zz", {}, 400],
    ["a parameter", "/?since=1", {}, 400],
    ["a parameter of the stream", "/events?x", {}, 400],
    ["a body", "/status.json", { body: "{}", headers: { "content-length": "2" } }, 400],
    ["POST", "/", { method: "POST" }, 405],
    ["POST with a body", "/status.json", { method: "POST", body: "{}" }, 405],
    ["DELETE", "/events", { method: "DELETE" }, 405],
    ["OPTIONS", "/", { method: "OPTIONS" }, 405],
    ["HEAD of the stream", "/events", { method: "HEAD" }, 405],
    ["a name that was made to lead here", "/", { headers: { host: "evil.example.com:8082" } }, 421],
    ["a name that looks like ours", "/status.json", { headers: { host: "localhost.example.com" } }, 421],
    [
      "another page's script",
      "/status.json",
      { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" } },
      403,
    ],
    ["headers that are too long", "/", { headers: { cookie: "x".repeat(9000) } }, 431],
  ] as const satisfies readonly (readonly [string, string, Parameters<typeof ask>[2], number])[]) {
    test(`${what}: ${status} with a reason in JSON`, async () => {
      await using page = await openPage();
      const answer = await ask(page.server, path, options);
      assert.equal(answer.status, status);
      assert.match(`${answer.headers["content-type"]}`, /^application\/json/);
      // An answer to HEAD has no body.
      if (!("method" in options && options.method === "HEAD")) assert.ok(JSON.parse(answer.text).error.length > 10);
      if (status === 405) assert.equal(answer.headers["allow"], "GET");
    });
  }

  test("what is no HTTP at all: 400 with a reason in JSON, and the page lives on", async () => {
    await using page = await openPage();
    assert.match(await sendBytes(page.server, "\x16\x03\x01 hello\r\n\r\n"), /^HTTP\/1\.1 400 .*"error"/s);
    assert.equal((await ask(page.server, "/")).status, 200);
  });

  for (const host of ["localhost:8082", "127.0.0.1:1", "[::1]:8082", "10.1.2.3"]) {
    test(`${host} is a name of its own; so is a link from elsewhere`, async () => {
      await using page = await openPage();
      const headers = { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
      assert.equal((await ask(page.server, "/", { headers })).status, 200);
    });
  }

  test("on other addresses than loopback, which is opt-in, any name is right", async () => {
    await using page = await openPage({ host: "0.0.0.0" });
    assert.equal((await ask(page.server, "/", { headers: { host: "status.example.com" } })).status, 200);
  });

  test("the ninth open page is told so with a 429, and has a place when another is closed", async () => {
    await using page = await openPage();
    const streams = await Promise.all(Array.from({ length: 8 }, () => follow(page.server)));
    const ninth = await ask(page.server, "/events");
    assert.equal(ninth.status, 429);
    assert.match(JSON.parse(ninth.text).error, /8 status pages are open/);
    streams[0]?.close();
    for (;;) {
      const again = await follow(page.server);
      again.close();
      if (again.status === 200) break;
    }
    for (const stream of streams) stream.close();
  });

  test("a port that is taken: the reason, and what to do", async () => {
    await using page = await openPage();
    const clock = createTestClock();
    const options = { clock, model: page.model, host: "127.0.0.1", port: page.server.port };
    await assert.rejects(startStatusServer(options), { code: "failed_precondition", message: /BATON_STATUS_PORT/ });
  });

  test("disposing ends open streams at once and listens no more", async () => {
    const page = await openPage();
    const stream = await follow(page.server);
    const startedMs = performance.now();
    await page.server[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedMs < 5_000);
    await until(() => stream.ended, "the end of the stream");
    await assert.rejects(ask(page.server, "/"), { code: "ECONNREFUSED" });
  });
});
