import type { Clock } from "../baton/clock.ts";
import { emailKey } from "../baton/email-address.ts";
import { createSharedReading } from "../baton/shared-reading.ts";
import { createFilterProof, type FormName, filterForms } from "./filter-proof.ts";
import { askPage, type Listing, listUsers, type PagingOptions } from "./paging.ts";
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
  /** Whether filters that find nobody are believed; `undefined` when the directory has too few users to try it out. */
  trustsFilters(signal: AbortSignal): Promise<boolean | undefined>;
  /** Remembers a record that was just made, for servers whose lists lag behind. */
  made(user: ScimUser): void;
}

/** More of our own creations than this are not worth remembering. */
const maxMade = 1_000;

export function createUserLookup(deps: LookupDeps): UserLookup {
  const proof = createFilterProof((filter, signal) => askFilter(filter, signal), deps);
  const scan = createSharedReading((signal) => readDirectory(deps, signal), deps.maxScanAgeMs, deps.clock);
  const made = new Map<string, string>();

  /** The first page is enough for one address. */
  async function askFilter(filter: string, signal: AbortSignal): Promise<UserPage | undefined> {
    return askPage(deps, { startIndex: 1, count: await deps.pageSize(signal), filter }, signal);
  }

  /** Asks one filter after the other. What they find is checked: servers ignore filters and send everybody. */
  async function byFilters(email: string, thorough: boolean, signal: AbortSignal): Promise<Filtered> {
    const key = emailKey(email);
    const users: ScimUser[] = [];
    const answered = new Set<FormName>();
    for (const { name, insteadOf, write } of filterForms) {
      if (users.length > 0 && !thorough) break;
      if (insteadOf !== undefined && answered.has(insteadOf)) continue;
      const page = await askFilter(write(email), signal);
      if (page === undefined) continue;
      answered.add(name);
      users.push(...page.users.filter((user) => answersTo(user, key)));
    }
    const byEmails = answered.has("emails") || answered.has("emails-value-path");
    return { users, answered: answered.has("userName") && byEmails };
  }

  async function byScan(email: string, maxAgeMs: number, signal: AbortSignal): Promise<Lookup> {
    const { complete, idsByKey, size } = await scan.get(maxAgeMs, signal);
    const key = emailKey(email);
    const listed = idsByKey.get(key) ?? [];
    const users = await readAll(new Set([...listed, ...[made.get(key)].filter((id) => id !== undefined)]), signal);
    const unread = listed.some((id) => !users.has(id));
    // Listed in an earlier reading, and gone since: a new one says so.
    if (unread && maxAgeMs > 0) return byScan(email, 0, signal);
    const found = [...users.values()].filter((user) => answersTo(user, key));
    // Listed just now, but not to be read: behind an id that the server does not understand, perhaps.
    return { users: found, complete: complete && !unread, directorySize: size };
  }

  /** What was read a while ago may have changed, and a target must be right. */
  async function readAll(ids: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, ScimUser>> {
    const users = new Map<string, ScimUser>();
    for (const id of ids) {
      const user = await deps.readUser(id, signal);
      if (user !== undefined) users.set(id, user);
    }
    return users;
  }

  return {
    async find(email, thorough, signal) {
      const { answered, users } = await byFilters(email, thorough, signal);
      const someone = users.length > 0;
      if (someone && !thorough) return { users: eachOnce(users), complete: true };
      const enough = someone || (!thorough && !made.has(emailKey(email)));
      // The proof was of plain letters, and of an address whose filters were not refused.
      if (enough && answered && isAscii(email) && (await proof.holds(signal)))
        return { users: eachOnce(users), complete: true };
      const scanned = await byScan(email, thorough && !someone ? 0 : deps.maxScanAgeMs, signal);
      return { ...scanned, users: eachOnce([...users, ...scanned.users]) };
    },
    trustsFilters: (signal) => proof.verdict(signal),
    made(user) {
      if (made.size >= maxMade) made.clear();
      for (const email of [user.userName, ...user.emails]) made.set(emailKey(email), user.id);
    },
  };
}

interface Filtered {
  readonly users: readonly ScimUser[];
  /** Whether names and addresses were both looked through; not so where a filter was refused. */
  readonly answered: boolean;
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
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
