import assert from "node:assert/strict";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { createTestClock } from "../../test/helpers/clock.ts";
import { serve } from "../../test/helpers/http-server.ts";
import { StatusError } from "../baton/status-error.ts";
import { createHttpClient, type HttpClientOptions, type HttpRequest, type ResponseEvent } from "./client.ts";
import type { HttpResponse } from "./exchange.ts";
import { decodeJson } from "./json.ts";
import { createFormPoster } from "./post-form.ts";
import { createTransport } from "./transport.ts";
import { createTrust } from "./trust.ts";

const forever = new AbortController().signal;
const limits = { totalTimeoutMs: 10_000, maxBodyBytes: 1024 * 1024 };
const list: HttpRequest<unknown> = { operation: "list", method: "GET", path: "/things", decode: decodeJson };

async function setUp(listener: RequestListener, options: Partial<HttpClientOptions> = {}) {
  const server = await serve(listener);
  const transport = createTransport({
    userAgent: "test-agent/1",
    proxy: {},
    trust: createTrust([]),
    connectTimeoutMs: 2_000,
  });
  const events: ResponseEvent[] = [];
  const client = createHttpClient({
    baseUrl: server.url,
    transport,
    limits,
    clock: createTestClock(),
    onResponse: (event) => events.push(event),
    ...options,
  });
  return {
    client,
    events,
    server,
    transport,
    async [Symbol.asyncDispose]() {
      transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString();
}

async function failure(promise: Promise<unknown>): Promise<StatusError> {
  try {
    await promise;
  } catch (reason) {
    assert.ok(reason instanceof StatusError, inspect(reason));
    return reason;
  }
  throw new assert.AssertionError({ message: "it did not fail" });
}

suite("one HTTP request", () => {
  test("carries path, query, headers and the authorization of the moment", async () => {
    const seen: IncomingMessage[] = [];
    const keys = ["Basic one", "Basic two"];
    await using it = await setUp(
      (request, response) => {
        seen.push(request);
        json(response, { ok: true });
      },
      { authorization: () => keys.shift() ?? "none" },
    );
    const request = { ...list, query: { page: 2, name: "a+b c" } };
    assert.deepEqual(await it.client.send(request, forever), { ok: true });
    await it.client.send(request, forever);
    assert.equal(seen[0]?.url, "/things?page=2&name=a%2Bb%20c");
    assert.equal(seen[0]?.headers.accept, "application/json");
    assert.equal(seen[0]?.headers["user-agent"], "test-agent/1");
    assert.match(seen[0]?.headers["accept-encoding"] ?? "", /gzip/);
    assert.deepEqual([seen[0]?.headers.authorization, seen[1]?.headers.authorization], ["Basic one", "Basic two"]);
    assert.deepEqual(
      it.events.map(({ operation, status, code }) => [operation, status, code]),
      [
        ["list", 200, undefined],
        ["list", 200, undefined],
      ],
    );
    assert.ok((it.events[0]?.durationMs ?? -1) >= 0);
  });

  test("keeps a path in the base URL", async () => {
    const seen: (string | undefined)[] = [];
    await using it = await setUp((request, response) => {
      seen.push(request.url);
      json(response, {});
    });
    const client = createHttpClient({
      baseUrl: `${it.server.url}/proxy/`,
      transport: it.transport,
      limits,
      clock: createTestClock(),
    });
    await client.send(list, forever);
    assert.deepEqual(seen, ["/proxy/things"]);
  });

  test("sends JSON once, with its type and length", async () => {
    const seen: { type: string | undefined; length: string | undefined; body: string }[] = [];
    await using it = await setUp(async (request, response) => {
      const body = await bodyOf(request);
      seen.push({ type: request.headers["content-type"], length: request.headers["content-length"], body });
      json(response, {});
    });
    await it.client.send({ ...list, method: "POST", json: { a: ["ü"] } }, forever);
    assert.deepEqual(seen, [{ type: "application/json", length: "12", body: '{"a":["ü"]}' }]);
  });

  test("reads a compressed answer", async () => {
    await using it = await setUp((_request, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync('{"big":true}'));
    });
    assert.deepEqual(await it.client.send(list, forever), { big: true });
  });

  test("does not follow a redirect, and sends the credential nowhere else", async () => {
    let elsewhere = 0;
    await using other = await serve((_request, response) => {
      elsewhere += 1;
      response.end();
    });
    await using it = await setUp((_request, response) => response.writeHead(302, { location: other.url }).end(), {
      authorization: () => "Basic secret",
    });
    const error = await failure(it.client.send(list, forever));
    assert.deepEqual([error.code, elsewhere], ["invalid_argument", 0]);
  });

  test("an error status becomes its code, without the body", async () => {
    await using it = await setUp((_request, response) =>
      response.writeHead(503, { "retry-after": "3" }).end("secret page"),
    );
    const error = await failure(it.client.send(list, forever));
    assert.deepEqual([error.code, error.retryAfterMs], ["unavailable", 3_000]);
    assert.equal(error.message, `127.0.0.1:${it.server.port} answered HTTP 503 to list`);
    assert.deepEqual(
      it.events.map(({ status, code }) => [status, code]),
      [[503, undefined]],
    );
  });

  test("the adapter may explain an error, and expect a status", async () => {
    const explain = (response: HttpResponse): string | undefined =>
      response.status === 400 ? `it said ${response.body.toString()}` : undefined;
    await using it = await setUp((_request, response) => response.writeHead(400).end("no"), { explain });
    const error = await failure(it.client.send(list, forever));
    assert.deepEqual([error.code, error.message], ["invalid_argument", "it said no"]);
    const expected = { ...list, expectStatus: new Set([400]), decode: (response: HttpResponse) => response.status };
    assert.equal(await it.client.send(expected, forever), 400);
  });

  test("an address that an upstream gave is asked at the configured origin only", async () => {
    const seen: (string | undefined)[] = [];
    const answer: RequestListener = (request, response) => {
      seen.push(request.url);
      json(response, {});
    };
    await using other = await setUp(answer);
    await using own = await setUp(answer, { authorization: () => "Bearer t" });
    const at = (address: string) => own.client.send({ ...list, address: new URL(address) }, forever);
    const { port } = new URL(own.server.url);
    for (const address of [
      `${other.server.url}/things`,
      `http://localhost:${port}/things`,
      `https://127.0.0.1:${port}`,
    ]) {
      const error = await failure(at(address));
      assert.equal(error.code, "internal");
      assert.match(error.message, /nothing was sent/);
    }
    assert.deepEqual(seen, []);
    await at(`${own.server.url}/elsewhere`);
    assert.deepEqual(seen, ["/elsewhere"]);
  });

  test("only the beginning of an error page is read", async () => {
    const explain = (response: HttpResponse): string => `${response.body.length} bytes`;
    await using it = await setUp((_request, response) => response.writeHead(502).end("x".repeat(5_000_000)), {
      explain,
    });
    const error = await failure(it.client.send(list, forever));
    assert.equal(error.code, "unavailable");
    assert.ok(Number.parseInt(error.message, 10) < 1_000_000);
  });

  test("an answer over the limit is refused while it arrives, also when it is small on the wire", async () => {
    const zeros = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    await using it = await setUp((request, response) => {
      if (request.url === "/bomb") response.setHeader("content-encoding", "gzip");
      response.end(request.url === "/bomb" ? zeros : Buffer.alloc(2 * 1024 * 1024, 0x20));
    });
    for (const path of ["/plain", "/bomb"]) {
      const error = await failure(it.client.send({ ...list, path }, forever));
      assert.equal(error.code, "resource_exhausted");
      assert.match(error.message, /longer than the limit of 1 MiB/);
    }
    assert.deepEqual(
      it.events.map(({ code }) => code),
      ["resource_exhausted", "resource_exhausted"],
    );
  });

  test("an answer of exactly the limit is read", async () => {
    await using it = await setUp((_request, response) => response.end(`"${"x".repeat(limits.maxBodyBytes - 2)}"`));
    assert.equal(String(await it.client.send(list, forever)).length, limits.maxBodyBytes - 2);
  });

  test("an answer that is not JSON is internal and named by type and size only", async () => {
    await using it = await setUp((_request, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end("<p>hello ada@example.com</p>");
    });
    const error = await failure(it.client.send(list, forever));
    assert.equal(error.code, "internal");
    assert.match(error.message, /text\/html of 28 bytes, which is not valid JSON/);
    assert.ok(!inspect(error, { depth: null }).includes("hello"));
  });

  test("a byte order mark does not harm", async () => {
    await using it = await setUp((_request, response) => response.end("\uFEFF[1]"));
    assert.deepEqual(await it.client.send(list, forever), [1]);
  });
});

suite("a request without an answer", () => {
  test("a connection that is cut is unavailable", async () => {
    await using it = await setUp((request, response) => {
      if (request.url === "/early") request.socket.resetAndDestroy();
      else if (request.url === "/late") {
        response.writeHead(200, { "content-length": "100" }).write("[1");
        setImmediate(() => request.socket.destroy());
      } else {
        response.write("[1");
        setImmediate(() => request.socket.destroy());
      }
    });
    for (const path of ["/early", "/late", "/chunked"]) {
      const error = await failure(it.client.send({ ...list, path }, forever));
      assert.equal(error.code, "unavailable", path);
      assert.match(error.message, /^the connection to 127\.0\.0\.1:\d+ failed/);
    }
  });

  test("a refused connection is unavailable", async () => {
    const gone = await serve((_request, response) => response.end());
    await gone[Symbol.asyncDispose]();
    await using it = await setUp((_request, response) => response.end(), { baseUrl: gone.url });
    const error = await failure(it.client.send(list, forever));
    assert.equal(error.code, "unavailable");
    assert.equal(
      error.message,
      `127.0.0.1:${gone.port} refused the connection: check the address, firewalls and proxies`,
    );
  });

  test("a server that says nothing, or never ends, runs into the total time-out", async () => {
    await using it = await setUp(
      (request, response) => {
        if (request.url === "/slow") response.write("[");
      },
      { limits: { ...limits, totalTimeoutMs: 100 } },
    );
    for (const path of ["/silent", "/slow"]) {
      const error = await failure(it.client.send({ ...list, path }, forever));
      assert.equal(error.code, "deadline_exceeded");
      assert.match(error.message, /did not finish its answer within/);
    }
  });

  test("waiting for a slow answer is not cut by the connect time-out", async () => {
    const server = await serve((_request, response) => setTimeout(() => response.end("[]"), 300));
    const transport = createTransport({ userAgent: "t", proxy: {}, trust: createTrust([]), connectTimeoutMs: 100 });
    const client = createHttpClient({ baseUrl: server.url, transport, limits, clock: createTestClock() });
    assert.deepEqual(await client.send(list, forever), []);
    transport.close();
    await server[Symbol.asyncDispose]();
  });

  test("abort ends it at once with the signal's reason", async () => {
    const controller = new AbortController();
    await using it = await setUp(() => controller.abort(new StatusError("unavailable", "shutting down")));
    const error = await failure(it.client.send(list, controller.signal));
    assert.deepEqual([error.code, error.message], ["unavailable", "shutting down"]);
    const again = await failure(it.client.send(list, controller.signal));
    assert.equal(again.message, "shutting down");
  });

  test("an unknown host is an invalid argument", async () => {
    await using it = await setUp((_request, response) => response.end(), { baseUrl: "https://no-such-host.invalid" });
    const error = await failure(it.client.send(list, forever));
    assert.match(error.code, /^(invalid_argument|unavailable)$/); // some resolvers answer "try again" without a network
    assert.match(error.message, /no-such-host\.invalid/);
  });

  test("no error holds the credential, however deep one looks", async () => {
    const secret = "Basic c2VjcmV0OnNlY3JldA==";
    await using it = await setUp(
      (request, response) => {
        if (request.url === "/cut") request.socket.resetAndDestroy();
        else response.writeHead(401).end(request.headers.authorization);
      },
      { authorization: () => secret },
    );
    for (const path of ["/cut", "/echo"]) {
      const error = await failure(it.client.send({ ...list, path }, forever));
      assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(secret));
    }
  });

  test("a header that cannot be sent is our fault and is not shown", async () => {
    await using it = await setUp((_request, response) => response.end(), { authorization: () => "Basic se\ncret" });
    const error = await failure(it.client.send(list, forever));
    assert.equal(error.code, "internal");
    assert.ok(!inspect(error, { depth: null }).includes("cret"));
  });
});

suite("base URL", () => {
  const options = {
    transport: createTransport({ userAgent: "t", proxy: {}, trust: createTrust([]), connectTimeoutMs: 1 }),
    limits,
    clock: createTestClock(),
  };
  for (const baseUrl of ["", "api.cursor.com", "https://me:pw@host", "https://host?x=1", "https://host#x"]) {
    test(`${JSON.stringify(baseUrl)} is refused`, () =>
      assert.throws(() => createHttpClient({ ...options, baseUrl }), { code: "invalid_argument" }));
  }

  test("plain http is for this machine only", () => {
    assert.throws(() => createHttpClient({ ...options, baseUrl: "http://api.cursor.com" }), /must begin with https/);
    createHttpClient({ ...options, baseUrl: "http://127.0.0.1:1" });
    createHttpClient({ ...options, baseUrl: "http://[::1]:1" });
  });
});

suite("posting a form", () => {
  test("sends it encoded and resolves with any status", async () => {
    const seen: [string | undefined, string | undefined, string][] = [];
    await using it = await setUp(async (request, response) => {
      seen.push([request.method, request.headers["content-type"], await bodyOf(request)]);
      response.writeHead(401).end("no");
    });
    const post = createFormPoster(it.transport, limits);
    const answer = await post(`${it.server.url}/token`, { grant_type: "a b", x: "ü&=" }, forever);
    assert.deepEqual([answer.status, answer.body.toString()], [401, "no"]);
    assert.deepEqual(seen, [["POST", "application/x-www-form-urlencoded", "grant_type=a+b&x=%C3%BC%26%3D"]]);
  });
});
