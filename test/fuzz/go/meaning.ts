import type {
  Entitlement,
  Grant,
  ResourceId,
  ResourceType,
  RoleResource,
  UserResource,
} from "../../../src/baton/resource.ts";
import type { SampleSync } from "../../helpers/sample-sync.ts";

// What each record of a sync says, as the canonical JSON of its message (c1.connector.v2), written down without our encoder.

/** In the order of types, users, roles, entitlements, grants. */
export function meaningOf({ entitlements, grants, roles, types, users }: SampleSync): object[] {
  return [
    ...types.map(typeJson),
    ...users.map(userJson),
    ...roles.map(roleJson),
    ...entitlements.map(entitlementJson),
    ...grants.map(grantJson),
  ];
}

const any = (name: string, fields: object = {}) => ({
  "@type": `type.googleapis.com/c1.connector.v2.${name}`,
  ...fields,
});

function typeJson({ displayName, id, skipEntitlementsAndGrants, trait }: ResourceType): object {
  return filled({
    id,
    displayName,
    traits: [`TRAIT_${trait.toUpperCase()}`],
    annotations: skipEntitlementsAndGrants ? [any("SkipEntitlementsAndGrants")] : "",
  });
}

function userJson({ displayName, email, id, login, profile, status, statusDetails }: UserResource): object {
  const state = (prefix: string) =>
    filled({ status: `${prefix}_${status.toUpperCase()}`, details: cut(statusDetails, 1024) });
  const form = Object.fromEntries(
    Object.entries(profile).map(([key, value]) => [key, typeof value === "string" ? value.toWellFormed() : value]),
  );
  const trait = filled({
    emails: email === undefined ? "" : [{ address: email, isPrimary: true }],
    status: state("STATUS"),
    profile: form,
    accountType: "ACCOUNT_TYPE_HUMAN",
    login: login.toWellFormed(),
  });
  return filled({
    id: idJson(id),
    displayName: cut(displayName, 1024),
    annotations: [any("UserTrait", trait)],
    profile: form,
    status: state("RESOURCE_STATUS"),
  });
}

function roleJson({ displayName, id }: RoleResource): object {
  return filled({ id: idJson(id), displayName: cut(displayName, 1024), annotations: [any("RoleTrait")] });
}

function entitlementJson({ description, displayName, grantableTo, id, resource, slug }: Entitlement): object {
  return filled({
    resource: roleJson(resource),
    id: id.toWellFormed(),
    displayName: cut(displayName, 1024),
    description: cut(description, 2048),
    grantableTo: grantableTo.map(typeJson),
    annotations: [any("EntitlementImmutable")],
    purpose: "PURPOSE_VALUE_ASSIGNMENT",
    slug,
  });
}

function grantJson({ entitlement, id, principal }: Grant): object {
  return {
    entitlement: { resource: roleJson(entitlement.resource), id: entitlement.id.toWellFormed() },
    principal: { id: idJson(principal) },
    id: id.toWellFormed(),
  };
}

function idJson({ resource, resourceType }: ResourceId): object {
  return { resourceType, resource: resource.toWellFormed() };
}

/** Empty texts are left out, as proto3 has it. */
function filled(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

/** The longest beginning of whole characters that fits. */
function cut(text: string, maxBytes: number): string {
  let kept = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(kept + character) > maxBytes) break;
    kept += character;
  }
  return kept;
}
