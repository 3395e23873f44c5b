import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { Secret } from "../../../src/baton/secret.ts";
import { signAssertion } from "../../../src/c1/assertion.ts";
import { readTokenResponse } from "../../../src/c1/token-response.ts";
import { c1Credentials, parseClientId, parseClientSecret } from "../../../src/config/c1-credentials.ts";
import { clientId, clientSecret } from "../../helpers/config-input.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { assertHidden, attempt } from "../harness/oracle.ts";
import type { FuzzTarget, Mutator } from "../harness/target.ts";
import { readSources } from "../harness/words.ts";

const nowMs = Date.UTC(2026, 10, 24);

const prefix = "secret-token:conductorone.com:v1:";
const jwk = Buffer.from(clientSecret.slice(prefix.length), "base64url").toString();

/** A secret whose key is changed as JSON, then wrapped again. */
const mutateJwk: Mutator = (input, other, random, words) => {
  const [, inner] = /:([\w-]*)\s*$/.exec(Buffer.from(input).toString("latin1")) ?? [];
  if (inner === undefined) return mutateBytes(input, other, random, words);
  const key = mutateJson(Buffer.from(inner, "base64url"), Buffer.from(jwk), random, [...words, ...jwkWords]);
  return Buffer.from(prefix + Buffer.from(key).toString("base64url"));
};
const jwkWords = [
  "kty",
  "crv",
  "x",
  "d",
  "kid",
  "OKP",
  "Ed25519",
  "X25519",
  "RSA",
  "oct",
  "k",
  "use",
  "sig",
  "key_ops",
];

const clientIdTarget: FuzzTarget = {
  name: "client-id",
  covers: ["src/config/c1-credentials.ts"],
  seeds: [clientId, " a@b.example:8443/c\n", "a@[::1]:443/x", "no-at-sign", "a@host", "@/", "a@1.2.3.4/"],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 20_000,
  cpuLimitMs: 500,
  run(input) {
    const text = Buffer.from(input).toString("utf8");
    const { error, value } = attempt(() => parseClientId(text), ["invalid_argument"]);
    if (error !== undefined) {
      assertHidden(text, error.message, readSources(["src/config/c1-credentials.ts"]));
      return "refused";
    }
    assert.equal(value.full, text.trim(), "the id is used as it was issued");
    assert.deepEqual(parseClientId(value.full), value, "reading it again gives the same");
    const [name, rest = ""] = split(value.full, "@");
    assert.deepEqual(
      [value.clientName, value.tokenHost],
      [name, split(rest, "/")[0]],
      "it is cut as the Go SDK cuts it",
    );
    assert.match(value.full, /^[\x21-\x7e]+$/, "it can stand in a header");
    const url = new URL(`https://${value.tokenHost}/auth/v1/token`);
    assert.deepEqual(
      [url.pathname, url.username, url.search],
      ["/auth/v1/token", "", ""],
      "its host is nothing but a host",
    );
    return "accepted";
  },
};

function split(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const clientSecretTarget: FuzzTarget = {
  name: "client-secret",
  covers: ["src/config/c1-credentials.ts", "src/c1/assertion.ts"],
  seeds: [
    clientSecret,
    `${clientSecret}\n`,
    prefix,
    "a:b:v2:e30",
    `${prefix}e30`,
    `a::v1:${clientSecret.slice(prefix.length)}`,
  ],
  mutators: [mutateJwk, mutateJwk, mutateBytes],
  maxBytes: 20_000,
  cpuLimitMs: 500,
  run(input) {
    const text = Buffer.from(input).toString("utf8");
    const { error, value } = attempt(() => parseClientSecret(text), ["invalid_argument"]);
    if (error !== undefined) {
      assertHidden(text, error.message, readSources(["src/config/c1-credentials.ts"]));
      return "refused";
    }
    assert.deepEqual(
      Object.keys(value).filter((key) => key !== "kid"),
      ["kty", "crv", "x", "d"],
    );
    assert.deepEqual([value.kty, value.crv], ["OKP", "Ed25519"]);
    const again = `${prefix}${Buffer.from(JSON.stringify(value)).toString("base64url")}`;
    assert.deepEqual(parseClientSecret(again), value, "writing it and reading it again gives the same");
    checkSignature(text, value.x);
    return "accepted";
  },
};

/** What is accepted must make signatures that its own public half confirms. */
function checkSignature(secret: string, x: string): void {
  const credentials = c1Credentials(parseClientId(clientId), new Secret(secret));
  const [head = "", claims = "", signature = ""] = signAssertion(credentials, nowMs, new Uint8Array(16)).split(".");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  assert.ok(verify(null, Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url")));
  const { aud, exp, iat, nbf } = JSON.parse(Buffer.from(claims, "base64url").toString());
  assert.deepEqual({ aud, exp: exp - iat, nbf: iat - nbf }, { aud: "acme.example.com", exp: 120, nbf: 120 });
}

/** The status in three digits, then the body. */
const tokenTarget: FuzzTarget = {
  name: "token-response",
  covers: ["src/c1/token-response.ts"],
  seeds: [
    '200{"access_token":"opaque-token-0123456789","token_type":"bearer","expires_in":600}',
    '200{"access_token":"t","expires_in":"0x10","token_type":"Custom"}',
    '200{"access_token":"t","expires_in":0}',
    '200{"access_token":"t","expires_in":1e999}',
    "200<html>sign in</html>",
    "200{",
    "401{}",
    "503",
  ],
  mutators: [
    (input, other, random, words) =>
      Buffer.concat([
        Buffer.from(random.chance(0.8) ? "200" : String(200 + random.int(400))),
        mutateJson(input.subarray(3), other.subarray(3), random, words),
      ]),
    mutateBytes,
  ],
  maxBytes: 100_000,
  cpuLimitMs: 500,
  run(input) {
    const status = Number(Buffer.from(input.subarray(0, 3)).toString("latin1").replaceAll(/\D/g, "9"));
    const body = input.subarray(3);
    const codes = [
      "unauthenticated",
      "permission_denied",
      "not_found",
      "deadline_exceeded",
      "unavailable",
      "internal",
    ] as const;
    const { error, value } = attempt(() => readTokenResponse({ status, body }, "acme.example.com", nowMs), codes);
    if (error !== undefined) {
      assertHidden(Buffer.from(body).toString("utf8"), error.message, readSources(["src/c1/token-response.ts"]));
      assert.equal(error.retryable, ![400, 401, 403, 404].includes(status), "only an answer of C1 itself is final");
      return "refused";
    }
    assert.equal(status, 200);
    assert.match(value.authorization, /^[\x20-\x7e]+$/, "it can be sent as a header");
    new Headers({ authorization: value.authorization });
    const lifeMs = value.expiresAtMs - nowMs;
    assert.ok(lifeMs >= 1_000 && lifeMs <= 24 * 3_600_000, `a life of ${lifeMs} ms`);
    const refreshMs = value.refreshAtMs - nowMs;
    assert.ok(refreshMs >= 300 && refreshMs < lifeMs, `asked for anew after ${refreshMs} of ${lifeMs} ms`);
    return "accepted";
  },
};

export const credentialTargets: readonly FuzzTarget[] = [clientIdTarget, clientSecretTarget, tokenTarget];
