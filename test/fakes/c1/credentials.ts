import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { JWK } from "jose";
import { seedSecret } from "../../helpers/canaries.ts";

/** What C1 keeps of a connector. */
export interface ClientIdentity {
  readonly clientId: string;
  /** The host inside the client id without its port: the audience of an assertion. */
  readonly audience: string;
  readonly publicKey: JWK;
}

/** With what C1 shows only once, when the connector is created. */
export interface Credentials extends ClientIdentity {
  readonly clientSecret: string;
}

/** A fresh client id on `host` (with or without port) and a secret that nobody else has. */
export function createCredentials(host: string): Credentials {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x, d } = privateKey.export({ format: "jwk" });
  const secretJwk = Buffer.from(JSON.stringify({ kty, crv, x, d })).toString("base64url");
  const clientSecret = `secret-token:conductorone.com:v1:${secretJwk}`;
  seedSecret("client secret", clientSecret, { whole: true });
  seedSecret("JWK of the client secret", secretJwk, { whole: true });
  seedSecret("private part of the client secret", d ?? "");
  return {
    clientId: `demo-${randomBytes(4).toString("hex")}@${host}/ccc`,
    clientSecret,
    audience: host.replace(/:\d+$/, ""),
    publicKey: { ...publicKey.export({ format: "jwk" }), alg: "EdDSA" },
  };
}
