import { emailKey, shownId } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { isAdminRole, roleId } from "../roles.ts";
import type { Roster } from "../roster.ts";
import type { TeamMember } from "../schema.ts";

/** A roster prepared for questions about single people. */
export interface TeamIndex {
  /** The member with this id, or with this as Cursor's other id. Throws `failed_precondition` when several have the latter. */
  byId(id: string): TeamMember | undefined;
  /** The active member with this `emailKey`. Throws `failed_precondition` when several share it. */
  activeByEmail(key: string): TeamMember | undefined;
  /** Ids of active administrators. */
  readonly adminIds: ReadonlySet<string>;
  isActive(id: string): boolean;
}

export function indexTeam({ members }: Roster): TeamIndex {
  const byId = new Map<string, TeamMember>();
  const byOtherId = new Map<string, readonly TeamMember[]>();
  const byEmail = new Map<string, readonly TeamMember[]>();
  const adminIds = new Set<string>();
  for (const member of members) {
    byId.set(member.id, member);
    add(byOtherId, member.otherId, member);
    if (member.removed) continue;
    if (isAdminRole(roleId(member.role))) adminIds.add(member.id);
    add(byEmail, emailKey(member.email), member);
  }
  return {
    adminIds,
    byId: (id) => byId.get(id) ?? theOne(byOtherId.get(id), "Cursor members share this id"),
    isActive: (id) => byId.get(id)?.removed === false,
    activeByEmail: (key) => theOne(byEmail.get(key), "active Cursor members share this e-mail address"),
  };
}

function add(index: Map<string, readonly TeamMember[]>, key: string, member: TeamMember): void {
  if (key !== "") index.set(key, [...(index.get(key) ?? []), member]);
}

function theOne([member, ...others]: readonly TeamMember[] = [], problem: string): TeamMember | undefined {
  if (others.length === 0 || member === undefined) return member;
  const members = [member, ...others];
  const ids = members.slice(0, 5).map(({ id }) => shownId(id));
  throw new StatusError(
    "failed_precondition",
    `${members.length} ${problem} (ids ${ids.join(", ")}), so that it is not clear whose account is meant; nothing was changed: put that right in Cursor's dashboard`,
  );
}
