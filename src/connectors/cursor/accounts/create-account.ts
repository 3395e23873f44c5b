import type { AccountCreation, Approve, NewAccount, PlannedChange } from "../../../baton/account.ts";
import { emailKey } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { severalRecords } from "../../../scim/create-user.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import { toUserResource } from "../resources.ts";
import type { TeamMember } from "../schema.ts";
import type { AccountDeps } from "./deps.ts";

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
 * there is no resource to name before.
 */
export async function createAccount(
  deps: AccountDeps,
  account: NewAccount,
  approve: Approve,
  signal: AbortSignal,
): Promise<AccountCreation> {
  const { scim } = deps;
  const team = await deps.team.get(deps.rosterMaxAgeMs, signal);
  const member = team.activeByEmail(emailKey(account.email));
  const { users } = await scim.findUsers(account.email, false, signal);
  const [record, ...others] = users;
  if (others.length > 0) throw severalRecords(users);
  if (record?.active === true) return answer("already_exists", member);

  const action = record === undefined ? "create" : "reactivate";
  if (!(await approve(plan(action, account, member, record), signal))) return { kind: "declined" };
  if (record !== undefined) {
    await reactivate(deps, record, signal);
    return answer("success", member);
  }
  const creation = await scim.createUser(account, signal);
  if (creation.user.active) return answer("already_exists", member);
  await reactivate(deps, creation.user, signal);
  return answer("success", member);
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
