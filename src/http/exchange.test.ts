import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { until } from "../../test/helpers/until.ts";
import { exchange } from "./exchange.ts";
import { createTransport } from "./transport.ts";
import { createTrust } from "./trust.ts";

/** A server that is not held up by what this process does. */
const program = `
  const server = require("node:http").createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(201).end("{}"));
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(String(server.address().port)));
  process.stdin.on("end", () => process.exit()).resume();
`;

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

suite("one HTTP request", () => {
  test("an abort after the answer does no harm, however late the end of the request is noticed", async () => {
    const child = spawn(process.execPath, ["-e", program], { stdio: ["pipe", "pipe", "inherit"] });
    const [port] = await once(child.stdout, "data");
    const trust = createTrust([]);
    const transport = createTransport({ userAgent: "test", proxy: {}, trust, connectTimeoutMs: 5_000 });
    const limits = { totalTimeoutMs: 30_000, maxBodyBytes: 1_000 };
    const abort = new AbortController();
    const request = { url: new URL(`http://127.0.0.1:${port}`), method: "POST", headers: {}, body: "{}" } as const;
    const post = () => exchange(request, transport, limits, abort.signal);
    // Connects, so that the next ones are sent at once.
    await post();
    const living = () => queryObjects(AbortSignal, { format: "count" });
    const before = living();
    for (let count = 0; count < 20; count += 1) {
      const answer = Promise.withResolvers<{ readonly status: number }>();
      setImmediate(() => post().then(answer.resolve, answer.reject));
      // The answer is there before the loop comes to end the request.
      setImmediate(block, 10);
      assert.equal((await answer.promise).status, 201);
    }
    // While the process lives the signals of its requests must not.
    const after = living();
    assert.ok(after <= before + 2, `${after} signals, ${before} before`);
    // An error that nobody listens to would fail the test here, as it would end the process. A time-out goes the same way.
    abort.abort();
    await delay(100);
    transport.close();
    child.stdin.end();
    await once(child, "close");
  });

  test("an answer before the whole request was sent is taken, and the connection is closed", async () => {
    const accepted: Socket[] = [];
    const server = createServer((socket) => {
      accepted.push(socket.on("error", () => undefined));
      // Reads a little and then no more.
      socket.once("data", () => socket.pause().write("HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}"));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const transport = createTransport({
      userAgent: "test",
      proxy: {},
      trust: createTrust([]),
      connectTimeoutMs: 5_000,
    });
    const limits = { totalTimeoutMs: 30_000, maxBodyBytes: 1_000 };
    const body = "x".repeat(16 * 1024 * 1024);
    const signal = new AbortController().signal;
    const { status } = await exchange({ url, method: "POST", headers: {}, body }, transport, limits, signal);
    assert.equal(status, 503);
    const { agents } = transport.route(url);
    await until(() => Object.keys(agents.http.sockets).length === 0, "the end of the connection");
    transport.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
});
