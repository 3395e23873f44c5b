import { StatusError } from "../../../baton/status-error.ts";
import type { HttpClient } from "../../../http/client.ts";
import type { HttpResponse } from "../../../http/exchange.ts";
import { decodeJson, isJsonObject } from "../../../http/json.ts";
import { wordsOf } from "../errors.ts";
import type { TeamMember } from "../schema.ts";

/**
 * Removes a member through the Admin API (`POST /teams/remove-member`, https://cursor.com/docs/account/teams/admin-api).
 * Irreversible: Cursor deletes the person's data. It is sent once: after a failure that leaves it open whether it took effect,
 * `isStillActive` looks at a new roster. Messages name the member by `sentId`. Resolves when the member is gone; rejects as the client does.
 */
export async function removeMember(
  api: HttpClient,
  member: TeamMember,
  sentId: string,
  isStillActive: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const removed = await post(api, member, signal);
    if (removed) return;
  } catch (reason) {
    const error = StatusError.from(reason);
    if (signal.aborted || !unclear.has(error.code)) throw error;
    // When even the look fails, the first failure is what counts.
    if (await isStillActive(signal).catch(() => true)) throw error;
    return;
  }
  if (await isStillActive(signal)) {
    throw new StatusError(
      "failed_precondition",
      `Cursor says that user ${JSON.stringify(sentId)} is no member of the team, but lists it as one: remove the member in Cursor's dashboard`,
    );
  }
}

const unclear: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "internal"]);

/** False when Cursor says that there is no such member. */
function post(api: HttpClient, member: TeamMember, signal: AbortSignal): Promise<boolean> {
  return api.send(
    {
      operation: "remove_member",
      method: "POST",
      path: "/teams/remove-member",
      // Exactly one of the two; only ids of this kind are known to be accepted.
      json: member.id.startsWith("user_") ? { userId: member.id } : { email: member.email.trim() },
      repeatable: false,
      expectStatus: new Set([400, 404]),
      decode: readAnswer,
    },
    signal,
  );
}

function readAnswer(response: HttpResponse): boolean {
  if (response.status < 300) {
    const body = decodeJson(response);
    if (isJsonObject(body) && body["success"] === true) return true;
    throw new StatusError("internal", "Cursor's answer to the removal of a member does not say that it succeeded");
  }
  const words = wordsOf(response);
  if (/not a member/i.test(words)) return false;
  const why = /last|at least one|only admin|only owner/i.test(words)
    ? "the team must keep at least one admin and one paid member"
    : `HTTP ${response.status}`;
  throw new StatusError(
    "failed_precondition",
    `Cursor refused to remove the member (${why}); nothing was changed: look at the member in Cursor's dashboard`,
  );
}
