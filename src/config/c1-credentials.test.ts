import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { clientId, clientSecret } from "../../test/helpers/config-input.ts";
import { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import {
  c1Credentials,
  clientIdHint,
  clientSecretHint,
  isHostAndPort,
  parseClientId,
  parseClientSecret,
} from "./c1-credentials.ts";

const prefix = "secret-token:conductorone.com:v1:";
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

const jwk = {
  kty: "OKP",
  crv: "Ed25519",
  x: "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
  d: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
} as const;

/** Rejected with a message that does not depend on the text, so nothing of it can be in there. */
function assertInvalid(parse: () => unknown, message: "invalid client id" | "invalid client secret"): void {
  const hint = message === "invalid client id" ? clientIdHint : clientSecretHint;
  assert.throws(parse, (error) => {
    assert.ok(error instanceof StatusError);
    assert.equal(error.code, "invalid_argument");
    assert.equal(error.message, `${message}: ${hint}`);
    assert.equal(error.cause, undefined);
    return true;
  });
}

suite("client id", () => {
  test("is name, tenant host and the whole", () => {
    assert.deepEqual(parseClientId("cosmic-clavicle-26810@acme.conductor.one/ccc"), {
      clientName: "cosmic-clavicle-26810",
      tokenHost: "acme.conductor.one",
      full: "cosmic-clavicle-26810@acme.conductor.one/ccc",
    });
  });

  test("the host keeps its port and ends at the first slash; the suffix may hold anything, even nothing", () => {
    assert.equal(parseClientId("a@h.example:8443/x/y@z").tokenHost, "h.example:8443");
    assert.equal(parseClientId("a@h.example/").tokenHost, "h.example");
    assert.equal(parseClientId("a@[::1]:9/x").tokenHost, "[::1]:9");
  });

  test("white space around it is dropped", () => {
    assert.equal(parseClientId(`  ${clientId}\r\n`).full, clientId);
  });

  for (const [why, text] of [
    ["no @", "acme.conductor.one/ccc"],
    ["no slash", "client@acme.conductor.one"],
    ["slash only before the @", "a/b@acme.conductor.one"],
    ["empty name", "@acme.conductor.one/ccc"],
    ["empty host", "client@/ccc"],
    ["second @ in the host", "a@b@acme.conductor.one/ccc"],
    ["blank inside", "client@acme.conductor.one/cc c"],
    ["line break inside", "cli\nent@acme.conductor.one/ccc"],
    ["port out of range", "client@acme.conductor.one:70000/ccc"],
    ["a query in the host", "client@acme.conductor.one?x=1/ccc"],
    ["not ASCII", "clïent@acme.conductor.one/ccc"],
    ["empty", ""],
  ] as const) {
    test(`${why}: invalid`, () => assertInvalid(() => parseClientId(text), "invalid client id"));
  }

  test("any name, host, port and suffix come back as they went in", () => {
    const word = fc.stringMatching(/^[!-?A-~]{1,20}$/);
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
    const host = fc.tuple(label, label, fc.option(fc.integer({ min: 1, max: 65_535 }))).map(([a, b, port]) => {
      return `${a}.${b}${port === null ? "" : `:${port}`}`;
    });
    fc.assert(
      fc.property(word, host, fc.stringMatching(/^[!-~]{0,20}$/), (name, tokenHost, suffix) => {
        const full = `${name}@${tokenHost}/${suffix}`;
        assert.deepEqual(parseClientId(`\n${full} `), { clientName: name, tokenHost, full });
      }),
    );
  });

  test("any text is either taken apart without loss or rejected without being repeated", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          const { clientName, tokenHost, full } = parseClientId(text);
          assert.ok(full.startsWith(`${clientName}@${tokenHost}/`));
          assert.ok(isHostAndPort(tokenHost));
        } catch {
          assertInvalid(() => parseClientId(text), "invalid client id");
        }
      }),
    );
  });
});

suite("client secret", () => {
  test("gives the key inside", () => {
    assert.deepEqual(parseClientSecret(clientSecret), jwk);
    assert.deepEqual(parseClientSecret(` ${clientSecret}\n`), jwk);
  });

  test("keeps a key id, drops an empty one and what else the key carries", () => {
    assert.deepEqual(parseClientSecret(prefix + encode({ ...jwk, kid: "k1", use: "sig" })), { ...jwk, kid: "k1" });
    assert.deepEqual(parseClientSecret(prefix + encode({ ...jwk, kid: "" })), jwk);
  });

  test("does not look at the first two parts, as baton-sdk does not", () => {
    assert.deepEqual(parseClientSecret(`x:y:v1:${encode(jwk)}`), jwk);
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ format: "jwk" });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const x25519 = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const { d: _private, ...publicJwk } = jwk;
  const padded = Buffer.from(`${JSON.stringify(jwk)} `).toString("base64");
  for (const [why, text] of [
    ["three parts", "secret-token:conductorone.com:v1"],
    ["version 2", clientSecret.replace(":v1:", ":v2:")],
    ["version V1", clientSecret.replace(":v1:", ":V1:")],
    ["a fifth part", `${clientSecret}:x`],
    ["padded base64", prefix + padded.padEnd(Math.ceil(padded.length / 4) * 4 + 4, "=")],
    ["standard base64", `${prefix}+/+/`],
    [
      "impossible length",
      `${prefix}${encode(jwk)}A`.replace(/.$/, (last) => (encode(jwk).length % 4 === 0 ? last : "AAA")),
    ],
    ["line break inside", `${clientSecret.slice(0, 80)}\n${clientSecret.slice(80)}`],
    ["no JSON", `${prefix}${Buffer.from("hello").toString("base64url")}`],
    ["an array", prefix + encode([jwk])],
    ["null", prefix + encode(null)],
    ["bytes that are no UTF-8", `${prefix}${Buffer.from([0xff, 0xfe]).toString("base64url")}`],
    ["a public key", prefix + encode(publicJwk)],
    ["an RSA key", prefix + encode(rsa)],
    ["an EC key", prefix + encode(ec)],
    ["an X25519 key", prefix + encode(x25519)],
    ["a symmetric key", prefix + encode({ kty: "oct", k: "AAAA" })],
    ["a short private half", prefix + encode({ ...jwk, d: "AAAA" })],
    ["a padded private half", prefix + encode({ ...jwk, d: `${jwk.d}=` })],
    ["halves that do not belong together", prefix + encode({ ...jwk, x: jwk.d })],
    ["a key id that is no text", prefix + encode({ ...jwk, kid: 1 })],
    ["empty", ""],
  ] as const) {
    test(`${why}: invalid`, () => assertInvalid(() => parseClientSecret(text), "invalid client secret"));
  }

  test("any Ed25519 key comes back as it went in", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
        const { x } = createPublicKey({ key: der, format: "der", type: "pkcs8" } as never).export({ format: "jwk" });
        const key = { kty: "OKP", crv: "Ed25519", x, d: Buffer.from(seed).toString("base64url") };
        assert.deepEqual(parseClientSecret(prefix + encode(key)), key);
      }),
      { numRuns: 30 },
    );
  });

  test("any text or damaged secret is rejected with one message, without being repeated", () => {
    const damaged = fc
      .tuple(fc.nat(clientSecret.length - 1), fc.constantFrom(" ", "=", "+", "/", ".", "ü", "\0"))
      .map(([at, bad]) => clientSecret.slice(0, Math.max(at, prefix.length)) + bad + clientSecret.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), damaged), (text) => {
        fc.pre(text.trim() !== clientSecret);
        assertInvalid(() => parseClientSecret(text), "invalid client secret");
      }),
    );
  });
});

suite("credentials", () => {
  test("hold a key that signs, and print without it", () => {
    const credentials = c1Credentials(parseClientId(clientId), new Secret(clientSecret));
    assert.equal(credentials.clientId, clientId);
    assert.equal(credentials.tokenHost, "acme.example.com");
    assert.equal(credentials.keyId, undefined);
    assert.equal(credentials.privateKey.asymmetricKeyType, "ed25519");
    assert.ok(!inspect(credentials, { depth: 9 }).includes(jwk.d));
  });
});
