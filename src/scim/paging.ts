import { StatusError } from "../baton/status-error.ts";
import type { HttpResponse } from "../http/exchange.ts";
import { readJson, type ScimCalls } from "./calls.ts";
import { type SettingNames, wrongEndpoint } from "./errors.ts";
import { readUserPage, type ScimUser, type UserPage } from "./schema.ts";

export interface PagingOptions {
  readonly calls: ScimCalls;
  readonly names: SettingNames;
  /** How many users to ask for at a time. */
  readonly pageSize: (signal: AbortSignal) => Promise<number>;
  /** More pages or users than this are an error, never a shortened list. */
  readonly maxPages: number;
  readonly maxUsers: number;
}

/** What was noticed while pages were read. */
export interface Listing {
  /** False when fewer users came than the server ever said there are, or when it said nothing and would not turn the page. */
  complete: boolean;
}

/**
 * Reads a list page by page (RFC 7644 section 3.4.2.4), each user once. Servers cap pages, ignore `count`, begin again past
 * the end and miscount the total, so the list goes on after what was received and ends with a page that brings nobody new.
 * `listing` is filled in at the end. Rejects as the calls do, and with `resource_exhausted` beyond the caps.
 */
export async function* listUsers(
  options: PagingOptions,
  filter: string | undefined,
  listing: Listing,
  signal: AbortSignal,
): AsyncGenerator<readonly ScimUser[]> {
  const seen = new Set<string>();
  const count = await options.pageSize(signal);
  let received = 0;
  let most = 0;
  for (let pages = 1; ; pages += 1) {
    if (pages > options.maxPages || seen.size > options.maxUsers) throw tooMany(options);
    const query = { startIndex: received + 1, count, filter };
    const page =
      received >= Math.max(1, most)
        ? await readPastTotal(options, query, signal)
        : await readPage(options, query, signal);
    // Some list a user twice, even on one page.
    const fresh = page.users.filter(({ id }) => seen.size < seen.add(id).size);
    received += page.users.length;
    // The total shrinks when somebody is deleted meanwhile; then another user has moved up to a page that was read before.
    most = Math.max(most, page.totalResults ?? 0);
    if (fresh.length > 0) yield fresh;
    if (fresh.length === 0 || isLast(page, received, count)) {
      listing.complete = seen.size >= most && (most > 0 || page.users.length === 0);
      return;
    }
  }
}

/**
 * Some servers put the length of the page in place of the total, and cap pages below what was asked for: a page that equals
 * its total is no end yet. Those that ignore `count` send everything at once, which is one.
 */
function isLast({ totalResults, users }: UserPage, received: number, pageSize: number): boolean {
  if (totalResults === undefined || totalResults === 0) return false;
  const mayBePageLength = totalResults === users.length && users.length <= pageSize;
  return received >= totalResults && !mayBePageLength;
}

/** A page beyond the total that the server said, which may be none: some refuse it where others send an empty one. */
async function readPastTotal(options: PagingOptions, query: PageQuery, signal: AbortSignal): Promise<UserPage> {
  return (await askPage(options, query, signal, [400, 416, 422])) ?? { totalResults: undefined, users: [] };
}

interface PageQuery {
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
  readonly filter?: string | undefined;
}

/** Reads one page; both paging parameters are always sent, since some servers list nothing without them. */
export async function readPage(
  options: Pick<PagingOptions, "calls" | "names">,
  query: PageQuery,
  signal: AbortSignal,
): Promise<UserPage> {
  return options.calls.send(pageCall(options, query), signal);
}

/** A filter that the server does not have, or of which it finds too many. */
const refusalsOfFilter = [400, 501];

/** The same; `undefined` when the server refuses with one of these statuses, which is no failure then. */
export async function askPage(
  options: Pick<PagingOptions, "calls" | "names">,
  query: PageQuery,
  signal: AbortSignal,
  refused: readonly number[] = refusalsOfFilter,
): Promise<UserPage | undefined> {
  const call = pageCall(options, query);
  return options.calls.send<UserPage | undefined>(
    {
      ...call,
      expect: [...call.expect, ...refused],
      decode: (response) => (refused.includes(response.status) ? undefined : call.decode(response)),
    },
    signal,
  );
}

function pageCall({ names }: Pick<PagingOptions, "calls" | "names">, { count, filter, startIndex }: PageQuery) {
  return {
    operation: "list_users",
    method: "GET",
    path: "/Users",
    query: { ...(filter === undefined ? {} : { filter }), startIndex, count },
    expect: [404],
    decode(response: HttpResponse): UserPage {
      if (response.status === 404) throw wrongEndpoint(response, names);
      return readUserPage(readJson(response, names));
    },
  } as const;
}

function tooMany({ maxPages, maxUsers, names }: PagingOptions): StatusError {
  return new StatusError(
    "resource_exhausted",
    `the SCIM server's list of users has more than ${maxPages} pages or ${maxUsers} users, or no end; nothing was changed: check ${names.endpoint}`,
  );
}
