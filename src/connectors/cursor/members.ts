import { createHash } from "node:crypto";
import { timeLimit } from "../../baton/clock.ts";
import type { Logger } from "../../baton/logger.ts";
import { StatusError } from "../../baton/status-error.ts";
import type { HttpClient, HttpRequest } from "../../http/client.ts";
import type { HttpResponse } from "../../http/exchange.ts";
import { decodeJson } from "../../http/json.ts";
import { explainNoJson } from "./errors.ts";
import { createPageReader, type MembersPage, type TeamMember } from "./schema.ts";

export interface ReadMembersOptions {
  /** Milliseconds for all pages together, waits for the rate budget and retries included. */
  readonly totalTimeoutMs: number;
  /** More pages than this are an error, never a shortened roster. */
  readonly maxPages: number;
  /** Sees each answer that is a page of the list, as it came, with its size and number; 1 comes again for each reading. */
  readonly onPage?: (answer: unknown, bytes: number, page: number) => void;
}

/** Suits a million members. */
export const defaultReading: ReadMembersOptions = { totalTimeoutMs: 2 * 60 * 60_000, maxPages: 100_000 };

/** Every row that Cursor sent, in its order. */
export interface MemberRows {
  readonly members: TeamMember[];
  readonly droppedRows: number;
}

type PageReader = ReturnType<typeof createPageReader>;

/**
 * Reads the whole member list. The documented answer is one page without a word about others; where it says that there
 * is a next page, those are followed. A list that moved meanwhile, which shows in a row that comes twice, is read again.
 * Rejects as the client does, with `internal` when an answer is not a member list or pages never end, with `unavailable` when
 * the list moves each time, with `deadline_exceeded` after `totalTimeoutMs`, and with the signal's reason on abort.
 */
export async function readMembers(
  api: HttpClient,
  options: ReadMembersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<MemberRows> {
  using deadline = timeLimit(options.totalTimeoutMs);
  try {
    return await readSettled(api, options, log, AbortSignal.any([signal, deadline.signal]));
  } catch (reason) {
    if (signal.aborted || !deadline.signal.aborted) throw StatusError.from(signal.aborted ? signal.reason : reason);
    const minutes = Math.round(options.totalTimeoutMs / 60_000);
    throw new StatusError(
      "deadline_exceeded",
      `reading the team from Cursor took longer than ${minutes} minutes: raise BATON_CURSOR_REQUESTS_PER_MINUTE if your team's limit allows it`,
    );
  }
}

/** Reads the first page only, to prove that the API answers and accepts the key. Rejects as `readMembers` does. */
export async function probeMembers(api: HttpClient, signal: AbortSignal): Promise<void> {
  await api.send(pageRequest(1, undefined, createPageReader()), signal);
}

/** A reading that brought a row of an earlier page again is believed when the next one is the same. */
const maxReadings = 3;

/**
 * Between two pages a row may move to the end of the list: the rows behind it move up, and one of them to a page that has been
 * read. Whoever that is would be missing, and lose access.
 */
async function readSettled(
  api: HttpClient,
  options: ReadMembersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<MemberRows> {
  let before: string | undefined;
  for (let reading = 1; reading <= maxReadings; reading += 1) {
    const { digest, overlaps, ...rows } = await readPages(api, options, log, signal);
    if (!overlaps || digest === before) return rows;
    before = digest;
    log.warn("Cursor's member list has rows on more than one page; it may have changed while it was read", {
      reading,
      rows: rows.members.length,
    });
  }
  throw new StatusError(
    "unavailable",
    `Cursor's member list changed while it was read, ${maxReadings} times in a row; nothing was synced, because somebody may be missing in it: try again`,
  );
}

interface PagedRows extends MemberRows {
  /** Whether a page brought a row of an earlier one; not so where that is what ended the list. */
  readonly overlaps: boolean;
  /** Of all rows in their order, so that two readings need not be kept to be compared; empty for a list of one page. */
  readonly digest: string;
}

async function readPages(
  api: HttpClient,
  { maxPages, onPage }: ReadMembersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<PagedRows> {
  const reader = createPageReader();
  const first = await api.send(pageRequest(1, undefined, reader, onPage), signal);
  if (!first.hasNextPage)
    return { members: first.members, droppedRows: first.droppedRows, overlaps: false, digest: "" };

  const members: TeamMember[] = [];
  const seen = new Set<string>();
  const hash = createHash("sha256");
  let overlaps = false;
  let { droppedRows } = first;
  let page: MembersPage = first;
  for (let number = 1; ; ) {
    const before = seen.size;
    const repeats = page.members.some(({ id }) => seen.has(id));
    // Page by page, because a million rows at once would hold everything else up.
    hash.update(JSON.stringify(page.members));
    for (const member of page.members) {
      seen.add(member.id);
      members.push(member);
    }
    if (page.hasNextPage && seen.size === before) {
      // A server that does not know the parameter sends the same page for ever.
      log.warn("Cursor says that there are more members but sends none that are new; the list is taken as complete", {
        pages: number,
        rows: members.length,
      });
      break;
    }
    overlaps ||= repeats;
    if (!page.hasNextPage) break;
    number += 1;
    if (number > maxPages) throw tooManyPages(maxPages);
    page = await api.send(pageRequest(number, first.pageSize, reader, onPage), signal);
    droppedRows += page.droppedRows;
  }
  return { members, droppedRows, overlaps, digest: hash.digest("hex") };
}

function pageRequest(
  page: number,
  pageSize: number | undefined,
  reader: PageReader,
  onPage?: ReadMembersOptions["onPage"],
): HttpRequest<MembersPage> {
  return {
    operation: "members",
    method: "GET",
    path: "/teams/members",
    // The documented call has no parameters.
    query: page === 1 ? {} : { page, ...(pageSize === undefined ? {} : { pageSize }) },
    decode(response) {
      const answer = parseMembersJson(response);
      const read = reader(answer, page);
      onPage?.(answer, response.body.length, page);
      return read;
    },
  };
}

/** The body as JSON; throws `internal` with a hint where it is something else. */
function parseMembersJson(response: HttpResponse): unknown {
  try {
    return decodeJson(response);
  } catch {
    throw new StatusError("internal", explainNoJson(response));
  }
}

function tooManyPages(maxPages: number): StatusError {
  return new StatusError(
    "internal",
    `Cursor's member list has more than ${maxPages} pages; nothing was synced, because a shortened list would take access away`,
  );
}
