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
  /** Sees each answer that is a page of the list, as it came, with its size. */
  readonly onPage?: (answer: unknown, bytes: number) => void;
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
 * is a next page, those are followed. Rejects as the client does, with `internal` when an answer is not a member list or
 * pages never end, with `deadline_exceeded` after `totalTimeoutMs`, and with the signal's reason on abort.
 */
export async function readMembers(
  api: HttpClient,
  options: ReadMembersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<MemberRows> {
  using deadline = timeLimit(options.totalTimeoutMs);
  try {
    return await readPages(api, options, log, AbortSignal.any([signal, deadline.signal]));
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

async function readPages(
  api: HttpClient,
  { maxPages, onPage }: ReadMembersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<MemberRows> {
  const reader = createPageReader();
  const first = await api.send(pageRequest(1, undefined, reader, onPage), signal);
  if (!first.hasNextPage) return { members: first.members, droppedRows: first.droppedRows };

  const members: TeamMember[] = [];
  const seen = new Set<string>();
  let { droppedRows } = first;
  let page: MembersPage = first;
  for (let number = 1; ; ) {
    const before = seen.size;
    for (const member of page.members) {
      seen.add(member.id);
      members.push(member);
    }
    if (!page.hasNextPage) break;
    if (seen.size === before) {
      // A server that does not know the parameter sends the same page for ever.
      log.warn("Cursor says that there are more members but sends none that are new; the list is taken as complete", {
        pages: number,
        rows: members.length,
      });
      break;
    }
    number += 1;
    if (number > maxPages) throw tooManyPages(maxPages);
    page = await api.send(pageRequest(number, first.pageSize, reader, onPage), signal);
    droppedRows += page.droppedRows;
  }
  return { members, droppedRows };
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
      onPage?.(answer, response.body.length);
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
