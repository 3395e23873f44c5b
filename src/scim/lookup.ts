import type { Clock } from "../baton/clock.ts";
import { emailKey } from "../baton/email-address.ts";
import { createSharedReading } from "../baton/shared-reading.ts";
import { StatusError } from "../baton/status-error.ts";
import { createFilterProof, type FilterForm, filterForms } from "./filter-proof.ts";
import { type Listing, listUsers, type PagingOptions, readPage } from "./paging.ts";
import { answersTo, type ScimUser, type UserPage } from "./schema.ts";

/** Who answers to an e-mail address. */
export interface Lookup {
  /** Each record once; more than one is for a person to sort out. */
  readonly users: readonly ScimUser[];
  /** False when the server's list ended early, so that an empty `users` proves nothing. */
  readonly complete: boolean;
  /** How many users the directory has, where all of it was read. */
  readonly directorySize?: number;
}

export interface LookupDeps extends PagingOptions {
  readonly clock: Clock;
  /** Reads one user; `undefined` when the directory has no such id. */
  readonly readUser: (id: string, signal: AbortSignal) => Promise<ScimUser | undefined>;
  /** Age up to which an earlier reading of the whole directory will do, in milliseconds. */
  readonly maxScanAgeMs: number;
}

export interface UserLookup {
  /**
   * Finds every record with this e-mail address. Filters are asked first, what they give is checked, and where they find
   * nobody the whole directory is read, unless it was proven that they can be trusted. `thorough` asks all filters, so that a
   * second record shows, and reads the directory before it says that there is nobody. Rejects as the calls do: a failure is never an empty result.
   */
  find(email: string, thorough: boolean, signal: AbortSignal): Promise<Lookup>;
  /** Remembers a record that was just made, for servers whose lists lag behind. */
  made(user: ScimUser): void;
}

/** More of our own creations than this are not worth remembering. */
const maxMade = 1_000;

export function createUserLookup(deps: LookupDeps): UserLookup {
  const proof = createFilterProof((filter, signal) => askFilter(filter, signal), deps);
  const scan = createSharedReading((signal) => readDirectory(deps, signal), deps.maxScanAgeMs, deps.clock);
  const made = new Map<string, string>();

  /** The first page is enough for one address. A refusal is no failure: the server has no such filter. */
  async function askFilter(filter: string, signal: AbortSignal): Promise<UserPage | undefined> {
    try {
      return await readPage(deps, { startIndex: 1, count: await deps.pageSize(signal), filter }, signal);
    } catch (reason) {
      const { code } = StatusError.from(reason);
      if (code === "invalid_argument" || code === "unimplemented") return undefined;
      throw reason;
    }
  }

  /** One filter. What it finds is checked: servers ignore filters and send everybody. */
  async function ask(form: FilterForm, email: string, signal: AbortSignal): Promise<readonly ScimUser[]> {
    const page = await askFilter(form.write(email), signal);
    // An address with odd characters may be refused where others are not.
    if (page === undefined && /^[\w.@+-]+$/.test(email)) proof.refused(form.name);
    return page?.users.filter((user) => answersTo(user, emailKey(email))) ?? [];
  }

  async function byFilters(email: string, thorough: boolean, signal: AbortSignal): Promise<readonly ScimUser[]> {
    const found: ScimUser[] = [];
    for (const form of filterForms) {
      const due = form.insteadOf === undefined || proof.isRefused(form.insteadOf);
      if (due && (thorough || found.length === 0)) found.push(...(await ask(form, email, signal)));
    }
    return found;
  }

  async function byScan(email: string, maxAgeMs: number, signal: AbortSignal): Promise<Lookup> {
    const { complete, idsByKey, size } = await scan.get(maxAgeMs, signal);
    const key = emailKey(email);
    const ids = new Set([...(idsByKey.get(key) ?? []), ...(made.has(key) ? [made.get(key) ?? ""] : [])]);
    const users: ScimUser[] = [];
    for (const id of ids) {
      // What was read a while ago may have changed, and a target must be right.
      const user = await deps.readUser(id, signal);
      if (user !== undefined && answersTo(user, key)) users.push(user);
    }
    return { users, complete, directorySize: size };
  }

  return {
    async find(email, thorough, signal) {
      const found = await byFilters(email, thorough, signal);
      const someone = found.length > 0;
      if (someone && (!thorough || (await proof.holds(signal)))) return { users: eachOnce(found), complete: true };
      const mayTrust = !someone && !thorough && !made.has(emailKey(email));
      if (mayTrust && (await proof.holds(signal))) return { users: [], complete: true };
      const scanned = await byScan(email, thorough && !someone ? 0 : deps.maxScanAgeMs, signal);
      return { ...scanned, users: eachOnce([...found, ...scanned.users]) };
    },
    made(user) {
      if (made.size >= maxMade) made.clear();
      for (const email of [user.userName, ...user.emails]) made.set(emailKey(email), user.id);
    },
  };
}

function eachOnce(users: readonly ScimUser[]): readonly ScimUser[] {
  return [...new Map(users.map((user) => [user.id, user])).values()];
}

interface Directory {
  readonly idsByKey: ReadonlyMap<string, readonly string[]>;
  readonly complete: boolean;
  readonly size: number;
}

async function readDirectory(options: PagingOptions, signal: AbortSignal): Promise<Directory> {
  const idsByKey = new Map<string, string[]>();
  const listing: Listing = { complete: true };
  let size = 0;
  for await (const users of listUsers(options, undefined, listing, signal)) {
    size += users.length;
    for (const user of users) {
      for (const key of new Set([user.userName, ...user.emails].map(emailKey))) {
        const ids = idsByKey.get(key);
        if (ids === undefined) idsByKey.set(key, [user.id]);
        else ids.push(user.id);
      }
    }
  }
  return { idsByKey, complete: listing.complete, size };
}
