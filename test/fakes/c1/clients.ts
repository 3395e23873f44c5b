import { type ClientIdentity, type Credentials, createCredentials } from "./credentials.ts";

/** What becomes of a client that is revoked: `at once` also takes its tokens and uploads under way. */
export type Revocation = "at once" | "for new tokens";

/** The clients of the one connector that C1 knows. */
export interface Clients {
  /** Makes a client; those that are there already go on. */
  add(host: string): Credentials;
  get(clientId: string): ClientIdentity | undefined;
  /** Throws when there is no such client. */
  revoke(clientId: string, how: Revocation): void;
  revocation(clientId: string): Revocation | undefined;
}

/** Creates a connector without clients. */
export function createClients(): Clients {
  const known = new Map<string, ClientIdentity>();
  const revoked = new Map<string, Revocation>();
  return {
    add(host) {
      const credentials = createCredentials(host);
      known.set(credentials.clientId, credentials);
      return credentials;
    },
    get: (clientId) => known.get(clientId),
    revoke(clientId, how) {
      if (!known.has(clientId)) throw new Error(`there is no client ${clientId}`);
      revoked.set(clientId, how);
    },
    revocation: (clientId) => revoked.get(clientId),
  };
}
