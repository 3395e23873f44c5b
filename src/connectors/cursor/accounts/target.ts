import { emailKey, isEmailAddress, shownId } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { emailKeyOfId, isEmailId, type TeamMember } from "../schema.ts";
import type { AccountDeps } from "./deps.ts";
import type { TeamIndex } from "./team-index.ts";

/** Whose account is meant. */
export interface Target {
  /** The id as C1 gave it, for messages. */
  readonly id: string;
  readonly email: string;
  /** Absent when the roster does not show the person. */
  readonly member: TeamMember | undefined;
  /** The roster that says so. */
  readonly team: TeamIndex;
}

/**
 * Whom a resource id means; `undefined` when there is nobody to delete. What is said on the ground of a new roster only: that
 * there is nobody, that the person was removed (they may have joined again since), and that somebody is an administrator (others
 * may no longer be). Throws `failed_precondition` for a person who cannot be told from others.
 */
export async function findTarget(
  deps: Pick<AccountDeps, "rosterMaxAgeMs" | "team">,
  id: string,
  signal: AbortSignal,
): Promise<Target | undefined> {
  const shared = resolve(await deps.team.get(deps.rosterMaxAgeMs, signal), id);
  const { member, team } = shared;
  const enough = member !== undefined && !member.removed && !team.adminIds.has(member.id);
  const target = enough ? shared : resolve(await deps.team.get(0, signal), id);
  if (isEmailAddress(target.email)) {
    refuseOtherHolder(target);
    return target;
  }
  if (target.member === undefined || target.member.removed) return undefined;
  throw new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} has no usable e-mail address in Cursor, which is the only thing that connects members with the SCIM directory; nothing was changed: remove the member in Cursor's dashboard`,
  );
}

function resolve(team: TeamIndex, id: string): Target {
  const key = isEmailId(id) ? emailKeyOfId(id) : "";
  const member = team.byId(id) ?? (key === "" ? undefined : (team.byId(`email:${key}`) ?? team.activeByEmail(key)));
  return { id, team, member, email: member?.email.trim() ?? key };
}

/** An address can pass from a person who left to another one; deleting by it would then hit the wrong one. */
function refuseOtherHolder({ email, id, member, team }: Target): void {
  const holder = team.activeByEmail(emailKey(email));
  if (holder === undefined || holder.id === member?.id) return;
  throw new StatusError(
    "failed_precondition",
    `the e-mail address of user ${JSON.stringify(id)} belongs to another active Cursor member now (${shownId(holder.id)}); nothing was changed: delete that one if it is meant`,
  );
}
