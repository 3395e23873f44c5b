import { compactVerify, importJWK } from "jose";
import type { ClientIdentity } from "./credentials.ts";

/** The assertion is wrong; the message says how. */
export class AssertionFault extends Error {
  override readonly name = "AssertionFault";
}

export interface Assertion {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const claimNames = ["aud", "exp", "iat", "iss", "nbf", "sub"];
const lifetimeSeconds = 300;
const skewSeconds = 180;

/** Checks signature, header and claims of a client assertion; `usedNonces` grows by the nonce. Throws `AssertionFault`. */
export async function verifyAssertion(
  jws: string,
  credentials: ClientIdentity,
  usedNonces: Set<string>,
  nowSeconds: number,
): Promise<Assertion> {
  const verified = await verifySignature(jws, credentials);
  checkHeader(verified.header, usedNonces);
  checkClaims(verified.claims, credentials, nowSeconds);
  return verified;
}

async function verifySignature(jws: string, credentials: ClientIdentity): Promise<Assertion> {
  const key = await importJWK(credentials.publicKey, "EdDSA");
  try {
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ["EdDSA"] });
    const claims: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    if (!isRecord(claims)) throw new AssertionFault("the payload is no object");
    return { header: { ...protectedHeader }, claims };
  } catch (reason) {
    throw reason instanceof AssertionFault ? reason : new AssertionFault(`not verifiable: ${String(reason)}`);
  }
}

function checkHeader(header: Assertion["header"], usedNonces: Set<string>): void {
  demand(sameNames(header, ["alg", "nonce"]), `header has ${Object.keys(header)}, not alg and nonce`);
  const { nonce } = header;
  if (typeof nonce !== "string" || !/^[0-9a-f]{32}$/.test(nonce)) {
    throw new AssertionFault(`nonce ${String(nonce)} is not 32 lower-case hex digits`);
  }
  demand(!usedNonces.has(nonce), `nonce ${nonce} was used before`);
  usedNonces.add(nonce);
}

function checkClaims(claims: Assertion["claims"], credentials: ClientIdentity, now: number): void {
  demand(sameNames(claims, claimNames), `claims are ${Object.keys(claims).sort()}, not ${claimNames}`);
  demand(claims["iss"] === credentials.clientId, `iss is ${String(claims["iss"])}, not the client id`);
  demand(claims["sub"] === credentials.clientId, `sub is ${String(claims["sub"])}, not the client id`);
  demand(
    claims["aud"] === credentials.audience,
    `aud is ${JSON.stringify(claims["aud"])}, not "${credentials.audience}"`,
  );
  const exp = seconds(claims, "exp");
  const iat = seconds(claims, "iat");
  const nbf = seconds(claims, "nbf");
  demand(exp > now && exp <= now + lifetimeSeconds, `exp is ${exp - now} s from now, not within 5 minutes`);
  demand(Math.abs(iat - now) <= skewSeconds, `iat is ${iat - now} s from now`);
  demand(nbf <= now && nbf >= now - lifetimeSeconds, `nbf is ${nbf - now} s from now`);
  demand(exp - iat === 120 && iat - nbf === 120, `exp and nbf are not iat ± 120 s but ${exp - iat} and ${nbf - iat}`);
}

function seconds(claims: Assertion["claims"], name: string): number {
  const value = claims[name];
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new AssertionFault(`${name} is ${JSON.stringify(value)}, not a whole number of seconds`);
  }
  return value;
}

function sameNames(record: Assertion["header"], names: readonly string[]): boolean {
  return Object.keys(record).sort().join() === names.join();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new AssertionFault(message);
}
