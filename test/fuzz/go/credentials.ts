import { createPrivateKey, createPublicKey } from "node:crypto";
import { Secret } from "../../../src/baton/secret.ts";
import { StatusError } from "../../../src/baton/status-error.ts";
import { signAssertion } from "../../../src/c1/assertion.ts";
import { c1Credentials, parseClientId, parseClientSecret } from "../../../src/config/c1-credentials.ts";
import { clientId, clientSecret } from "../../helpers/config-input.ts";
import { mutateBytes } from "../harness/mutate-bytes.ts";
import { createRandom } from "../harness/random.ts";

const prefix = "secret-token:conductorone.com:v1:";
const jwk: Readonly<Record<string, string>> = JSON.parse(
  Buffer.from(clientSecret.slice(prefix.length), "base64url").toString(),
);
/** The public half of another key. */
const otherX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/** A client id and secret as an operator may give them. */
export interface Pair {
  readonly clientId: string;
  readonly clientSecret: string;
}

const names = ["a", "cosmic-clavicle-26810", "", "a b", "ä", "a:b", "a/b"];
const hosts = [
  "acme.conductor.one",
  "h",
  "h:8443",
  "127.0.0.1:1",
  "[::1]:443",
  "[::1]",
  "::1",
  "",
  "h:",
  "h:0",
  "h:65536",
  "h:x",
  "-h",
  "h?x",
  "h#x",
  "u@h",
  "ä.example",
  "h\\x",
  "h.",
  "%68",
];
const ends = ["/ccc", "/", "", "/a/b", "/ü", "/x y", "?", "/\n"];

/** Ids put together of right and odd parts, and right ones with random damage. */
export function makeClientIds(count: number): string[] {
  const random = createRandom(7);
  const made = names.flatMap((name) => hosts.flatMap((host) => ends.map((end) => `${name}@${host}${end}`)));
  const damaged = Array.from({ length: count }, () =>
    Buffer.from(mutateBytes(Buffer.from(clientId), Buffer.from("a@b/c"), random, [])).toString(),
  );
  return [...made, clientId, "no-at", "a/b@c/d", ` ${clientId}\n`, ...damaged];
}

const keys: readonly (readonly [string, string])[] = [
  ["a right key", JSON.stringify(jwk)],
  ["with a key id", JSON.stringify({ ...jwk, kid: "k1" })],
  ["with an empty key id", JSON.stringify({ ...jwk, kid: "" })],
  ["with a key id that is null", JSON.stringify({ ...jwk, kid: null })],
  ["with a key id that is a number", JSON.stringify({ ...jwk, kid: 1 })],
  ["in another order", JSON.stringify({ d: jwk["d"], x: jwk["x"], crv: "Ed25519", kty: "OKP" })],
  [
    "with other members",
    JSON.stringify({ ...jwk, use: "sig", alg: "EdDSA", key_ops: ["sign"], ext: true, foo: { bar: [1] } }),
  ],
  ["with an alg that is a number", JSON.stringify({ ...jwk, alg: 1 })],
  ["with a bad certificate", JSON.stringify({ ...jwk, x5c: ["no certificate"] })],
  ["the public half", JSON.stringify({ ...jwk, d: undefined })],
  ["no public half", JSON.stringify({ ...jwk, x: undefined })],
  ["a public half that is another's", JSON.stringify({ ...jwk, x: otherX })],
  ["a short key", JSON.stringify({ ...jwk, d: jwk["d"]?.slice(0, -2) })],
  ["a long key", JSON.stringify({ ...jwk, d: `${jwk["d"]}AA` })],
  ["a padded member", JSON.stringify({ ...jwk, d: `${jwk["d"]}=` })],
  ["a member with a line break", JSON.stringify({ ...jwk, d: `${jwk["d"]}\n` })],
  ["members in capitals", JSON.stringify(jwk).toUpperCase()],
  ["another curve", JSON.stringify({ ...jwk, crv: "X25519" })],
  ["another type", JSON.stringify({ ...jwk, kty: "EC", crv: "P-256", y: jwk["x"] })],
  ["a symmetric key", '{"kty":"oct","k":"AAAA"}'],
  ["an RSA key", '{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}'],
  ["a type in another case", JSON.stringify({ ...jwk, kty: "okp" })],
  ["a member twice", `{"kty":"EC",${JSON.stringify(jwk).slice(1)}`],
  ["white space around it", ` \n${JSON.stringify(jwk, null, 2)}\n`],
  ["a byte order mark before it", `\uFEFF${JSON.stringify(jwk)}`],
  ["something behind it", `${JSON.stringify(jwk)}x`],
  ["an array", `[${JSON.stringify(jwk)}]`],
  ["null", "null"],
  ["nothing", ""],
  ["no JSON", "kty"],
];

/** Secrets that are odd in one way each; then right ones with random damage. */
export function makeClientSecrets(count: number): string[] {
  const random = createRandom(11);
  const right = clientSecret.slice(prefix.length);
  const wrapped = keys.map(([, json]) => prefix + Buffer.from(json).toString("base64url"));
  const damaged = Array.from({ length: count }, () => {
    const json = Buffer.from(
      mutateBytes(Buffer.from(JSON.stringify(jwk)), Buffer.from('{"kid":"a"}'), random, [
        "OKP",
        '"kid":"x",',
        "Ed25519",
      ]),
    );
    return prefix + json.toString("base64url");
  });
  return [
    ...wrapped,
    `a:b:v1:${right}`,
    `::v1:${right}`,
    `secret-token:conductorone.com:v2:${right}`,
    `v1:${right}`,
    `${prefix}${right}:`,
    `${prefix}${right}=`,
    ` ${clientSecret}\n`,
    `${clientSecret.slice(0, 90)}\n${clientSecret.slice(90)}`,
    `${clientSecret.slice(0, 90)} ${clientSecret.slice(90)}`,
    prefix +
      Buffer.from(`${JSON.stringify(jwk)}???>>>`)
        .toString("base64")
        .replaceAll("=", ""),
    ...damaged,
  ];
}

/** Why Go's and our reading of an id may differ; `undefined` where they must not. README.md has the reasons. */
export function whyIdsDiffer(id: string, accepted: boolean): string | undefined {
  if (accepted) return undefined;
  const [, name = "", host = ""] = /^([^@]*)@([^/]*)\//s.exec(id.trim()) ?? [];
  if (!/^[\x21-\x7e]*$/.test(id.trim())) return "characters that no header may hold";
  if (name === "" || host === "") return "no name or no host";
  const [, port] = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(\d+))?$/i.exec(host) ?? ["", "none"];
  if (port === "none" || !URL.canParse(`https://${host}/`)) return "a host that is none";
  return port !== undefined && (Number(port) < 1 || Number(port) > 65_535) ? "a port that is none" : undefined;
}

/** The same for secrets. */
export function whySecretsDiffer(secret: string, accepted: boolean): string | undefined {
  const encoded = secret.trim().split(":").slice(3).join(":");
  const bytes = Buffer.from(encoded, "base64url");
  const json = bytes.toString("utf8");
  if (!accepted) {
    if (/[\r\n]/.test(encoded) || /\\[rn]/.test(json)) return "line breaks inside the base64";
    if (!Buffer.from(json).equals(bytes)) return "a key that is not UTF-8";
    return isKeyPair(Object(parseJson(json))) ? undefined : "x and d are not the halves of one key";
  }
  if (secret.trim() !== secret) return "white space around it";
  if (json.startsWith("\uFEFF")) return "a byte order mark before the key";
  const members = [...json.matchAll(/"(\w+)":/g)].map(([, member]) => member);
  if (new Set(members).size < members.length) return "a member that comes twice";
  return members.some((member) => !["kty", "crv", "x", "d", "kid"].includes(member ?? ""))
    ? "members that we do not look at"
    : undefined;
}

/** RFC 8410: a private Ed25519 key in PKCS #8 is this and its 32 bytes. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

function isKeyPair({ d, x }: { readonly d?: unknown; readonly x?: unknown }): boolean {
  const privateBytes = Buffer.from(String(d), "base64url");
  if (privateBytes.length !== 32) return false;
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, privateBytes]), format: "der", type: "pkcs8" });
  return createPublicKey(key)
    .export({ format: "der", type: "spki" })
    .subarray(-32)
    .equals(Buffer.from(String(x), "base64url"));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What our code makes of a pair; `undefined` when it refuses it. */
export function readPair({ clientId: id, clientSecret: secret }: Pair, nowMs: number) {
  try {
    const parsed = parseClientId(id);
    const { kid } = parseClientSecret(secret);
    const assertion = signAssertion(c1Credentials(parsed, new Secret(secret)), nowMs, new Uint8Array(16));
    return { name: parsed.clientName, host: parsed.tokenHost, kid, assertion };
  } catch (reason) {
    if (reason instanceof StatusError) return undefined;
    throw reason;
  }
}
