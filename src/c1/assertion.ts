import { sign } from "node:crypto";
import type { C1Credentials } from "../baton/c1-credentials.ts";

/** Seconds around now in which an assertion holds; C1 accepts an `exp` of up to five minutes ahead. */
const validitySeconds = 120;

/**
 * The signed statement with which we ask for an access token (RFC 7523 section 2.2, EdDSA as in RFC 8037): a compact JWS
 * whose audience is the host of the client id without its port. `nonce` is 16 bytes that were never used before.
 */
export function signAssertion(credentials: C1Credentials, nowMs: number, nonce: Uint8Array): string {
  const now = Math.floor(nowMs / 1000);
  const header = {
    alg: "EdDSA",
    nonce: Buffer.from(nonce).toString("hex"),
    ...(credentials.keyId === undefined ? {} : { kid: credentials.keyId }),
  };
  const claims = {
    iss: credentials.clientId,
    sub: credentials.clientId,
    aud: hostWithoutPort(credentials.tokenHost),
    exp: now + validitySeconds,
    nbf: now - validitySeconds,
    iat: now,
  };
  const signed = `${base64UrlJson(header)}.${base64UrlJson(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), credentials.privateKey).toString("base64url")}`;
}

/** The host of `host`, `host:port` or `[v6]:port`, as Go's `net.SplitHostPort` gives it: brackets go together with a port. */
export function hostWithoutPort(host: string): string {
  return /^\[(.*)\]:\d+$/.exec(host)?.[1] ?? host.replace(/^([^[\]]*):\d+$/, "$1");
}

function base64UrlJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
