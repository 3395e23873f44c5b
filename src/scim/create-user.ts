import type { Clock, Random } from "../baton/clock.ts";
import { type RetryPolicy, retryDelayMs } from "../baton/retry.ts";
import { StatusError } from "../baton/status-error.ts";
import { readJson, type ScimCalls } from "./calls.ts";
import { createExplain, type SettingNames, saysDuplicate, wrongEndpoint } from "./errors.ts";
import type { UserLookup } from "./lookup.ts";
import { createBody, type NewScimUser, readUser, type ScimUser } from "./schema.ts";

export interface CreateDeps {
  readonly calls: ScimCalls;
  readonly names: SettingNames;
  readonly lookup: UserLookup;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
}

/** `exists` when the directory had the user already; it may be inactive. */
export interface Creation {
  readonly kind: "created" | "exists";
  readonly user: ScimUser;
}

type Posted = { readonly user: ScimUser | undefined } | { readonly duplicate: true };

/**
 * Creates a user (RFC 7644 section 3.3). A request that failed is never simply sent again: who is in the directory is looked
 * up first, and only where nobody is, and the failure is one that passes, the user is created in another attempt. Rejects as
 * the calls do; with `failed_precondition` when the server says that the user exists but shows none, or shows several.
 */
export async function createUser(deps: CreateDeps, user: NewScimUser, signal: AbortSignal): Promise<Creation> {
  for (let attempt = 1; ; attempt += 1) {
    const posted = await post(deps, user, signal).catch((reason: unknown) => StatusError.from(reason));
    if (!(posted instanceof StatusError)) return finish(deps, user, posted, signal);
    if (signal.aborted || !unclear.has(posted.code)) throw posted;
    const delayMs = retryDelayMs(posted, attempt, deps.policy, deps.random);
    // A rate limit means that nothing was done, and while it lasts a lookup would only wait.
    if (delayMs === undefined && posted.rateLimit !== undefined) throw posted;
    const found = await lookAfter(deps, user, posted, signal);
    if (found !== undefined) return { kind: "created", user: found };
    if (delayMs === undefined) throw posted;
    // A wait that the server asked for is over: the limiter made the lookup wait for it.
    if (posted.retryAfterMs === undefined) await deps.clock.sleep(delayMs, signal);
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
          if (saysDuplicate(response)) return { duplicate: true };
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
  if ("user" in posted && posted.user !== undefined) {
    deps.lookup.made(posted.user);
    return { kind: "created", user: posted.user };
  }
  const duplicate = "duplicate" in posted;
  const { users } = await deps.lookup.find(user.email, true, signal);
  const [found, ...others] = users;
  if (found !== undefined && others.length === 0) return { kind: duplicate ? "exists" : "created", user: found };
  throw found === undefined ? hidden(duplicate) : severalRecords(users);
}

/** What the lookup finds after an unclear failure; when even that fails, the first failure is what counts. */
async function lookAfter(
  { lookup }: CreateDeps,
  { email }: NewScimUser,
  failure: StatusError,
  signal: AbortSignal,
): Promise<ScimUser | undefined> {
  try {
    const { complete, users } = await lookup.find(email, true, signal);
    const [found, ...others] = users;
    if (others.length > 0) throw severalRecords(users);
    if (found === undefined && !complete) throw failure;
    return found;
  } catch (reason) {
    const { code } = StatusError.from(reason);
    throw signal.aborted || code === "failed_precondition" ? reason : failure;
  }
}

function hidden(duplicate: boolean): StatusError {
  return new StatusError(
    "failed_precondition",
    duplicate
      ? "the SCIM server says that this user exists, but shows no such user: the account was not made through SCIM and cannot be managed by it; look for the address in the directory's own console"
      : "the SCIM server accepted the new user, but shows no such user: look for the address in the directory's own console",
  );
}

/** Several records for one address; their ids help whoever sorts it out. */
export function severalRecords(users: readonly ScimUser[]): StatusError {
  const ids = users.map(({ id }) => (id.includes("@") ? "(an id that holds an e-mail address)" : JSON.stringify(id)));
  return new StatusError(
    "failed_precondition",
    `the SCIM directory has ${users.length} records with this e-mail address (ids ${ids.slice(0, 5).join(", ")}); nothing was changed: leave only the right one there`,
  );
}
