import type { Clock, Random } from "../baton/clock.ts";
import type { RetryPolicy } from "../baton/retry.ts";
import type { Secret } from "../baton/secret.ts";
import { createSharedReading } from "../baton/shared-reading.ts";
import { createHttpClient, type ResponseEvent } from "../http/client.ts";
import type { ExchangeLimits } from "../http/exchange.ts";
import type { RateLimiter } from "../http/rate-limiter.ts";
import { createThrottledClient, type RetryEvent } from "../http/throttled-client.ts";
import type { Transport } from "../http/transport.ts";
import { createScimCalls } from "./calls.ts";
import { type ChangeDeps, type Deletion, deleteUser, getUser, setActive } from "./change-user.ts";
import { type Creation, createUser } from "./create-user.ts";
import { readServiceProviderConfig } from "./discovery.ts";
import { createExplain, type SettingNames } from "./errors.ts";
import { createUserLookup, type Lookup } from "./lookup.ts";
import { type Listing, listUsers, type PagingOptions, readPage } from "./paging.ts";
import type { NewScimUser, ScimUser } from "./schema.ts";

/** A SCIM 2.0 directory (RFC 7643, RFC 7644) of any vendor. */
export interface ScimClient {
  /** One list of one user: proves address and token without changing anything. Rejects with what to put right. */
  validate(signal: AbortSignal): Promise<void>;
  /**
   * Every record with this e-mail address, as `UserLookup.find`. `thorough` leaves nothing to the server's filters: for
   * decisions that hang on nobody being there.
   */
  findUsers(email: string, thorough: boolean, signal: AbortSignal): Promise<Lookup>;
  /** What the server does, for an operator who wants to know. Changes nothing. */
  describe(signal: AbortSignal): Promise<DirectoryFacts>;
  /** Every user once, page by page; `listing` says at the end whether all came. Rejects as `listUsers`. */
  users(listing: Listing, signal: AbortSignal): AsyncIterable<readonly ScimUser[]>;
  /** Creates a user, as `createUser`: never a second record, whatever fails. */
  createUser(user: NewScimUser, signal: AbortSignal): Promise<Creation>;
  /** Makes a user active or inactive, as `setActive`. */
  setActive(user: ScimUser, active: boolean, signal: AbortSignal): Promise<"done" | "gone">;
  /** Deletes a user and looks whether it is gone, as `deleteUser`. */
  deleteUser(user: ScimUser, signal: AbortSignal): Promise<Deletion>;
}

/** How a directory answers. */
export interface DirectoryFacts {
  /** As the server says; `undefined` when it does not. */
  readonly totalUsers: number | undefined;
  /** Users that came when a page of `pageSize` was asked for. */
  readonly firstPage: number;
  readonly pageSize: number;
  /** `undefined` when there are too few users to tell. */
  readonly filtersTrusted: boolean | undefined;
  readonly patch: boolean;
  readonly etag: boolean;
}

export interface ScimClientDeps {
  /** The address as the directory shows it, without a trailing slash; `/Users` is appended and nothing else is made up. */
  readonly endpoint: string;
  /** The bearer token, asked for at each attempt. */
  readonly token: () => Secret;
  readonly transport: Transport;
  /** The budget that all calls to this server share. */
  readonly limiter: RateLimiter;
  readonly limits: ExchangeLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly names: SettingNames;
  /** Age up to which a reading of the whole directory is used again, in milliseconds. */
  readonly maxScanAgeMs: number;
  readonly onResponse?: ((event: ResponseEvent) => void) | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

const retryPolicy: RetryPolicy = {
  attempts: 5,
  initialDelayMs: 5_000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 5 * 60_000,
  retryOn: new Set(["unavailable", "deadline_exceeded"]),
};
/** Enough for a million users at the page size that every server grants. */
const pageSize = 100;
const maxPages = 10_000;
const maxUsers = 1_000_000;
/** A server's description hardly ever changes. */
const configAgeMs = 60 * 60_000;

/** Makes a client. Throws `invalid_argument` when the endpoint would send the token unencrypted over a network. */
export function createScimClient(deps: ScimClientDeps): ScimClient {
  const { clock, names, random } = deps;
  const client = createHttpClient({
    baseUrl: deps.endpoint,
    transport: deps.transport,
    limits: deps.limits,
    clock,
    authorization: () => `Bearer ${deps.token().reveal().trim()}`,
    explain: createExplain(names),
    onResponse: deps.onResponse,
  });
  const throttled = createThrottledClient({ ...deps, client, policy: retryPolicy });
  const calls = createScimCalls(throttled, deps.endpoint, names);
  const config = createSharedReading((signal) => readServiceProviderConfig(calls, names, signal), configAgeMs, clock);
  const changes: ChangeDeps = { calls, names, config: (signal) => config.get(configAgeMs, signal) };
  const paging: PagingOptions = {
    calls,
    names,
    pageSize: async (signal) => Math.min(pageSize, (await changes.config(signal)).maxResults ?? pageSize),
    maxPages,
    maxUsers,
  };
  const lookup = createUserLookup({
    ...paging,
    clock,
    maxScanAgeMs: deps.maxScanAgeMs,
    readUser: (id, signal) => getUser(changes, id, signal),
  });
  return {
    async validate(signal) {
      await readPage({ calls, names }, { startIndex: 1, count: 1 }, signal);
    },
    findUsers: (email, thorough, signal) => lookup.find(email, thorough, signal),
    async describe(signal) {
      const { etag, patch } = await changes.config(signal);
      const count = await paging.pageSize(signal);
      const { totalResults, users } = await readPage(paging, { startIndex: 1, count }, signal);
      const filtersTrusted = await lookup.trustsFilters(signal);
      return { totalUsers: totalResults, firstPage: users.length, pageSize: count, filtersTrusted, patch, etag };
    },
    users: (listing, signal) => listUsers(paging, undefined, listing, signal),
    createUser: (user, signal) => createUser({ calls, names, lookup, policy: retryPolicy, random }, user, signal),
    setActive: (user, active, signal) => setActive(changes, user, active, signal),
    deleteUser: (user, signal) => deleteUser(changes, user, signal),
  };
}
