import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  EntitlementSchema,
  GrantSchema,
  type Resource,
  ResourceSchema,
  ResourceTypeSchema,
  Status_ResourceStatus,
} from "./gen/c1/connector/v2/resource_pb.ts";
import { type UserTrait_Status_Status, UserTraitSchema } from "./gen/c1/connector/v2/trait_pb.ts";

/** A resource of a sync file, of any connector. */
export interface StoredResource {
  readonly type: string;
  readonly id: string;
  readonly displayName: string;
  /** `enabled`, `disabled`, `deleted`, or empty where nothing is said. */
  readonly status: string;
  /** First address of a user, or what it signs in with when that is one; else empty. */
  readonly email: string;
  readonly login: string;
}

export interface StoredEntitlement {
  readonly id: string;
  readonly slug: string;
  readonly displayName: string;
  readonly resourceType: string;
  readonly resourceId: string;
}

export interface StoredGrant {
  readonly id: string;
  readonly entitlementId: string;
  readonly principalType: string;
  readonly principalId: string;
}

/** Each of these throws an Error when the bytes are no such message. */
export function decodeStoredResource(bytes: Uint8Array): StoredResource {
  const resource = fromBinary(ResourceSchema, bytes);
  const trait = userTraitOf(resource);
  const login = trait?.login ?? "";
  const email = (trait?.emails.find(({ isPrimary }) => isPrimary) ?? trait?.emails[0])?.address ?? "";
  return {
    type: resource.id?.resourceType ?? "",
    id: resource.id?.resource ?? "",
    displayName: resource.displayName,
    status: statusOf(resource, trait?.status?.status),
    email: email === "" && login.includes("@") ? login : email,
    login,
  };
}

export function decodeStoredResourceType(bytes: Uint8Array): { readonly id: string; readonly displayName: string } {
  const { displayName, id } = fromBinary(ResourceTypeSchema, bytes);
  return { id, displayName };
}

export function decodeStoredEntitlement(bytes: Uint8Array): StoredEntitlement {
  const { displayName, id, resource, slug } = fromBinary(EntitlementSchema, bytes);
  const { resourceType = "", resource: resourceId = "" } = resource?.id ?? {};
  return { id, slug, displayName, resourceType, resourceId };
}

export function decodeStoredGrant(bytes: Uint8Array): StoredGrant {
  const { entitlement, id, principal } = fromBinary(GrantSchema, bytes);
  const { resourceType: principalType = "", resource: principalId = "" } = principal?.id ?? {};
  return { id, entitlementId: entitlement?.id ?? "", principalType, principalId };
}

function userTraitOf({ annotations }: Resource) {
  for (const annotation of annotations) {
    const trait = anyUnpack(annotation, UserTraitSchema);
    if (trait !== undefined) return trait;
  }
  return undefined;
}

const statusNames: Readonly<Record<number, string>> = {
  [Status_ResourceStatus.ENABLED]: "enabled",
  [Status_ResourceStatus.DISABLED]: "disabled",
  [Status_ResourceStatus.DELETED]: "deleted",
};

/** Older files have the status on the trait alone; both enums have the same numbers. */
function statusOf(resource: Resource, onTrait: UserTrait_Status_Status | undefined): string {
  return statusNames[resource.status?.status ?? 0] ?? statusNames[onTrait ?? 0] ?? "";
}
