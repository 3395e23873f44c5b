import type { DatabaseSync } from "node:sqlite";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import {
  EntitlementSchema,
  GrantSchema,
  ResourceSchema,
  ResourceTypeSchema,
  Status_ResourceStatus,
} from "../../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import { findOddities } from "./unknown-fields.ts";
import { registry } from "./wire.ts";

type Row = Readonly<Record<string, unknown>>;
/** Column values that a record implies. */
type Columns = Readonly<Record<string, string | null>>;

const traits: ReadonlyMap<string, string> = new Map([
  ["user", "type.googleapis.com/c1.connector.v2.UserTrait"],
  ["role", "type.googleapis.com/c1.connector.v2.RoleTrait"],
]);
/** More would only hide the first ones. */
const problemLimit = 20;

/** Decodes every record, compares it with its row's columns, and returns the number of disabled users. */
export function inspectBlobs(database: DatabaseSync, problems: string[]): number {
  let disabled = 0;
  inspect(database, "v1_resource_types", ResourceTypeSchema, problems, (type) => ({ external_id: type.id }));
  inspect(database, "v1_resources", ResourceSchema, problems, (resource) => {
    const { resourceType, resource: id } = resource.id ?? { resourceType: "", resource: "" };
    const trait = traits.get(resourceType);
    if (trait !== undefined && !resource.annotations.some(({ typeUrl }) => typeUrl === trait)) {
      problems.push(`${resourceType}:${id} has no ${trait}`);
    }
    if (resourceType === "user" && resource.status?.status === Status_ResourceStatus.DISABLED) disabled += 1;
    return {
      resource_type_id: resourceType,
      external_id: `${resourceType}:${id}`,
      parent_resource_type_id: resource.parentResourceId?.resourceType ?? null,
      parent_resource_id: resource.parentResourceId?.resource ?? null,
    };
  });
  inspect(database, "v1_entitlements", EntitlementSchema, problems, (entitlement) => ({
    resource_type_id: entitlement.resource?.id?.resourceType ?? "",
    resource_id: entitlement.resource?.id?.resource ?? "",
    external_id: entitlement.id,
  }));
  inspect(database, "v1_grants", GrantSchema, problems, (grant) => ({
    resource_type_id: grant.entitlement?.resource?.id?.resourceType ?? "",
    resource_id: grant.entitlement?.resource?.id?.resource ?? "",
    entitlement_id: grant.entitlement?.id ?? "",
    principal_resource_type_id: grant.principal?.id?.resourceType ?? "",
    principal_resource_id: grant.principal?.id?.resource ?? "",
    external_id: grant.id,
    expansion: null,
  }));
  return disabled;
}

function inspect<D extends DescMessage>(
  database: DatabaseSync,
  table: string,
  schema: D,
  problems: string[],
  columnsOf: (record: MessageShape<D>) => Columns,
): void {
  for (const row of database.prepare(`SELECT * FROM ${table} ORDER BY id`).iterate()) {
    if (problems.length >= problemLimit) return;
    problems.push(...rowProblems(row, schema, columnsOf).map((problem) => `${table} row ${row["id"]}: ${problem}`));
  }
}

function rowProblems<D extends DescMessage>(
  row: Row,
  schema: D,
  columnsOf: (record: MessageShape<D>) => Columns,
): string[] {
  const { data } = row;
  if (!(data instanceof Uint8Array)) return ["data is no blob"];
  try {
    const record = fromBinary(schema, data);
    const oddities = findOddities(record, registry).map(({ path, message }) => `${path} ${message}`);
    const wrong = Object.entries(columnsOf(record)).filter(([name, value]) => row[name] !== value || value === "");
    return [...oddities, ...wrong.map(([name, value]) => `${name} is ${row[name]}, the record says ${value}`)];
  } catch (reason) {
    return [`data does not decode: ${String(reason)}`];
  }
}
