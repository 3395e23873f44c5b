import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { grpcCodes, startC1Server } from "../c1-server.ts";
import { createRawClient, type TokenChanges } from "./raw-client.ts";
import { hello } from "./samples.ts";

const now = Math.floor(Date.now() / 1000);
const stranger = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
const nonce = "0123456789abcdef0123456789abcdef";

const wrong: readonly [name: string, changes: TokenChanges, expected: RegExp][] = [
  ["another key's signature", { key: stranger }, /not verifiable/],
  ["an unsigned assertion", { form: { client_assertion: "e30.e30." } }, /not verifiable/],
  ["a typ header", { header: { typ: "JWT" } }, /header has/],
  ["a kid header", { header: { kid: "1" } }, /header has/],
  ["no nonce", { header: { nonce: undefined } }, /header has/],
  ["an upper-case nonce", { header: { nonce: nonce.toUpperCase() } }, /nonce/],
  ["a short nonce", { header: { nonce: "ab" } }, /nonce/],
  ["aud with the port", { claims: { aud: "localhost:443" } }, /aud is/],
  ["aud as a list", { claims: { aud: ["localhost"] } }, /aud is/],
  ["aud as a URL", { claims: { aud: "https://localhost" } }, /aud is/],
  ["another issuer", { claims: { iss: "x@localhost/ccc" } }, /iss is/],
  ["another subject", { claims: { sub: "x@localhost/ccc" } }, /sub is/],
  ["an expired assertion", { claims: { exp: now - 1 } }, /exp is/],
  ["exp beyond 5 minutes", { claims: { exp: now + 330 } }, /exp is/],
  ["exp that is no integer", { claims: { exp: now + 100.5 } }, /exp is/],
  ["exp as text", { claims: { exp: String(now + 100) } }, /exp is/],
  ["exp that is not iat + 120", { claims: { exp: now + 60 } }, /iat ± 120/],
  ["nbf in the future", { claims: { nbf: now + 60 } }, /nbf is/],
  ["iat in milliseconds", { claims: { iat: Date.now() } }, /iat is/],
  ["no iat", { claims: { iat: undefined } }, /claims are/],
  ["a jti", { claims: { jti: "1" } }, /claims are/],
  ["another client id", { form: { client_id: "x@localhost/ccc" } }, /client_id is/],
  ["another grant type", { form: { grant_type: "password" } }, /grant_type is/],
  ["no assertion type", { form: { client_assertion_type: undefined } }, /form fields/],
  ["a scope", { form: { scope: "all" } }, /form fields/],
  ["a doubled field", { body: "client_id=a&client_id=b" }, /form fields/],
  ["a JSON body", { headers: { "content-type": "application/json" } }, /content-type/],
  ["basic authentication", { headers: { authorization: "Basic eDp5" } }, /authorization/],
  ["a DPoP proof", { headers: { dpop: "x" } }, /DPoP/],
  ["no user agent", { headers: { "user-agent": "" } }, /user-agent/],
  ["GET", { method: "GET" }, /method is GET/],
  ["another path", { path: "/auth/v1/token/" }, /path is/],
];

suite("the fake C1's token endpoint", () => {
  test("issues a token for a right assertion, with which an RPC works", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    const { status, body } = await client.requestToken();
    assert.equal(status, 200);
    const answer = JSON.parse(body);
    assert.deepEqual([answer.token_type, answer.expires_in], ["Bearer", 600]);
    client.authorization = `Bearer ${answer.access_token}`;
    await client.call("Hello", hello());
    assert.equal(c1.token.requests[0]?.assertion?.claims["aud"], "localhost");
    assert.equal(c1.calls("Hello")[0]?.code, 0);
    assert.match(c1.calls("Hello")[0]?.userAgent ?? "", /^raw-client grpc-node-js/);
  });

  for (const [name, changes, expected] of wrong) {
    test(`refuses ${name}`, async () => {
      await using c1 = await startC1Server();
      using client = createRawClient(c1);
      assert.equal((await client.requestToken(changes)).status, 401);
      const [violation, ...more] = c1.takeViolations();
      assert.deepEqual(more, []);
      assert.equal(violation?.where, "token");
      assert.match(violation?.message ?? "", expected);
    });
  }

  test("refuses a nonce the second time", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    assert.equal((await client.requestToken({ header: { nonce } })).status, 200);
    assert.equal((await client.requestToken({ header: { nonce } })).status, 401);
    assert.match(c1.takeViolations()[0]?.message ?? "", /was used before/);
  });

  test("knows the audience of a client id on another host", async () => {
    await using c1 = await startC1Server({ clientHost: "acme.conductor.one:8443" });
    using client = createRawClient(c1);
    assert.equal((await client.requestToken()).status, 200);
    assert.equal(c1.token.requests[0]?.assertion?.claims["aud"], "acme.conductor.one");
    assert.equal((await client.requestToken({ claims: { aud: "localhost" } })).status, 401);
    assert.equal(c1.takeViolations().length, 1);
  });

  test("answers as scripted: status, garbage, no lifetime, broken connection", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    c1.token.failNext(503, 2, { "retry-after": "1" });
    c1.token.answerNext("not json");
    c1.token.dropNext();
    c1.token.expiresIn = undefined;
    c1.token.tokenType = undefined;
    assert.equal((await client.requestToken()).status, 503);
    assert.equal((await client.requestToken()).status, 503);
    assert.deepEqual(await client.requestToken(), { status: 200, body: "not json" });
    await assert.rejects(client.requestToken());
    assert.deepEqual(Object.keys(JSON.parse((await client.requestToken()).body)), ["access_token"]);
    assert.deepEqual(
      c1.token.requests.map(({ status }) => status),
      [503, 503, 200, undefined, 200],
    );
    assert.equal(c1.token.maxConcurrent, 1);
  });

  test("counts requests that are open at once", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    c1.token.hangNext(2);
    const hanging = [client.requestToken(), client.requestToken()].map((request) => request.catch(() => undefined));
    await c1.until(() => c1.token.maxConcurrent === 2 && c1.token.requests.length === 2);
    c1.network.dropAll();
    await Promise.all(hanging);
  });
});

suite("the fake C1's tokens", () => {
  test("an RPC without a token is a violation", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
    assert.equal(c1.takeViolations()[0]?.field, "authorization");
  });

  test("an unknown, revoked or expired token is refused without a violation", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    client.authorization = "Bearer made-up";
    await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
    await client.login();
    await client.call("Hello", hello());
    c1.token.revokeAll();
    await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
    c1.token.expiresIn = 0;
    await client.login();
    await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
    assert.equal(c1.calls("Hello")[0]?.request, undefined);
  });

  test("the scheme follows token_type", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    for (const [tokenType, scheme] of [
      ["bearer", "Bearer"],
      ["", "Bearer"],
      ["Custom", "Custom"],
    ] as const) {
      c1.token.tokenType = tokenType;
      await client.login();
      const token = client.authorization?.split(" ")[1];
      client.authorization = `${scheme} ${token}`;
      await client.call("Hello", hello());
      client.authorization = `bearer ${token}`;
      await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
      assert.match(c1.takeViolations()[0]?.message ?? "", /scheme/);
    }
  });
});
