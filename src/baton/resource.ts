/** Kinds of resource that C1 knows by trait (c1.connector.v2.ResourceType.Trait); only those we use. */
export type Trait = "user" | "role";

export interface ResourceType {
  readonly id: string;
  readonly displayName: string;
  readonly trait: Trait;
  /** True where resources of this type have neither entitlements nor grants of their own. */
  readonly skipEntitlementsAndGrants: boolean;
}

/** `type` and `id` as C1 sends them back in tasks; `id` is opaque and never parsed. */
export interface ResourceId {
  readonly resourceType: string;
  readonly resource: string;
}

/** Profile values are strings and booleans only (google.protobuf.Struct on the wire); keys are sorted when encoded. */
export type Profile = Readonly<Record<string, string | boolean>>;

export interface UserResource {
  readonly kind: "user";
  readonly id: ResourceId;
  readonly displayName: string;
  /** Absent when the member has no valid e-mail address. */
  readonly email: string | undefined;
  /** The e-mail exactly as the upstream sent it; may be empty. */
  readonly login: string;
  readonly status: "enabled" | "disabled";
  /** Why the status is what it is, e.g. `removed`; empty when there is nothing to say. */
  readonly statusDetails: string;
  readonly profile: Profile;
}

export interface RoleResource {
  readonly kind: "role";
  readonly id: ResourceId;
  readonly displayName: string;
}

export type Resource = UserResource | RoleResource;

export interface Entitlement {
  readonly id: string;
  readonly slug: string;
  readonly displayName: string;
  readonly description: string;
  /** The resource that the entitlement belongs to; embedded whole in the sync file. */
  readonly resource: RoleResource;
  /** Types of principal that may hold it. */
  readonly grantableTo: readonly ResourceType[];
  /** True where nobody can grant or revoke it through this connector. */
  readonly immutable: boolean;
}

export interface Grant {
  readonly id: string;
  readonly entitlement: Entitlement;
  readonly principal: ResourceId;
}

/** `<resource type>:<resource id>:<slug>`, unescaped: C1 keys its configuration on it, so it never changes. */
export function entitlementId(resource: ResourceId, slug: string): string {
  return `${resource.resourceType}:${resource.resource}:${slug}`;
}

/** `<entitlement id>:<principal type>:<principal id>`, unescaped; never parsed. */
export function grantId(entitlement: string, principal: ResourceId): string {
  return `${entitlement}:${principal.resourceType}:${principal.resource}`;
}
