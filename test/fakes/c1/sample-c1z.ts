import { DatabaseSync } from "node:sqlite";
import { constants, zstdCompressSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  EntitlementSchema,
  GrantSchema,
  type Resource,
  ResourceSchema,
  ResourceType_Trait,
  ResourceTypeSchema,
  Status_ResourceStatus,
} from "../../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import { RoleTraitSchema, UserTraitSchema } from "../../../src/wire/gen/c1/connector/v2/trait_pb.ts";

/** How the sample differs from a good file. */
export interface SampleChanges {
  /** SQL to run on the finished database. */
  readonly sql?: string;
  /** Leave the frame's checksum out. */
  readonly noChecksum?: boolean;
  /** Bytes behind the frame. */
  readonly trailing?: string;
}

const syncId = "36zfOAoWMxQdISbixanQCRBiX7E";
const at = "2026-01-02 03:04:05.678";
const tables = `
  CREATE TABLE v1_resource_types (id integer primary key, external_id text, data blob, sync_id text, discovered_at datetime);
  CREATE TABLE v1_resources (id integer primary key, resource_type_id text, external_id text, parent_resource_type_id text,
    parent_resource_id text, data blob, sync_id text, discovered_at datetime);
  CREATE TABLE v1_entitlements (id integer primary key, resource_type_id text, resource_id text, external_id text, data blob,
    sync_id text, discovered_at datetime);
  CREATE TABLE v1_grants (id integer primary key, resource_type_id text, resource_id text, entitlement_id text,
    principal_resource_type_id text, principal_resource_id text, external_id text, expansion blob, data blob, sync_id text,
    discovered_at datetime);
  CREATE TABLE v1_sync_runs (id integer primary key, sync_id text, started_at datetime, ended_at datetime, sync_token text,
    sync_type text, parent_sync_id text, grants_backfilled integer, stats text);`;

/** A small c1z by hand: two users (one disabled), one role, one entitlement, one grant. */
export function sampleC1z(changes: SampleChanges = {}): Buffer {
  const database = new DatabaseSync(":memory:");
  database.exec(tables);
  fill(database);
  if (changes.sql !== undefined) database.exec(changes.sql);
  const bytes = database.serialize();
  database.close();
  const frame = zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_checksumFlag]: changes.noChecksum === true ? 0 : 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
    },
  });
  return Buffer.concat([Buffer.from("C1ZF\0"), frame, Buffer.from(changes.trailing ?? "")]);
}

function fill(database: DatabaseSync): void {
  const insert = (table: string, row: Readonly<Record<string, string | number | null | Uint8Array>>): void => {
    const names = Object.keys(row);
    database
      .prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => "?")})`)
      .run(...Object.values(row).map((value) => value));
  };
  const shared = { sync_id: syncId, discovered_at: at };
  for (const [id, trait] of [
    ["user", ResourceType_Trait.USER],
    ["role", ResourceType_Trait.ROLE],
  ] as const) {
    const type = create(ResourceTypeSchema, { id, displayName: id, traits: [trait] });
    insert("v1_resource_types", { external_id: id, data: toBinary(ResourceTypeSchema, type), ...shared });
  }
  const role = sampleResource("role", "owner", Status_ResourceStatus.UNSPECIFIED);
  const ann = sampleResource("user", "ann", Status_ResourceStatus.ENABLED);
  for (const resource of [ann, sampleResource("user", "bob", Status_ResourceStatus.DISABLED), role]) {
    const { resourceType = "", resource: id = "" } = resource.id ?? {};
    insert("v1_resources", {
      resource_type_id: resourceType,
      external_id: `${resourceType}:${id}`,
      data: toBinary(ResourceSchema, resource),
      ...shared,
    });
  }
  const onRole = { resource_type_id: "role", resource_id: "owner" };
  const entitlement = create(EntitlementSchema, { id: "role:owner:assigned", resource: role, slug: "assigned" });
  const grantId = "role:owner:assigned:user:ann";
  const principal = create(ResourceSchema, { id: { resourceType: "user", resource: "ann" } });
  const grant = create(GrantSchema, { id: grantId, entitlement: { id: entitlement.id, resource: role }, principal });
  insert("v1_entitlements", {
    ...onRole,
    external_id: entitlement.id,
    data: toBinary(EntitlementSchema, entitlement),
    ...shared,
  });
  insert("v1_grants", {
    ...onRole,
    entitlement_id: entitlement.id,
    principal_resource_type_id: "user",
    principal_resource_id: "ann",
    external_id: grantId,
    data: toBinary(GrantSchema, grant),
    ...shared,
  });
  insert("v1_sync_runs", {
    sync_id: syncId,
    started_at: at,
    ended_at: "2026-01-02 03:04:06",
    sync_token: "",
    sync_type: "full",
    parent_sync_id: "",
    grants_backfilled: 1,
    stats: JSON.stringify({ resource_types: 2, resources: 3, entitlements: 1, grants: 1 }),
  });
}

function sampleResource(resourceType: string, resource: string, status: Status_ResourceStatus): Resource {
  const trait =
    resourceType === "user"
      ? anyPack(UserTraitSchema, create(UserTraitSchema, { login: `${resource}@example.com` }))
      : anyPack(RoleTraitSchema, create(RoleTraitSchema));
  return create(ResourceSchema, {
    id: { resourceType, resource },
    displayName: resource,
    annotations: [trait],
    ...(status === Status_ResourceStatus.UNSPECIFIED ? {} : { status: { status } }),
  });
}
