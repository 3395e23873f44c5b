/** Rows per resource type, by type id; for entitlements and grants the type of the resource that grants. */
export type RowsByType = ReadonlyMap<string, number>;

export interface SyncStats {
  /** Ids of all resource types of the sync; types without resources are listed with 0. */
  readonly resourceTypes: readonly string[];
  readonly resources: RowsByType;
  readonly entitlements: RowsByType;
  readonly grants: RowsByType;
}

/**
 * The `stats` column of a finished run: c1.reader.v2.SyncStats as Go's encoding/json writes it, that is snake_case
 * names, numbers as numbers, sorted map keys, zeros and empty maps left out. Readers believe it without counting, so it
 * has to be exact.
 */
export function statsJson(stats: SyncStats): string {
  const resources = new Map(stats.resourceTypes.map((type) => [type, stats.resources.get(type) ?? 0]));
  return JSON.stringify({
    resource_types: present(stats.resourceTypes.length),
    resources: present(total(resources)),
    entitlements: present(total(stats.entitlements)),
    grants: present(total(stats.grants)),
    resources_by_resource_type: presentMap(resources),
    grants_by_resource_type: presentMap(stats.grants),
    entitlements_by_resource_type: presentMap(stats.entitlements),
  });
}

/** All rows of a table. */
export function total(rows: RowsByType): number {
  return [...rows.values()].reduce((sum, count) => sum + count, 0);
}

function present(count: number): number | undefined {
  return count === 0 ? undefined : count;
}

function presentMap(rows: RowsByType): Readonly<Record<string, number>> | undefined {
  if (rows.size === 0) return undefined;
  return Object.fromEntries([...rows].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
