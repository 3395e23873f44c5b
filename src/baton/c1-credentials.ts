import type { KeyObject } from "node:crypto";

/** What proves to C1 who we are: a client id taken apart and the private key out of the client secret. */
export interface C1Credentials {
  /** The complete client id as C1 issued it: `iss`, `sub` and `client_id` of a token request. */
  readonly clientId: string;
  /** What stands before the `@` of the client id; names us in the user agent. */
  readonly clientName: string;
  /** `host` or `host:port` inside the client id: its host is the audience of a token request. */
  readonly tokenHost: string;
  /** Private Ed25519 key. */
  readonly privateKey: KeyObject;
  /** `kid` of the JWK inside the secret; normally absent. */
  readonly keyId: string | undefined;
}
