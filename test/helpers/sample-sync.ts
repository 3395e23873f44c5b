import {
  type Entitlement,
  entitlementId,
  type Grant,
  grantId,
  type ResourceType,
  type RoleResource,
  type UserResource,
} from "../../src/baton/resource.ts";
import type { SyncWriter } from "../../src/baton/sync-writer.ts";

export const userType: ResourceType = {
  id: "user",
  displayName: "User",
  trait: "user",
  skipEntitlementsAndGrants: true,
};

export const roleType: ResourceType = {
  id: "role",
  displayName: "Role",
  trait: "role",
  skipEntitlementsAndGrants: false,
};

export interface SampleMember {
  readonly id: string;
  readonly role: "free-owner" | "member" | "owner";
  readonly removed?: boolean;
}

/** A sync as rows. */
export interface SampleSync {
  readonly types: readonly ResourceType[];
  readonly users: readonly UserResource[];
  readonly roles: readonly RoleResource[];
  readonly entitlements: readonly Entitlement[];
  readonly grants: readonly Grant[];
}

/** The sync of a team: its members as users, the three roles, an entitlement each, a grant per member not removed. */
export function sampleSync(members: readonly SampleMember[]): SampleSync {
  const roles = [toRole("free-owner", "Free Owner"), toRole("member", "Member"), toRole("owner", "Owner")];
  const entitlements = roles.map(toEntitlement);
  const grants = entitlements.flatMap((entitlement) =>
    members
      .filter(({ role, removed }) => removed !== true && role === entitlement.resource.id.resource)
      .map(({ id }) => toGrant(entitlement, id)),
  );
  return { types: [roleType, userType], users: members.map(toUser), roles, entitlements, grants };
}

/** `count` members, every seventh of them removed, the first an owner. */
export function sampleMembers(count: number): SampleMember[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `user_${String(n).padStart(7, "0")}`,
    role: n === 0 ? "owner" : "member",
    removed: n % 7 === 6,
  }));
}

/** Puts all rows in the order that the writer wants. */
export function putAll(writer: SyncWriter, sync: SampleSync): void {
  for (const type of sync.types) writer.putResourceType(type);
  for (const resource of [...sync.users, ...sync.roles]) writer.putResource(resource);
  for (const entitlement of sync.entitlements) writer.putEntitlement(entitlement);
  for (const grant of sync.grants) writer.putGrant(grant);
}

export function toUser({ id, role, removed = false }: SampleMember): UserResource {
  const email = `${id}@example.com`;
  return {
    kind: "user",
    id: { resourceType: "user", resource: id },
    displayName: `Name of ${id}`,
    email,
    login: email.toUpperCase(),
    status: removed ? "disabled" : "enabled",
    statusDetails: removed ? "removed" : "",
    profile: { cursor_user_id: id, email, name: `Name of ${id}`, role, is_removed: removed },
  };
}

export function toRole(resource: string, displayName: string): RoleResource {
  return { kind: "role", id: { resourceType: "role", resource }, displayName };
}

export function toEntitlement(resource: RoleResource): Entitlement {
  return {
    id: entitlementId(resource.id, "assigned"),
    slug: "assigned",
    displayName: `${resource.displayName} Role Assigned`,
    description: `Assigned the ${resource.displayName} role in Cursor`,
    resource,
    grantableTo: [userType],
    immutable: true,
  };
}

export function toGrant(entitlement: Entitlement, userId: string): Grant {
  const principal = { resourceType: "user", resource: userId };
  return { id: grantId(entitlement.id, principal), entitlement, principal };
}
