import type { Directory } from "./directory.ts";
import type { ScimQuirks, ScimRecord } from "./types.ts";

/** Schema names of RFC 7643 and 7644. */
export const schemaUris = {
  user: "urn:ietf:params:scim:schemas:core:2.0:User",
  list: "urn:ietf:params:scim:api:messages:2.0:ListResponse",
  patch: "urn:ietf:params:scim:api:messages:2.0:PatchOp",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
  config: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
} as const;

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a request finds when it is worked on. */
export interface Site {
  readonly directory: Directory;
  readonly quirks: ScimQuirks;
  readonly url: string;
  readonly basePath: string;
}

/** Where a user is, absolute unless the quirk says otherwise. */
export function locationOf({ quirks, url, basePath }: Site, { id }: ScimRecord): string {
  return `${quirks.relativeLocation === true ? "" : url}${basePath}/Users/${encodeURIComponent(id)}`;
}

/** The version as ETag and `meta.version` (RFC 7644 section 3.14). */
export function versionOf({ directory }: Site, record: ScimRecord): string {
  return `W/"${directory.details(record).version}"`;
}

/** A user as it is sent. */
export function userResource(site: Site, record: ScimRecord): JsonObject {
  const { groups, extra } = site.directory.details(record);
  const { id, userName, active, emails, name } = record;
  const text = active ? "True" : "False";
  return {
    schemas: [schemaUris.user, ...Object.keys(extra).filter((key) => key.startsWith("urn:"))],
    id,
    userName,
    name,
    emails,
    active: site.quirks.activeAsString === true ? text : active,
    ...extra,
    ...(groups === undefined ? {} : { groups }),
    meta: {
      resourceType: "User",
      created: "2026-01-05T09:00:00.000Z",
      lastModified: "2026-01-05T09:00:00.000Z",
      location: locationOf(site, record),
      ...(site.quirks.etagSupported === true ? { version: versionOf(site, record) } : {}),
    },
  };
}

/** Whether `hiddenUsers` has this name. */
export function isHidden({ quirks }: Site, userName: string): boolean {
  return quirks.hiddenUsers?.some((hidden) => hidden.toLowerCase() === userName.toLowerCase()) ?? false;
}
