// The tables and indexes of a v1 sync file, as the official SDK creates them (baton-sdk, pkg/dotc1z). Readers create
// what they miss by name, so the names are part of the format, also where they mislead: on v1_resources the index that
// is called "external_sync" covers the parent and the one called "parent_resource_id" is the unique one.

/** Statements that make the empty tables, in the SDK's order. */
export const createTables: readonly string[] = [
  `CREATE TABLE v1_resource_types (
    id integer primary key,
    external_id text not null,
    data blob not null,
    sync_id text not null,
    discovered_at datetime not null
  )`,
  `CREATE TABLE v1_resources (
    id integer primary key,
    resource_type_id text not null,
    external_id text not null,
    parent_resource_type_id text,
    parent_resource_id text,
    data blob not null,
    sync_id text not null,
    discovered_at datetime not null
  )`,
  `CREATE TABLE v1_entitlements (
    id integer primary key,
    resource_type_id text not null,
    resource_id text not null,
    external_id text not null,
    data blob not null,
    sync_id text not null,
    discovered_at datetime not null
  )`,
  `CREATE TABLE v1_sync_runs (
    id integer primary key,
    sync_id text not null,
    started_at datetime not null,
    ended_at datetime,
    sync_token text not null,
    sync_type text not null default 'full',
    parent_sync_id text not null default '',
    linked_sync_id text not null default '',
    supports_diff integer not null default 0,
    grants_backfilled integer not null default 0,
    stats text,
    ingest_invariant_generation text not null default '',
    ingest_invariant_coverage text not null default '',
    ingest_invariant_mode text not null default ''
  )`,
  `CREATE TABLE v1_grants (
    id integer primary key,
    resource_type_id text not null,
    resource_id text not null,
    entitlement_id text not null,
    principal_resource_type_id text not null,
    principal_resource_id text not null,
    external_id text not null,
    expansion blob,
    needs_expansion integer not null default 0,
    data blob not null,
    sync_id text not null,
    discovered_at datetime not null
  )`,
  `CREATE TABLE v1_assets (
    id integer primary key,
    external_id text not null,
    content_type text not null,
    data blob not null,
    sync_id text not null,
    discovered_at datetime not null
  )`,
  `CREATE TABLE v1_connector_sessions (
    id integer primary key,
    sync_id text not null,
    key text not null,
    value blob not null
  )`,
];

/**
 * Indexes made before rows go in: the unique ones, because they find duplicates, and those that stay empty or tiny,
 * because making them later would scan the largest table for nothing.
 */
export const indexesBeforeLoad: readonly string[] = [
  "CREATE UNIQUE INDEX idx_resource_types_external_sync_v1 ON v1_resource_types (external_id, sync_id)",
  "CREATE UNIQUE INDEX idx_resources_parent_resource_id_v1 ON v1_resources (external_id, sync_id)",
  "CREATE INDEX idx_entitlements_resource_id_v1 ON v1_entitlements (resource_type_id, resource_id)",
  "CREATE UNIQUE INDEX idx_entitlements_external_sync_v1 ON v1_entitlements (external_id, sync_id)",
  "CREATE UNIQUE INDEX idx_sync_runs_sync_id_v1 ON v1_sync_runs (sync_id)",
  "CREATE UNIQUE INDEX idx_grants_external_sync_v1 ON v1_grants (external_id, sync_id)",
  "CREATE INDEX idx_grants_sync_expansion_v1 ON v1_grants (sync_id) WHERE expansion IS NOT NULL",
  "CREATE INDEX idx_grants_sync_needs_expansion_v1 ON v1_grants (sync_id) WHERE needs_expansion = 1",
  "CREATE UNIQUE INDEX idx_assets_external_sync_v1 ON v1_assets (external_id, sync_id)",
  "CREATE UNIQUE INDEX idx_session_store_sync_key_v1 ON v1_connector_sessions (sync_id, key)",
];

/** Indexes made from the full tables: sorting once is faster and smaller than inserting row by row. */
export const indexesAfterLoad: readonly string[] = [
  "CREATE INDEX idx_resources_resource_type_id_v1 ON v1_resources (resource_type_id)",
  "CREATE INDEX idx_resources_external_sync_v1 ON v1_resources (parent_resource_type_id, parent_resource_id)",
  "CREATE INDEX idx_grants_resource_type_id_resource_id_v1 ON v1_grants (resource_type_id, resource_id)",
  "CREATE INDEX idx_grants_principal_id_v1 ON v1_grants (principal_resource_type_id, principal_resource_id)",
  "CREATE INDEX idx_grants_entitlement_id_principal_id_v1 ON v1_grants (entitlement_id, principal_resource_type_id, principal_resource_id)",
  "CREATE INDEX idx_grants_entitlement_sync_grant_v1 ON v1_grants (entitlement_id, sync_id, id)",
];

/** The tables that a sync fills, for checks table by table. */
export const objectTables = ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants"] as const;

/**
 * The statements of one sync, one row each. The sync id and the time are the same in every row and never come from
 * outside, so they stand in the text: binding them costs a tenth of the load.
 */
export function syncStatements(syncId: string, discoveredAt: string) {
  const id = literal(syncId);
  const constants = `${id}, ${literal(discoveredAt)}`;
  return {
    insertResourceType: `INSERT INTO v1_resource_types (external_id, data, sync_id, discovered_at) VALUES (?, ?, ${constants})`,
    insertResource: `INSERT INTO v1_resources (resource_type_id, external_id, data, sync_id, discovered_at)
      VALUES (?, ?, ?, ${constants})`,
    insertEntitlement: `INSERT INTO v1_entitlements (resource_type_id, resource_id, external_id, data, sync_id, discovered_at)
      VALUES (?, ?, ?, ?, ${constants})`,
    insertGrant: `INSERT INTO v1_grants (resource_type_id, resource_id, entitlement_id, principal_resource_type_id,
        principal_resource_id, external_id, data, sync_id, discovered_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ${constants})`,
    insertSyncRun: `INSERT INTO v1_sync_runs (sync_id, started_at, ended_at, sync_token, sync_type, supports_diff,
        grants_backfilled, stats)
      VALUES (${id}, ?, ?, ?, ?, ?, 1, ?)`,
    resourceExists: `SELECT 1 FROM v1_resources WHERE external_id = ? AND sync_id = ${id}`,
    entitlementExists: `SELECT 1 FROM v1_entitlements
      WHERE external_id = ? AND sync_id = ${id} AND resource_type_id = ? AND resource_id = ?`,
    // Walks the principal index and the unique index side by side, both in the same order.
    danglingPrincipal: `SELECT external_id FROM v1_grants INDEXED BY idx_grants_principal_id_v1
      WHERE NOT EXISTS (SELECT 1 FROM v1_resources
        WHERE external_id = principal_resource_type_id || ':' || principal_resource_id AND sync_id = ${id})
      LIMIT 1`,
  } as const;
}

/** A text as SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
