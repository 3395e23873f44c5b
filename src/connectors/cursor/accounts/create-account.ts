import type { AccountCreation, Approve, NewAccount, PlannedChange } from "../../../baton/account.ts";
import { emailKey } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { severalRecords } from "../../../scim/create-user.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import { toUserResource } from "../resources.ts";
import type { TeamMember } from "../schema.ts";
import type { AccountDeps } from "./deps.ts";
import { incompleteList, refuseSecondary } from "./record-checks.ts";
import type { TeamIndex } from "./team-index.ts";

/**
 * Gives a person a record in the directory, unless there is one. The answer follows from what directory and roster held
 * before:
 *
 * | directory | roster | done        | answer                          |
 * |-----------|--------|-------------|---------------------------------|
 * | active    | active | nothing     | already_exists, the member      |
 * | active    | –      | nothing     | in_progress                     |
 * | inactive  | active | reactivated | success, the member             |
 * | inactive  | –      | reactivated | in_progress                     |
 * | –         | active | created     | already_exists, the member      |
 * | –         | –      | created     | in_progress                     |
 *
 * A new person shows in Cursor only after signing in for the first time (https://cursor.com/docs/account/teams/scim), so that
 * there is no resource to name before. Throws `failed_precondition` when several members or records have the address.
 */
export async function createAccount(
  deps: AccountDeps,
  account: NewAccount,
  approve: Approve,
  signal: AbortSignal,
): Promise<AccountCreation> {
  const { scim } = deps;
  const team = await deps.team.get(deps.rosterMaxAgeMs, signal);
  const member = present(team.activeByEmail(emailKey(account.email)), deps, team);
  const { complete, record: quick } = await findRecord(scim, account.email, false, signal);
  if (quick === undefined && !complete) throw incompleteList();
  const record = quick?.active === false ? await lookThoroughly(scim, account.email, signal) : quick;
  if (record?.active === true) return answer("already_exists", member);

  const action = record === undefined ? "create" : "reactivate";
  if (!(await approve(plan(action, account, member, record), signal))) return { kind: "declined" };
  const brought = await bring(deps, account, record, signal);
  // There was no record: a deletion whose end was unclear has taken effect.
  const gone = brought === "created" && member !== undefined && deps.deletions.hasEffect(member.id, team);
  return answer(brought === "reactivated" ? "success" : "already_exists", gone ? undefined : member);
}

/** The one record with this address. Throws `failed_precondition` when there are several or it is somebody else's. */
async function findRecord(scim: AccountDeps["scim"], email: string, thorough: boolean, signal: AbortSignal) {
  const { complete, users } = await scim.findUsers(email, thorough, signal);
  const [record, ...others] = users;
  if (others.length > 0) throw severalRecords(users);
  if (record !== undefined) refuseSecondary(record, email);
  return { complete, record };
}

/** The first filter that finds somebody ends a lookup; another record may be the person's own, and active. */
async function lookThoroughly(
  scim: AccountDeps["scim"],
  email: string,
  signal: AbortSignal,
): Promise<ScimUser | undefined> {
  const { complete, record } = await findRecord(scim, email, true, signal);
  if (!complete) throw incompleteList();
  return record;
}

/** Creates the record or makes it active; `found` when it turns out to be there and active. */
async function bring(
  deps: AccountDeps,
  account: NewAccount,
  record: ScimUser | undefined,
  signal: AbortSignal,
): Promise<"created" | "found" | "reactivated"> {
  const { kind, user } =
    record === undefined ? await deps.scim.createUser(account, signal) : { kind: "exists", user: record };
  // It may be another one than was looked up: the server said that there is such a user.
  refuseSecondary(user, account.email);
  if (user.active) return kind === "created" ? "created" : "found";
  await reactivate(deps, user, signal);
  return "reactivated";
}

/**
 * A member whom we have just deleted does not count, although the roster still shows them: Cursor may yet follow that deletion,
 * and then the new record leads to no account before the next sign-in.
 */
function present(member: TeamMember | undefined, { deletions }: AccountDeps, team: TeamIndex): TeamMember | undefined {
  return member !== undefined && deletions.has(member.id, team) ? undefined : member;
}

function answer(kind: "success" | "already_exists", member: TeamMember | undefined): AccountCreation {
  return member === undefined ? { kind: "in_progress" } : { kind, resource: toUserResource(member) };
}

async function reactivate({ scim }: AccountDeps, record: ScimUser, signal: AbortSignal): Promise<void> {
  if ((await scim.setActive(record, true, signal)) === "done") return;
  throw new StatusError(
    "unavailable",
    "the inactive record vanished from the SCIM directory while it was to be made active: ask again, and it is created anew",
  );
}

function plan(
  action: "create" | "reactivate",
  account: NewAccount,
  member: TeamMember | undefined,
  record: ScimUser | undefined,
): PlannedChange {
  return {
    action,
    person: {
      email: account.email,
      name: [account.givenName, account.familyName].filter((part) => part !== "").join(" "),
      role: member?.role ?? "",
      resourceId: member?.id,
    },
    directoryId: record?.id,
  };
}
