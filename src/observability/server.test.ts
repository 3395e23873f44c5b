import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../baton/clock.ts";
import { createHealth, type HealthDeps } from "./health.ts";
import { Metrics } from "./metrics.ts";
import { type ServerOptions, startServer } from "./server.ts";

const listener = { host: "127.0.0.1", port: 0 };

async function serve(options: Partial<ServerOptions> = {}, health: Partial<HealthDeps> = {}) {
  const metrics = new Metrics({ version: "1", revision: "r", taskTypes: ["sync_full"], processMetrics: false });
  const server = await startServer({
    clock: systemClock,
    health: createHealth({
      clock: systemClock,
      worker: () => ({
        state: "starting",
        lastPollSuccessMs: undefined,
        pollFailingForMs: undefined,
        lastErrorCode: undefined,
      }),
      loops: () => [],
      validate: async () => undefined,
      credentialProblem: () => undefined,
      clean: (text) => text,
      ...health,
    }),
    registry: metrics.registry,
    listener,
    metricsListener: undefined,
    ...options,
  });
  return { server, metrics, url: `http://127.0.0.1:${server.port}` };
}

/** A connection that keeps what it got. */
async function open(port: number): Promise<{ socket: Socket; got: () => string; closed: Promise<unknown> }> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  await once(socket, "connect");
  return { socket, got: () => text, closed };
}

suite("answers", () => {
  test("the body of baton-sdk's health server, and metrics on the same port", async () => {
    const { server, url } = await serve();
    await using _server = server;
    const live = await fetch(`${url}/live`);
    assert.equal(live.status, 200);
    assert.match(live.headers.get("content-type") ?? "", /^application\/json/);
    assert.match(await live.text(), /^\{"status":"alive","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}\n$/);
    const ready = await fetch(`${url}/ready`);
    assert.equal(ready.status, 503);
    const { status, details } = JSON.parse(await ready.text());
    assert.deepEqual([status, details.error], ["not_ready", "C1 has not answered Hello yet"]);
    assert.match(await (await fetch(`${url}/metrics`)).text(), /^baton_build_info\{version="1"/m);
  });

  test("every method gets the same and changes nothing", async () => {
    const calls: number[] = [];
    const { server, metrics } = await serve({}, { validate: async () => void calls.push(1) });
    await using _server = server;
    const before = await metrics.registry.metrics();
    const ask = async (path: string, method: string): Promise<string> => {
      const call = request({ port: server.port, path, method, agent: false });
      call.end(["POST", "PUT", "PATCH"].includes(method) ? '{"stop":true}' : undefined);
      const [response] = await once(call, "response");
      const body = (await response.toArray()).join("").replace(/"timestamp":"[^"]*"/, "");
      return `${response.statusCode} ${body}`;
    };
    for (const path of ["/live", "/ready", "/health", "/metrics"]) {
      const wanted = await ask(path, "GET");
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        assert.equal(await ask(path, method), wanted, `${method} ${path}`);
      }
      assert.equal(await ask(path, "HEAD"), wanted.slice(0, 4));
    }
    assert.equal(calls.length, 1);
    assert.equal(await metrics.registry.metrics(), before);
  });

  test("carry headers against being kept, guessed, framed or used by other sites, also where there is nothing", async () => {
    const { server, url } = await serve();
    await using _server = server;
    for (const path of ["/live", "/ready", "/health", "/metrics", "/", "/x?<script>"]) {
      const { headers, status } = await fetch(url + path);
      assert.equal(status, path === "/ready" ? 503 : path.length < 2 || path.includes("?") ? 404 : 200, path);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("access-control-allow-origin"), null);
      assert.equal(headers.get("server"), null);
    }
  });

  test("a path that is not there repeats nothing of it", async () => {
    const { server, url } = await serve();
    await using _server = server;
    for (const path of ["/secret", "/live/", "/health/../etc", "/%00"]) {
      const text = await (await fetch(url + path)).text();
      assert.doesNotMatch(text, /secret|etc|%00|live\//, path);
      const { details, status } = JSON.parse(text);
      assert.match(status, /^(?:not_found|bad_request)$/, path);
      assert.match(
        details.reason,
        /^(?:there is nothing at this address: look at|the address has a broken escape$)/,
        path,
      );
    }
  });

  test("an unexpected error says nothing of itself", async () => {
    const health = createHealth({
      clock: systemClock,
      worker: () => {
        throw new Error("key_abcdefgh");
      },
      loops: () => [],
      validate: async () => undefined,
      credentialProblem: () => undefined,
      clean: (text) => text,
    });
    const { server, url } = await serve({ health });
    await using _server = server;
    const answer = await fetch(`${url}/ready`);
    assert.equal(answer.status, 500);
    const { details, status } = JSON.parse(await answer.text());
    assert.deepEqual([status, details], ["error", { reason: "this request failed" }]);
  });
});

suite("listeners", () => {
  test("metrics can have one of their own", async () => {
    const { server } = await serve({ metricsListener: listener });
    await using _server = server;
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/live`)).status, 404);
  });

  test("S4 a port in use is a clear start-up error, and leaves no other listener behind", async () => {
    const { server } = await serve();
    await using _server = server;
    const taken = { host: "127.0.0.1", port: server.port };
    await assert.rejects(serve({ listener: taken }), /failed to start health check server on 127\.0\.0\.1:\d+/);
    await assert.rejects(serve({ metricsListener: taken }), /BATON_METRICS_PORT/);
  });

  test("disposing ends open connections", async () => {
    const { server } = await serve();
    const idle = await open(server.port);
    await server[Symbol.asyncDispose]();
    await idle.closed;
  });
});

suite("limits", () => {
  test("a slow request is ended, however it trickles in, and nobody waits for it", { timeout: 20_000 }, async () => {
    const { server, url } = await serve({ limits: { headerMs: 1_000, requestMs: 1_500 } });
    await using _server = server;
    const slow = await Promise.all(Array.from({ length: 20 }, () => open(server.port)));
    const startMs = performance.now();
    for (const { socket } of slow) socket.write("GET /live HTTP/1.1\r\n");
    const trickle = async (socket: Socket): Promise<void> => {
      for (let line = 0; !socket.destroyed; line += 1) {
        socket.write(`x-${line}: y\r\n`);
        await delay(100);
      }
    };
    const trickling = slow.map(({ socket }) => trickle(socket));
    assert.equal((await fetch(`${url}/live`)).status, 200);
    await Promise.all(slow.map(({ closed }) => closed));
    await Promise.all(trickling);
    assert.ok(performance.now() - startMs < 15_000);
    for (const { got } of slow) assert.match(got(), /^HTTP\/1\.1 408 /);
  });

  test("a connection without a request is ended too", { timeout: 20_000 }, async () => {
    const { server } = await serve({ limits: { headerMs: 1_000, requestMs: 1_500 } });
    await using _server = server;
    const silent = await open(server.port);
    await silent.closed;
  });

  test("a body that never ends is not waited for", { timeout: 20_000 }, async () => {
    const { server } = await serve();
    await using _server = server;
    const { socket, got, closed } = await open(server.port);
    socket.write("POST /live HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx");
    await closed;
    assert.match(got(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"alive"/);
  });

  test("a body that says to be large is refused unread; one without a length is not read either", async () => {
    const { server } = await serve();
    await using _server = server;
    const large = await open(server.port);
    large.socket.write("POST /live HTTP/1.1\r\nhost: a\r\ncontent-length: 1025\r\n\r\n");
    await large.closed;
    assert.match(large.got(), /^HTTP\/1\.1 413 [\s\S]*\{"status":"too_large"/);
    const chunked = await open(server.port);
    chunked.socket.write("PUT /live HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-type: a/b\r\n\r\n");
    await chunked.closed;
    assert.match(chunked.got(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"alive"/);
  });

  test("headers that are too large are refused", async () => {
    const { server } = await serve();
    await using _server = server;
    for (const head of [`GET /live HTTP/1.1\r\nx: ${"y".repeat(9_000)}`, `GET /${"y".repeat(9_000)} HTTP/1.1`]) {
      const { socket, got, closed } = await open(server.port);
      socket.write(`${head}\r\nhost: a\r\n\r\n`);
      await closed;
      assert.match(got(), /^HTTP\/1\.1 431 /);
    }
  });

  test("what is no HTTP is refused", async () => {
    const { server } = await serve();
    await using _server = server;
    const { socket, got, closed } = await open(server.port);
    socket.write("\u0016\u0003\u0001 hello\r\n\r\n");
    await closed;
    assert.match(got(), /^HTTP\/1\.1 400 /);
  });

  test("many connections: the oldest idle one gives way, and probes get through", { timeout: 20_000 }, async () => {
    const { server, url } = await serve({ limits: { connections: 10 } });
    await using _server = server;
    const held: Awaited<ReturnType<typeof open>>[] = [];
    for (let at = 0; at < 40; at += 1) held.push(await open(server.port));
    for (let probe = 0; probe < 5; probe += 1) {
      const call = request(`${url}/live`, { agent: false });
      call.end();
      const [response] = await once(call, "response");
      response.resume();
      assert.equal(response.statusCode, 200);
      await once(response, "end");
    }
    await Promise.all(held.slice(0, 30).map(({ closed }) => closed));
    assert.equal(held.at(-1)?.socket.destroyed, false);
    for (const { socket } of held) socket.destroy();
  });

  test("connections whose answers do not come leave room for those who come", { timeout: 20_000 }, async () => {
    const gate = Promise.withResolvers<void>();
    const { server } = await serve({ limits: { connections: 8 } }, { validate: () => gate.promise });
    await using _server = server;
    const stuck: Awaited<ReturnType<typeof open>>[] = [];
    for (let at = 0; at < 8; at += 1) stuck.push(await open(server.port));
    for (const { socket } of stuck) socket.write("GET /health HTTP/1.1\r\nhost: a\r\n\r\n");
    await delay(100);
    const fresh: Awaited<ReturnType<typeof open>>[] = [];
    for (let at = 0; at < 4; at += 1) fresh.push(await open(server.port));
    await Promise.all(stuck.slice(0, 4).map(({ closed }) => closed));
    for (const { socket } of fresh) socket.write("GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await Promise.all(fresh.map(({ closed }) => closed));
    for (const { got } of fresh) assert.match(got(), /^HTTP\/1\.1 200 /);
    gate.resolve();
    for (const { socket } of stuck) socket.destroy();
  });

  test("a connection that waits for its answer does not give way", { timeout: 20_000 }, async () => {
    const gate = Promise.withResolvers<void>();
    const { server, url } = await serve({ limits: { connections: 5 } }, { validate: () => gate.promise });
    await using _server = server;
    const waiting = fetch(`${url}/health`);
    await delay(50);
    const held = await Promise.all(Array.from({ length: 20 }, () => open(server.port)));
    gate.resolve();
    assert.equal((await waiting).status, 200);
    for (const { socket } of held) socket.destroy();
  });
});
