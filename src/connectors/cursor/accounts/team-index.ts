import { emailKey } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { isAdminRole, roleId } from "../roles.ts";
import type { Roster } from "../roster.ts";
import type { TeamMember } from "../schema.ts";

/** A roster prepared for questions about single people. */
export interface TeamIndex {
  /** The member with this id, or with this as Cursor's other id. */
  byId(id: string): TeamMember | undefined;
  /** The active member with this `emailKey`. Throws `failed_precondition` when several share it. */
  activeByEmail(key: string): TeamMember | undefined;
  /** Ids of active administrators. */
  readonly adminIds: ReadonlySet<string>;
  isActive(id: string): boolean;
}

export function indexTeam({ members }: Roster): TeamIndex {
  const byId = new Map<string, TeamMember>();
  const byEmail = new Map<string, TeamMember[]>();
  const adminIds = new Set<string>();
  for (const member of members) {
    byId.set(member.id, member);
    if (member.removed) continue;
    if (isAdminRole(roleId(member.role))) adminIds.add(member.id);
    const key = emailKey(member.email);
    if (key !== "") byEmail.set(key, [...(byEmail.get(key) ?? []), member]);
  }
  // Only where no member has it as its own id.
  for (const member of members) {
    if (member.otherId !== "" && !byId.has(member.otherId)) byId.set(member.otherId, member);
  }
  return {
    adminIds,
    byId: (id) => byId.get(id),
    isActive: (id) => byId.get(id)?.removed === false,
    activeByEmail(key) {
      const [member, ...others] = byEmail.get(key) ?? [];
      if (member !== undefined && others.length > 0) throw ambiguous([member, ...others]);
      return member;
    },
  };
}

function ambiguous(members: readonly TeamMember[]): StatusError {
  const ids = members.slice(0, 5).map(({ id }) => JSON.stringify(id));
  return new StatusError(
    "failed_precondition",
    `${members.length} active Cursor members share this e-mail address (ids ${ids.join(", ")}), so that it is not clear whose account is meant; nothing was changed: give each an address of their own in Cursor's dashboard`,
  );
}
