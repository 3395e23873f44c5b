import type { Random } from "../baton/clock.ts";
import { emailKey, shownId } from "../baton/email-address.ts";
import { type RetryPolicy, retryDelayMs } from "../baton/retry.ts";
import { StatusError } from "../baton/status-error.ts";
import { readJson, type ScimCalls } from "./calls.ts";
import { createExplain, quote, type SettingNames, saysDuplicate, wrongEndpoint } from "./errors.ts";
import type { UserLookup } from "./lookup.ts";
import { answersTo, createBody, type NewScimUser, readUser, type ScimUser } from "./schema.ts";

export interface CreateDeps {
  readonly calls: ScimCalls;
  readonly names: SettingNames;
  readonly lookup: UserLookup;
  readonly policy: RetryPolicy;
  readonly random: Random;
}

/** `exists` when the directory had the user already; it may be inactive. */
export interface Creation {
  readonly kind: "created" | "exists";
  readonly user: ScimUser;
}

/** `refusal` quotes the server that says that the user exists. */
type Posted = { readonly user: ScimUser | undefined } | { readonly refusal: string };

/**
 * Creates a user (RFC 7644 section 3.3). A request that failed is not sent again: who is in the directory is looked up, and
 * where nobody is, the failure stands. Only a rate limit, which says that nothing was done, is waited out and followed by
 * another attempt, after another look. Rejects as the calls do; with `failed_precondition` when the server says that the user exists but shows none, or shows several; `unavailable`
 * where its list is cut off.
 */
export async function createUser(deps: CreateDeps, user: NewScimUser, signal: AbortSignal): Promise<Creation> {
  for (let attempt = 1; ; attempt += 1) {
    const posted = await post(deps, user, signal).catch((reason: unknown) => StatusError.from(reason));
    if (!(posted instanceof StatusError)) return finish(deps, user, posted, signal);
    if (signal.aborted || !unclear.has(posted.code)) throw posted;
    const limited = posted.rateLimit !== undefined;
    // While a rate limit lasts a lookup would only wait: the limiter makes every call wait for its end.
    if (limited && retryDelayMs(posted, attempt, deps.policy, deps.random) === undefined) throw posted;
    const found = await lookAfter(deps, user, posted, signal);
    if (found !== undefined) return { kind: "created", user: found };
    if (!limited) throw posted;
  }
}

/** After these the user may have been created all the same. */
const unclear: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "internal", "resource_exhausted"]);

function post({ calls, names }: CreateDeps, user: NewScimUser, signal: AbortSignal): Promise<Posted> {
  return calls.send<Posted>(
    {
      operation: "create_user",
      method: "POST",
      path: "/Users",
      json: createBody(user),
      expect: [400, 404, 409],
      decode(response) {
        if (response.status === 404) throw wrongEndpoint(response, names);
        if (response.status >= 400) {
          if (saysDuplicate(response)) return { refusal: quote(response) };
          throw new StatusError("invalid_argument", createExplain(names)(response, "create_user"));
        }
        // Some servers answer without a body, one way or another saying where the user is.
        return { user: response.body.length === 0 ? undefined : readUser(readJson(response, names)) };
      },
    },
    signal,
  );
}

async function finish(deps: CreateDeps, user: NewScimUser, posted: Posted, signal: AbortSignal): Promise<Creation> {
  // A server that answers with another person's record has not told what became of this one.
  if ("user" in posted && posted.user !== undefined && answersTo(posted.user, emailKey(user.email))) {
    deps.lookup.made(posted.user);
    return { kind: "created", user: posted.user };
  }
  const refusal = "refusal" in posted ? posted.refusal : undefined;
  const { complete, users } = await deps.lookup.find(user.email, true, signal);
  const [found, ...others] = users;
  if (found !== undefined && others.length === 0)
    return { kind: refusal === undefined ? "created" : "exists", user: found };
  throw found === undefined ? hidden(refusal, complete) : severalRecords(users);
}

/** What the lookup finds after an unclear failure; when even that fails, the first failure is what counts. */
async function lookAfter(
  { lookup }: CreateDeps,
  { email }: NewScimUser,
  failure: StatusError,
  signal: AbortSignal,
): Promise<ScimUser | undefined> {
  try {
    // After a rate limit nothing was done: reading the whole directory would be many calls to a server that asks for fewer.
    const { complete, users } = await lookup.find(email, failure.rateLimit === undefined, signal);
    const [found, ...others] = users;
    if (others.length > 0) throw severalRecords(users);
    if (found === undefined && !complete) throw failure;
    return found;
  } catch (reason) {
    const { code } = StatusError.from(reason);
    throw signal.aborted || code === "failed_precondition" ? reason : failure;
  }
}

function hidden(refusal: string | undefined, complete: boolean): StatusError {
  const said = refusal === undefined ? "accepted the new user" : `says that there is such a user already${refusal}`;
  if (!complete) {
    return new StatusError(
      "unavailable",
      `the SCIM server ${said}, but its list is cut off and does not show it: look for the address in the directory's own console`,
    );
  }
  const why = refusal === undefined ? "" : "the account was not made through SCIM and cannot be managed by it; ";
  return new StatusError(
    "failed_precondition",
    `the SCIM server ${said}, but shows none: ${why}look for the address in the directory's own console`,
  );
}

/** Several records for one address; their ids help whoever sorts it out. */
export function severalRecords(users: readonly ScimUser[]): StatusError {
  const ids = users.slice(0, 5).map(({ id }) => shownId(id));
  return new StatusError(
    "failed_precondition",
    `the SCIM directory has ${users.length} records with this e-mail address (ids ${ids.join(", ")}); nothing was changed: leave only the right one there`,
  );
}
