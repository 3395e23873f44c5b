import { isEmailAddress } from "../../baton/email-address.ts";
import {
  type Entitlement,
  entitlementId,
  type Grant,
  grantId,
  type Profile,
  type RoleResource,
  type UserResource,
} from "../../baton/resource.ts";
import { roleType, userType } from "./metadata.ts";
import type { CursorRole } from "./roles.ts";
import { isEmailId, type TeamMember } from "./schema.ts";

/** Cursor has no API to grant or revoke a role; C1 is told so on each entitlement. */
const entitlementsAreImmutable = true;

/** A member as the account that C1 sees. */
export function toUserResource(member: TeamMember): UserResource {
  const address = member.email.trim();
  return {
    kind: "user",
    id: { resourceType: userType.id, resource: member.id },
    displayName: displayNameOf(member),
    email: isEmailAddress(address) ? address : undefined,
    login: member.email,
    status: member.removed ? "disabled" : "enabled",
    statusDetails: member.removed ? "removed" : "",
    profile: profileOf(member),
  };
}

/** The name, else what stands before the `@`, else the id; never empty. */
function displayNameOf({ email, id, name }: TeamMember): string {
  const trimmed = name.trim();
  if (trimmed !== "") return trimmed;
  const address = email.trim();
  const at = address.indexOf("@");
  const local = at === -1 ? address : address.slice(0, at);
  return local === "" ? id : local;
}

/** Without the keys that have nothing to say; ids of either kind stay, so that a change of ids can be followed. */
function profileOf({ email, id, name, otherId, removed, role }: TeamMember): Profile {
  const profile: Record<string, string | boolean> = { is_removed: removed };
  // One by one: this runs for every member, and building it from a table takes four times as long.
  if (!isEmailId(id)) profile["cursor_user_id"] = id;
  if (otherId !== "") profile["cursor_other_id"] = otherId;
  if (email !== "") profile["email"] = email;
  if (role !== "") profile["role"] = role;
  const fullName = name.trim();
  if (fullName === "") return profile;
  profile["name"] = fullName;
  // A guess: the first word is the given name, the rest the family name.
  const gap = fullName.search(/\s/);
  profile["first_name"] = gap === -1 ? fullName : fullName.slice(0, gap);
  if (gap !== -1) profile["last_name"] = fullName.slice(gap).trimStart();
  return profile;
}

export function toRoleResource({ displayName, id }: CursorRole): RoleResource {
  return { kind: "role", id: { resourceType: roleType.id, resource: id }, displayName };
}

/** The one entitlement of a role: having it. */
export function toEntitlement(resource: RoleResource): Entitlement {
  return {
    id: entitlementId(resource.id, "assigned"),
    slug: "assigned",
    displayName: `${resource.displayName} Role Assigned`,
    description: `Assigned the ${resource.displayName} role in Cursor`,
    resource,
    grantableTo: [userType],
    immutable: entitlementsAreImmutable,
  };
}

export function toGrant(entitlement: Entitlement, member: TeamMember): Grant {
  const principal = { resourceType: userType.id, resource: member.id };
  return { id: grantId(entitlement.id, principal), entitlement, principal };
}
