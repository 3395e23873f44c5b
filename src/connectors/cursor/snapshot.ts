import type { Snapshot } from "../../baton/connector.ts";
import type { Grant, Resource } from "../../baton/resource.ts";
import { StatusError } from "../../baton/status-error.ts";
import { roleType, userType } from "./metadata.ts";
import { toEntitlement, toGrant, toRoleResource, toUserResource } from "./resources.ts";
import { isKnownRole, knownRoles, roleId, roleOf } from "./roles.ts";
import type { Roster } from "./roster.ts";
import type { TeamMember } from "./schema.ts";
import { sortUtf8 } from "./utf8-order.ts";

export interface CursorSnapshot extends Snapshot {
  /** Roles of active members that this version does not know; they are synced like the others. */
  readonly unknownRoles: readonly string[];
  /** Active members to whom Cursor gave no role; they are synced without a grant. */
  readonly withoutRole: number;
}

export interface SnapshotOptions {
  /** Leaves removed people out instead of showing them as disabled. */
  readonly skipRemoved: boolean;
}

/**
 * A roster as C1 sees it. Users and grants are made one at a time while iterating; in between only the roster is kept.
 * The three known roles are always there, in addition to what active members hold.
 */
export function createSnapshot({ members }: Roster, { skipRemoved }: SnapshotOptions): CursorSnapshot {
  const { holders, withoutRole } = groupByRole(members);
  const ids = [...new Set([...knownRoles.map(({ id }) => id), ...holders.keys()])];
  sortUtf8(ids, (id) => id);
  const roles = ids.map((id) => toRoleResource(roleOf(id)));
  // In the order of their own ids, which is not that of the roles: "-" comes before ":".
  const entitlements = roles.map(toEntitlement);
  sortUtf8(entitlements, ({ id }) => id);

  function* users(): Generator<Resource> {
    for (const member of members) if (!(member.removed && skipRemoved)) yield toUserResource(member);
  }

  function* grants(): Generator<Grant> {
    for (const entitlement of entitlements) {
      for (const member of holders.get(entitlement.resource.id.resource) ?? []) yield toGrant(entitlement, member);
    }
  }

  return {
    unknownRoles: ids.filter((id) => !isKnownRole(id)),
    withoutRole,
    resources(resourceTypeId) {
      if (resourceTypeId === roleType.id) return roles;
      if (resourceTypeId === userType.id) return { [Symbol.iterator]: users };
      throw new StatusError("invalid_argument", `Cursor has no resources of type ${JSON.stringify(resourceTypeId)}`);
    },
    entitlements: () => entitlements,
    grants: () => ({ [Symbol.iterator]: grants }),
  };
}

interface RoleHolders {
  /** Active members by role id, each in the order of the roster. */
  readonly holders: ReadonlyMap<string, readonly TeamMember[]>;
  readonly withoutRole: number;
}

function groupByRole(members: readonly TeamMember[]): RoleHolders {
  // Looked up by the API value, of which there are few, so that each is normalised once.
  const byValue = new Map<string, TeamMember[]>();
  const holders = new Map<string, TeamMember[]>();
  for (const member of members) {
    if (member.removed) continue;
    let group = byValue.get(member.role);
    if (group === undefined) {
      const id = roleId(member.role);
      group = holders.get(id) ?? [];
      holders.set(id, group);
      byValue.set(member.role, group);
    }
    group.push(member);
  }
  const withoutRole = holders.get("")?.length ?? 0;
  holders.delete("");
  return { holders, withoutRole };
}
