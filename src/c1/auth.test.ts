import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createTestClock } from "../../test/helpers/clock.ts";
import { openTokenEndpoint, type TokenEndpoint, tokenAnswer } from "../../test/helpers/token-endpoint.ts";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import { StatusError } from "../baton/status-error.ts";
import { hostWithoutPort, signAssertion } from "./assertion.ts";
import { createTokenSource, type TokenSource, type TokenSourceOptions } from "./auth.ts";
import { readTokenResponse } from "./token-response.ts";

// A synthetic key whose seed is the bytes 00..1f.
const privateKey = createPrivateKey({
  format: "jwk",
  key: {
    kty: "OKP",
    crv: "Ed25519",
    x: "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
    d: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
  },
});
const credentials: C1Credentials = {
  clientId: "test-client-12345@acme.example.com/ccc",
  clientName: "test-client-12345",
  tokenHost: "acme.example.com",
  privateKey,
  keyId: undefined,
};
const never = new AbortController().signal;

suite("assertion", () => {
  test("the published test vector", () => {
    const nonce = Buffer.from("00112233445566778899aabbccddeeff", "hex");
    assert.equal(
      signAssertion(credentials, 1_750_000_000_000, nonce),
      "eyJhbGciOiJFZERTQSIsIm5vbmNlIjoiMDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmYifQ.eyJpc3MiOiJ0ZXN0LWNsaWVudC0xMjM0NUBhY21lLmV4YW1wbGUuY29tL2NjYyIsInN1YiI6InRlc3QtY2xpZW50LTEyMzQ1QGFjbWUuZXhhbXBsZS5jb20vY2NjIiwiYXVkIjoiYWNtZS5leGFtcGxlLmNvbSIsImV4cCI6MTc1MDAwMDEyMCwibmJmIjoxNzQ5OTk5ODgwLCJpYXQiOjE3NTAwMDAwMDB9.h8cL8y5F-4nc_gePs1dJbmRZcx-HHywXy71dq89IKtbZ5t8QBAREMvK00PUrw62zk-p8R2qZps3w_-MCf9gvAw",
    );
  });

  test("a key id is named, the audience has no port, and the signature verifies", () => {
    const jws = signAssertion({ ...credentials, tokenHost: "acme.example.com:8443", keyId: "k1" }, 5, Buffer.alloc(16));
    const [header = "", claims = "", signature = ""] = jws.split(".");
    assert.deepEqual(decode(header), { alg: "EdDSA", nonce: "0".repeat(32), kid: "k1" });
    assert.equal(decode(claims)["aud"], "acme.example.com");
    const signed = Buffer.from(`${header}.${claims}`);
    assert.ok(verify(null, signed, createPublicKey(privateKey), Buffer.from(signature, "base64url")));
  });

  test("hosts lose their port and brackets only", () => {
    assert.equal(hostWithoutPort("[::1]:8443"), "::1");
    assert.equal(hostWithoutPort("localhost"), "localhost");
    // Go's SplitHostPort fails without a port, and the SDK then takes the host as it is.
    assert.equal(hostWithoutPort("[::1]"), "[::1]");
  });
});

suite("token source", () => {
  test("A1: asks the host it is told to, with the audience of the client id", async () => {
    await using endpoint = await openTokenEndpoint();
    const { tokens } = source(endpoint);
    assert.equal((await tokens.get(never)).authorization, "Bearer token-1");
    const { path, form } = endpoint.requests[0] ?? assert.fail("no request");
    assert.equal(path, "/auth/v1/token");
    assert.deepEqual([...form.keys()].sort(), ["client_assertion", "client_assertion_type", "client_id", "grant_type"]);
    assert.equal(form.get("client_id"), credentials.clientId);
    assert.equal(form.get("grant_type"), "client_credentials");
    assert.equal(form.get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert.equal(decode(form.get("client_assertion")?.split(".")[1] ?? "")["aud"], "acme.example.com");
  });

  test("A4: 15 s of life are used for 5 s, and concurrent callers share one request", async () => {
    await using endpoint = await openTokenEndpoint();
    endpoint.answer = (number) => tokenAnswer({ access_token: `token-${number}`, expires_in: 15 });
    const { tokens, clock } = source(endpoint);
    const all = await Promise.all([tokens.get(never), tokens.get(never), tokens.get(never)]);
    assert.deepEqual(new Set(all.map((token) => token.authorization)), new Set(["Bearer token-1"]));
    clock.advance(4000);
    assert.equal((await tokens.get(never)).authorization, "Bearer token-1");
    clock.advance(1000);
    assert.equal((await tokens.get(never)).authorization, "Bearer token-2");
    assert.equal(endpoint.requests.length, 2);
    assert.equal(new Set(endpoint.requests.map(({ form }) => nonceOf(form))).size, 2);
  });

  test("A6: only the current token can be dropped", async () => {
    await using endpoint = await openTokenEndpoint();
    const { tokens } = source(endpoint);
    const first = await tokens.get(never);
    tokens.invalidate(first);
    const second = await tokens.get(never);
    tokens.invalidate(first);
    assert.equal(await tokens.get(never), second);
    assert.equal(endpoint.requests.length, 2);
  });

  test("A8: an answer without expires_in does not lead to a request per call", async () => {
    await using endpoint = await openTokenEndpoint();
    endpoint.answer = () => tokenAnswer({ expires_in: undefined });
    const { tokens, clock } = source(endpoint);
    for (let call = 0; call < 5; call += 1) await tokens.get(never);
    assert.equal(endpoint.requests.length, 1);
    clock.advance(30_000);
    await tokens.get(never);
    assert.equal(endpoint.requests.length, 2);
  });

  test("a failure is not remembered", async () => {
    await using endpoint = await openTokenEndpoint();
    endpoint.answer = (number) => (number === 1 ? { status: 503, body: "" } : tokenAnswer());
    const { tokens } = source(endpoint);
    await assert.rejects(tokens.get(never), codeIs("unavailable", true));
    assert.equal((await tokens.get(never)).authorization, "Bearer token-1");
  });

  test("one waiter's abort leaves the request to the others; the last one's abort ends it", async () => {
    await using endpoint = await openTokenEndpoint();
    const gate = Promise.withResolvers<void>();
    endpoint.answer = async () => {
      await gate.promise;
      return tokenAnswer();
    };
    const { tokens, posts } = source(endpoint);
    const one = new AbortController();
    const two = new AbortController();
    const first = tokens.get(one.signal);
    const second = tokens.get(two.signal);
    one.abort(new StatusError("cancelled", "first gave up"));
    await assert.rejects(first, { message: "first gave up" });
    assert.equal(posts[0]?.aborted, false);
    two.abort(new StatusError("cancelled", "second gave up"));
    await assert.rejects(second, { message: "second gave up" });
    assert.equal(posts[0]?.aborted, true);
    gate.resolve();
    assert.equal((await tokens.get(never)).authorization, "Bearer token-1");
  });

  test("an endpoint that never answers is given up, retryably", async () => {
    await using endpoint = await openTokenEndpoint();
    const gate = Promise.withResolvers<void>();
    endpoint.answer = () => gate.promise.then(() => tokenAnswer());
    const { tokens } = source(endpoint, { timeoutMs: 50 });
    await assert.rejects(tokens.get(never), codeIs("deadline_exceeded", true));
    gate.resolve();
  });

  test("A3: whatever kept the request from being answered may pass", async () => {
    await using endpoint = await openTokenEndpoint();
    const postForm = async (): Promise<never> => {
      throw new StatusError("invalid_argument", "there is no host called acme.example.com");
    };
    const { tokens } = source(endpoint, { postForm });
    await assert.rejects(tokens.get(never), codeIs("unavailable", true));
    await assert.rejects(tokens.get(never), { message: "there is no host called acme.example.com" });
  });

  test("a token outlives a wall clock that is set ahead or back", async () => {
    await using endpoint = await openTokenEndpoint();
    const steady = createTestClock({ factor: 1 });
    let offsetMs = 0;
    const clock = { ...steady, nowMs: () => steady.nowMs() + offsetMs };
    const { tokens } = source(endpoint, { clock });
    const first = await tokens.get(never);
    for (const hours of [24, -24, 0]) {
      offsetMs = hours * 3_600_000;
      assert.equal(await tokens.get(never), first);
    }
    // And it does not outlive its own life.
    offsetMs = -24 * 3_600_000;
    steady.advanceMonotonic(600_000);
    assert.notEqual(await tokens.get(never), first);
  });

  test("hooks hear of requests and of the expiry", async () => {
    await using endpoint = await openTokenEndpoint();
    endpoint.answer = (number) => (number === 1 ? { status: 500, body: "" } : tokenAnswer());
    const outcomes: (string | undefined)[] = [];
    const expiries: number[] = [];
    const { tokens, clock } = source(endpoint, {
      onRequest: (error) => outcomes.push(error?.code),
      onTokenExpiry: (ms) => expiries.push(ms),
    });
    await assert.rejects(tokens.get(never));
    await tokens.get(never);
    assert.deepEqual(outcomes, ["unavailable", undefined]);
    assert.ok(Math.abs((expiries[0] ?? 0) - clock.nowMs() - 600_000) < 10_000);
  });
});

suite("what the token endpoint answers", () => {
  for (const [status, code, retryable] of [
    [400, "unauthenticated", false],
    [401, "unauthenticated", false],
    [403, "permission_denied", false],
    [404, "not_found", false],
    [408, "deadline_exceeded", true],
    [429, "unavailable", true],
    [500, "unavailable", true],
    [503, "unavailable", true],
    [302, "unavailable", true],
  ] as const) {
    test(`A2, A3: HTTP ${status} is ${code}`, () => {
      assert.throws(() => read(status, "raw body"), codeIs(code, retryable));
      assert.throws(() => read(status, "raw body"), /^(?!.*raw body)StatusError: acme\.example\.com .*HTTP \d+/s);
    });
  }

  for (const [type, authorization] of [
    ["bearer", "Bearer t"],
    ["BEARER", "Bearer t"],
    ["", "Bearer t"],
    [undefined, "Bearer t"],
    ["mac", "MAC t"],
    ["basic", "Basic t"],
    ["Custom", "Custom t"],
  ] as const) {
    test(`A7: token_type ${JSON.stringify(type)} gives ${authorization}`, () => {
      assert.equal(read(200, json({ access_token: "t", token_type: type })).authorization, authorization);
    });
  }

  for (const [what, body] of [
    ["an empty token", json({ access_token: "" })],
    ["no token", json({ token_type: "bearer" })],
    ["a token that is no text", json({ access_token: 5 })],
    ["a token with a line break", json({ access_token: "a\r\nb" })],
    ["a page", "<html>sign in</html>"],
    ["an array", "[]"],
    ["nothing", ""],
    ["too much", json({ access_token: "t", pad: "x".repeat(70_000) })],
  ] as const) {
    test(`A8: ${what} is an error that may pass`, () => {
      assert.throws(() => read(200, body), codeIs("internal", true));
    });
  }

  test("a life that is no span of time is not believed", () => {
    for (const [expiresIn, lifeMs] of [
      [0.001, 1_000],
      [1e300, 86_400_000],
      ["1e999", 86_400_000],
      [-5, 30_000],
      ["soon", 30_000],
    ] as const)
      assert.equal(read(200, json({ access_token: "t", expires_in: expiresIn })).expiresAtMs - 1000, lifeMs);
  });

  test("every life leaves time to use the token and ends before it expires", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constant(null)), (expiresIn) => {
        const token = read(200, json({ access_token: "t", expires_in: expiresIn }));
        const usableMs = token.refreshAtMs - 1000;
        const lifeMs = token.expiresAtMs - 1000;
        assert.ok(usableMs >= 0 && usableMs <= lifeMs);
        if (lifeMs >= 15_000 && lifeMs < 1e9) assert.ok(Math.abs(lifeMs - usableMs - 10_000) < 1);
      }),
    );
  });
});

function read(status: number, body: string): ReturnType<typeof readTokenResponse> {
  return readTokenResponse({ status, body: Buffer.from(body) }, "acme.example.com", 1000);
}

function json(value: object): string {
  return JSON.stringify(value);
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function nonceOf(form: URLSearchParams): unknown {
  return decode(form.get("client_assertion")?.split(".")[0] ?? "")["nonce"];
}

function codeIs(code: string, retryable: boolean): (error: unknown) => boolean {
  return (error) => error instanceof StatusError && error.code === code && error.retryable === retryable;
}

function source(
  endpoint: TokenEndpoint,
  over: Partial<TokenSourceOptions> = {},
): { tokens: TokenSource; clock: ReturnType<typeof createTestClock>; posts: AbortSignal[] } {
  const clock = createTestClock();
  const posts: AbortSignal[] = [];
  const tokens = createTokenSource({
    credentials,
    host: endpoint.host,
    clock,
    timeoutMs: 5000,
    postForm: (url, form, signal) => {
      posts.push(signal);
      return endpoint.postForm(url, form, signal);
    },
    ...over,
  });
  return { tokens, clock, posts };
}
