import type { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import type { Slot } from "../credentials/slot.ts";
import type { ResponseEvent } from "../http/client.ts";
import type { ScimClient } from "../scim/client.ts";
import { discoveryOperation } from "../scim/discovery.ts";
import type { LiveCredentials } from "./credentials.ts";

/** The key in use. When Cursor rejects it, it may have been replaced by one that waits. */
export interface WatchedKey {
  /** The key for the next request; throws `unavailable` while there is none. */
  take(): Secret;
  /** How the request was answered; `undefined` when it was not. */
  answered(status: number | undefined): void;
}

/** Watches how Cursor answers to the key, for requests that go one by one. */
export function watchedKey(credentials: LiveCredentials): WatchedKey {
  let taken: Secret | undefined;
  return {
    take() {
      taken = credentials.cursor.active();
      if (taken !== undefined) return taken;
      throw new StatusError("unavailable", `there is no key for Cursor yet: ${credentials.cursor.problem()}`);
    },
    answered(status) {
      // What becomes of a key that is no longer in use is no news.
      if (taken !== credentials.cursor.active()) return;
      if (status !== undefined && status < 300) credentials.cursor.trusted();
      if (status === 401) reject(credentials.cursor, "Cursor rejected BATON_CURSOR_API_KEY", credentials);
    },
  };
}

/** How a request was answered. */
type Answer = Pick<ResponseEvent, "operation" | "status">;

/** Opens a client of a directory; `onResponse` is told how each request was answered. */
export type OpenScim = (endpoint: string, token: () => Secret, onResponse: (answer: Answer) => void) => ScimClient;

/** What is needed of the credentials to follow the directory. */
type ScimCredentials = Pick<LiveCredentials, "look" | "rotates" | "scim">;

/**
 * Gives the client of the directory in use; throws `unavailable` while there is none. A client stays with its directory: a new
 * token for it counts at once, another directory has a client of its own.
 */
export function scimInUse(credentials: ScimCredentials, open: OpenScim): () => ScimClient {
  const { scim } = credentials;
  let built: { readonly endpoint: string; readonly client: ScimClient; token: Secret } | undefined;
  return () => {
    const access = scim.active();
    if (access === undefined)
      throw new StatusError("unavailable", `there are no SCIM credentials yet: ${scim.problem()}`);
    if (built?.endpoint !== access.endpoint) {
      const { endpoint } = access;
      const token = (): Secret => {
        const now = scim.active();
        // A task that began with this directory must not show it the token of another one.
        if (now?.endpoint === endpoint) own.token = now.token;
        return own.token;
      };
      const onResponse = (answer: Answer): void => {
        // What becomes of a directory that is no longer in use is no news.
        if (scim.active()?.endpoint === endpoint) watchToken(answer, credentials);
      };
      const own = { endpoint, client: open(endpoint, token, onResponse), token: access.token };
      built = own;
    }
    built.token = access.token;
    return built.client;
  };
}

/** As far as it can be told: requests of a moment ago may have had an older token. */
function watchToken({ operation, status }: Answer, credentials: ScimCredentials): void {
  if (operation === discoveryOperation) return;
  if (status !== undefined && status < 300) credentials.scim.trusted();
  if (status === 401) reject(credentials.scim, "the SCIM directory rejected BATON_CURSOR_SCIM_TOKEN", credentials);
}

/** Where no other version can come, a rejection is shown but does not make the connector unready: it was ready with this one. */
function reject(slot: Slot<unknown>, what: string, credentials: Pick<LiveCredentials, "look" | "rotates">): void {
  const fix = credentials.rotates
    ? "put a right one into the Secret"
    : "put a right one where the connector is started, and restart it";
  slot.suspect(new StatusError("unauthenticated", `${what}: ${fix}`), !credentials.rotates);
  if (credentials.rotates) credentials.look();
}
