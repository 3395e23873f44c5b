import { emailKey } from "../baton/email-address.ts";
import { StatusError } from "../baton/status-error.ts";
import type { HttpResponse } from "../http/exchange.ts";
import { isJsonObject } from "../http/json.ts";
import { readJson, type ScimCall, type ScimCalls, userPath } from "./calls.ts";
import type { ServiceProviderConfig } from "./discovery.ts";
import { createExplain, deniesResource, type SettingNames, saysUnsupported } from "./errors.ts";
import { readPage } from "./paging.ts";
import { readUser, type ScimUser, urns } from "./schema.ts";

export interface ChangeDeps {
  readonly calls: ScimCalls;
  readonly names: SettingNames;
  readonly config: (signal: AbortSignal) => Promise<ServiceProviderConfig>;
}

/** Reads one user; `undefined` when the directory has no such id. Rejects as the calls do. */
export function getUser({ calls, names }: ChangeDeps, id: string, signal: AbortSignal): Promise<ScimUser | undefined> {
  return calls.send(
    {
      operation: "get_user",
      method: "GET",
      path: userPath(id),
      expect: [404, 410],
      decode: (response) => (isGone(response) ? undefined : readUser(readJson(response, names))),
    },
    signal,
  );
}

/** How a write to one user ended. */
type Written = "done" | "gone" | "refused" | "unsupported" | "stale";

/**
 * Makes a user active or inactive: PATCH in the form that most servers take, then without a path, then PUT of the whole
 * record (RFC 7644 section 3.5), until a look at the record shows that it is so. `gone` when the directory no longer has the
 * user. Rejects as the calls do, with `failed_precondition` when none of the forms does it, and with `unavailable` when a look
 * fails, whatever the reason.
 */
export async function setActive(
  deps: ChangeDeps,
  user: ScimUser,
  active: boolean,
  signal: AbortSignal,
): Promise<"done" | "gone"> {
  const { patch } = await deps.config(signal);
  const attempts = [
    ...(patch ? [patchWith({ op: "replace", path: "active", value: active })] : []),
    ...(patch ? [patchWith({ op: "replace", value: { active } })] : []),
    async (target: ScimUser) => replaceActive(deps, target, active, signal),
  ];
  for (const attempt of attempts) {
    const written = await withFreshVersion(deps, user, attempt, signal);
    if (written !== "done" && written !== "gone") continue;
    // Servers accept and ignore what they do not know, and answer 404 where they have no such route.
    const now = await lookAfter("the change may have been made", () => getUser(deps, user.id, signal), signal);
    if (now === undefined) return "gone";
    if (now.active === active) return "done";
  }
  throw new StatusError(
    "failed_precondition",
    `the SCIM server takes neither PATCH nor PUT to make a user ${active ? "active" : "inactive"}: do it in the directory itself`,
  );

  function patchWith(operation: Readonly<Record<string, unknown>>): (target: ScimUser) => Promise<Written> {
    return async (target) =>
      deps.calls.send(
        {
          operation: "patch_user",
          method: "PATCH",
          path: userPath(target.id),
          json: { schemas: [urns.patchOp], Operations: [operation] },
          headers: await ifMatch(deps, target, signal),
          // The value is absolute, so that sending it twice changes nothing more.
          repeatable: true,
          expect: writeStatuses,
          decode: (response) => written(response, "patch_user", deps.names),
        },
        signal,
      );
  }
}

const writeStatuses = [400, 403, 404, 405, 409, 410, 412, 501];

/** Sorts the answers to a write; what is none of these is an error. */
function written(response: HttpResponse, operation: string, names: SettingNames): Written {
  if (response.status < 300) return "done";
  if (isGone(response)) return "gone";
  if (response.status === 412 || response.status === 409) return "stale";
  if (saysUnsupported(response)) return "unsupported";
  if (response.status === 400) return "refused";
  throw new StatusError("permission_denied", createExplain(names)(response, operation));
}

function isGone({ status }: HttpResponse): boolean {
  return status === 404 || status === 410;
}

/** A write that found the record changed since it was read is done once more on the new one. */
async function withFreshVersion(
  deps: ChangeDeps,
  user: ScimUser,
  attempt: (target: ScimUser) => Promise<Written>,
  signal: AbortSignal,
): Promise<Written> {
  const first = await attempt(user);
  if (first !== "stale") return first;
  const fresh = await getUser(deps, user.id, signal);
  if (fresh === undefined) return "gone";
  // Somebody else's hand was on it; it may have become another person's.
  const second = isSamePerson(user, fresh) ? await attempt(fresh) : "stale";
  if (second !== "stale") return second;
  throw new StatusError("unavailable", "the record was changed in the SCIM directory meanwhile: ask again");
}

function isSamePerson(before: ScimUser, now: ScimUser): boolean {
  return emailKey(before.userName) === emailKey(now.userName) && before.primaryEmail === now.primaryEmail;
}

async function ifMatch(
  { config }: ChangeDeps,
  { version }: ScimUser,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { etag } = await config(signal);
  return etag && version !== undefined ? { "if-match": version } : {};
}

/** GET, set, PUT: for servers without PATCH. Read-only attributes stay at home. */
async function replaceActive(
  { calls, names, config }: ChangeDeps,
  user: ScimUser,
  active: boolean,
  signal: AbortSignal,
): Promise<Written> {
  const path = userPath(user.id);
  const current = await calls.send(
    {
      operation: "get_user",
      method: "GET",
      path,
      expect: [404, 410],
      decode: (response) => (isGone(response) ? undefined : readJson(response, names)),
    },
    signal,
  );
  if (current === undefined) return "gone";
  if (!isJsonObject(current)) return "refused";
  const { meta: _meta, groups: _groups, id: _id, ...rest } = current;
  const now = readUser(current);
  // The whole record is written: of another person everything but this flag would stay, and the flag would hit them.
  if (!isSamePerson(user, now)) return "stale";
  const headers = await ifMatch({ calls, names, config }, now, signal);
  return calls.send(
    {
      operation: "replace_user",
      method: "PUT",
      path,
      json: { ...rest, id: user.id, active },
      headers,
      expect: writeStatuses,
      decode: (response) => written(response, "replace_user", names),
    },
    signal,
  );
}

/** How a deletion ended: `unconfirmed` when it was accepted, but the user is still there. */
export type Deletion = "deleted" | "deactivated" | "unconfirmed" | "unsupported";

/**
 * Deletes a user and looks whether it is gone (RFC 7644 section 3.6). A user that is not there any more counts as deleted.
 * `unsupported` when the server has no deletion; nothing was changed then. Rejects as the calls do, and with `unavailable` when
 * the server says that there is no such user, and shows it.
 */
export async function deleteUser(deps: ChangeDeps, user: ScimUser, signal: AbortSignal): Promise<Deletion> {
  let denied = false;
  const erase = async (target: ScimUser): Promise<Written> => {
    const call: ScimCall<Written> = {
      operation: "delete_user",
      method: "DELETE",
      path: userPath(target.id),
      headers: await ifMatch(deps, target, signal),
      expect: writeStatuses,
      decode(response) {
        denied = isGone(response) && deniesResource(response);
        const sorted = written(response, "delete_user", deps.names);
        if (sorted !== "refused") return sorted;
        throw new StatusError("invalid_argument", createExplain(deps.names)(response, "delete_user"));
      },
    };
    return deps.calls.send(call, signal);
  };
  const erased = await withFreshVersion(deps, user, erase, signal);
  if (erased === "unsupported") return "unsupported";
  // What the server says of the user itself is as good as having been told that it is done.
  if (erased === "done" || denied) return confirm(deps, user, denied, signal);
  const left = await lookAfter(mayBeDeleted, () => getUser(deps, user.id, signal), signal);
  if (left === undefined) {
    // An ingress that lost the server answers 404 to everything.
    await lookAfter(mayBeDeleted, () => readPage(deps, { startIndex: 1, count: 1 }, signal), signal);
    return "deleted";
  }
  // A bare 404 for a user who is there says that the server has no such route.
  return user.active && !left.active ? "deactivated" : "unsupported";
}

const mayBeDeleted = "the user may have been deleted";

/** A look on which the end of a write rests. Where it fails, `what` may be so, and that is never final. */
async function lookAfter<T>(what: string, look: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await look();
  } catch (reason) {
    if (signal.aborted) throw reason;
    const { message, rateLimit, retryAfterMs } = StatusError.from(reason);
    throw new StatusError("unavailable", `${what}, but a look at the directory failed: ${message}`, {
      cause: reason,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(rateLimit === undefined ? {} : { rateLimit }),
    });
  }
}

/** A failing look does not undo what was accepted, or `denied`: the server said that there is no such user any more. */
async function confirm(deps: ChangeDeps, { id }: ScimUser, denied: boolean, signal: AbortSignal): Promise<Deletion> {
  let left: ScimUser | undefined;
  try {
    left = await getUser(deps, id, signal);
  } catch (reason) {
    if (signal.aborted) throw reason;
    return "unconfirmed";
  }
  if (left === undefined) return "deleted";
  if (!left.active) return "deactivated";
  // The deletion whose answer was lost was carried out. Some servers answer the look from a copy that lags behind, and to call
  // that final would be wrong.
  if (denied) {
    throw new StatusError(
      "unavailable",
      "the SCIM server says that there is no such user any more, but still shows the record: ask again",
    );
  }
  return "unconfirmed";
}
