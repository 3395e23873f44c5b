import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTestClock } from "../../test/helpers/clock.ts";
import { serve } from "../../test/helpers/http-server.ts";
import { createHttpClient, type HttpRequest } from "./client.ts";
import { decodeJson } from "./json.ts";
import { createTransport } from "./transport.ts";
import { createTrust } from "./trust.ts";

const forever = new AbortController().signal;
const create: HttpRequest<unknown> = {
  operation: "create",
  method: "POST",
  path: "/things",
  json: { name: "a" },
  decode: decodeJson,
};

/** A server that accepts only the second credential, and a client whose credential is replaced while `replacedDuring` is answered. */
async function setUp(replacedDuring: number) {
  const seen: string[] = [];
  const statuses: (number | undefined)[] = [];
  let current = "first";
  const server = await serve((request, response) => {
    seen.push(request.headers.authorization ?? "");
    if (seen.length === replacedDuring) current = "second";
    response.statusCode = request.headers.authorization === "second" ? 200 : 401;
    response.setHeader("content-type", "application/json").end("{}");
  });
  const trust = createTrust([]);
  const transport = createTransport({ userAgent: "test", proxy: {}, trust, connectTimeoutMs: 2_000 });
  const client = createHttpClient({
    baseUrl: server.url,
    transport,
    limits: { totalTimeoutMs: 10_000, maxBodyBytes: 1024 },
    clock: createTestClock(),
    authorization: () => current,
    onResponse: ({ status }) => statuses.push(status),
  });
  return {
    client,
    seen,
    statuses,
    async [Symbol.asyncDispose]() {
      transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

suite("a credential that is replaced while a call is under way", () => {
  test("refused with 401, the call is sent once more under the new one, whatever its method", async () => {
    await using s = await setUp(1);
    assert.deepEqual(await s.client.send(create, forever), {});
    assert.deepEqual(
      [s.seen, s.statuses],
      [
        ["first", "second"],
        [401, 200],
      ],
    );
  });

  test("refused without a new one, it is not", async () => {
    await using s = await setUp(Number.POSITIVE_INFINITY);
    await assert.rejects(s.client.send(create, forever), { code: "unauthenticated" });
    assert.deepEqual(s.seen, ["first"]);
  });
});
