import { createPrivateKey, createPublicKey } from "node:crypto";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";

/** A client id of C1, taken apart. */
export interface ClientId {
  /** What stands before the `@`; names the client in the user agent. */
  readonly clientName: string;
  /** `host` or `host:port` of the tenant: where tokens are asked for, and where the gRPC service listens. */
  readonly tokenHost: string;
  /** The complete id as C1 issued it: `iss`, `sub` and `client_id` of the token request. */
  readonly full: string;
}

/** A private Ed25519 key as JWK (RFC 8037 section 2). Holds the secret itself: never print it. */
export interface Ed25519PrivateJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** Public key, 32 bytes in base64url. */
  readonly x: string;
  /** Private key, 32 bytes in base64url. */
  readonly d: string;
  /** Key id; normally absent. */
  readonly kid?: string;
}

/** What a right client id looks like; part of every message about a wrong one. */
export const clientIdHint = "it looks like cosmic-clavicle-26810@acme.conductor.one/ccc";

/** What a right client secret looks like; part of every message about a wrong one. */
export const clientSecretHint = "it starts with secret-token:conductorone.com:v1: and holds an Ed25519 key";

/**
 * Takes `<client name>@<host[:port]>/<suffix>` apart: the name ends at the first `@`, the host at the first `/` after it.
 * White space around it is dropped, because secrets made from files often end in a newline. Throws `invalid_argument`
 * without repeating the text, because a secret pasted into the wrong variable must not reach a log.
 */
export function parseClientId(text: string): ClientId {
  const full = text.trim();
  const match = /^([^@]*)@([^/]*)\/(.*)$/s.exec(full);
  const clientName = match?.[1] ?? "";
  const tokenHost = match?.[2] ?? "";
  // The name goes into a user-agent header and the host into an address: neither bears blanks or control characters.
  if (!/^[\x21-\x7e]+$/.test(full) || clientName === "" || !isHostAndPort(tokenHost)) {
    throw new StatusError("invalid_argument", `invalid client id: ${clientIdHint}`);
  }
  return { clientName, tokenHost, full };
}

/** True for `host` and `host:port`; the host is a name, an IPv4 address or a bracketed IPv6 address. */
export function isHostAndPort(text: string): boolean {
  const match = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return false;
  const port = match[1];
  return (port === undefined || (Number(port) > 0 && Number(port) < 65_536)) && URL.canParse(`https://${text}/`);
}

/**
 * Reads `secret-token:conductorone.com:v1:<base64url of a JWK>`: four parts, the third `v1` (the first two are not
 * looked at, as in baton-sdk), the fourth unpadded base64url of a JSON Web Key that is a private Ed25519 key. White
 * space around it is dropped. Throws `invalid_argument`, never repeating any of the text.
 */
export function parseClientSecret(text: string): Ed25519PrivateJwk {
  const jwk = readJwk(text.trim());
  if (jwk === undefined) throw new StatusError("invalid_argument", `invalid client secret: ${clientSecretHint}`);
  return jwk;
}

/** Puts a client id and a client secret together. Throws `invalid_argument` when the secret is not a right one. */
export function c1Credentials(clientId: ClientId, clientSecret: Secret): C1Credentials {
  const jwk = parseClientSecret(clientSecret.reveal());
  return {
    clientId: clientId.full,
    clientName: clientId.clientName,
    tokenHost: clientId.tokenHost,
    privateKey: createPrivateKey({ key: { ...jwk }, format: "jwk" }),
    keyId: jwk.kid,
  };
}

function readJwk(secret: string): Ed25519PrivateJwk | undefined {
  const [, , version, ...rest] = secret.split(":");
  const json = version === "v1" ? decodeBase64Url(rest.join(":")) : undefined;
  const value = json === undefined ? undefined : parseJson(json);
  if (!isObject(value) || value["kty"] !== "OKP" || value["crv"] !== "Ed25519") return undefined;
  const { x, d, kid } = value;
  if (!isKeyBytes(x) || !isKeyBytes(d)) return undefined;
  if (kid !== undefined && kid !== null && typeof kid !== "string") return undefined;
  const jwk = { kty: "OKP", crv: "Ed25519", x, d } as const;
  if (!isKeyPair(jwk)) return undefined;
  return typeof kid === "string" && kid !== "" ? { ...jwk, kid } : jwk;
}

/** Strict where Node's own decoder is lenient: no padding, no `+` and `/`, no impossible length. */
function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  return Buffer.from(text, "base64url");
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKeyBytes(value: unknown): value is string {
  return typeof value === "string" && decodeBase64Url(value)?.length === 32;
}

/** A public half that does not belong to the private one would make every signature invalid. */
function isKeyPair(jwk: Ed25519PrivateJwk): boolean {
  try {
    const publicJwk = createPublicKey(createPrivateKey({ key: { ...jwk }, format: "jwk" })).export({ format: "jwk" });
    return publicJwk.x !== undefined && Buffer.from(publicJwk.x, "base64url").equals(Buffer.from(jwk.x, "base64url"));
  } catch {
    return false;
  }
}
