import { Capability, type ConnectorMetadata } from "../../../src/wire/gen/c1/connector/v2/connector_pb.ts";
import type { ResourceType } from "../../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import { bytes, type Fault } from "./rule-kit.ts";

const maxNameBytes = 1024;
const maxTextBytes = 4096;

/** The order of capabilities of one resource type. */
const perTypeOrder: readonly Capability[] = [
  Capability.SYNC,
  Capability.TARGETED_SYNC,
  Capability.PROVISION,
  Capability.ACCOUNT_PROVISIONING,
  Capability.RESOURCE_DELETE,
  Capability.RESOURCE_CREATE,
  Capability.CREDENTIAL_ROTATION,
  Capability.CREDENTIAL_ISSUE,
];

/** What is wrong with the metadata of a Hello. */
export function metadataFaults(metadata: ConnectorMetadata | undefined): Fault[] {
  if (metadata === undefined) return [["connector_metadata", "is not set"]];
  return [
    ...bytes("display_name", metadata.displayName, 1, maxNameBytes),
    ...bytes("description", metadata.description, 0, maxTextBytes),
    ...helpUrl(metadata.helpUrl),
    ...capabilities(metadata),
    ...accountSchema(metadata),
  ].map(([field, message]) => [`connector_metadata.${field}`, message]);
}

function helpUrl(url: string): Fault[] {
  if (url === "" || (URL.canParse(url) && new URL(url).protocol === "https:")) return [];
  return [["help_url", `"${url}" is not an https address`]];
}

function capabilities({ capabilities: all }: ConnectorMetadata): Fault[] {
  if (all === undefined) return [["capabilities", "is not set"]];
  const faults: Fault[] = [];
  const rows = all.resourceTypeCapabilities;
  const ids = rows.map(({ resourceType }) => resourceType?.id ?? "");
  if (ids.join() !== [...new Set(ids)].sort().join()) {
    faults.push(["capabilities.resource_type_capabilities", `are not sorted and unique: ${ids}`]);
  }
  for (const [at, row] of rows.entries()) {
    const path = `capabilities.resource_type_capabilities[${at}]`;
    faults.push(...resourceType(`${path}.resource_type`, row.resourceType));
    const rank = row.capabilities.map((capability) => perTypeOrder.indexOf(capability));
    if (!strictlyRising(rank) || rank.includes(-1)) faults.push([`${path}.capabilities`, `are ${row.capabilities}`]);
    if (row.permissions === undefined) faults.push([`${path}.permissions`, "is not set"]);
  }
  const union = new Set(rows.flatMap((row) => row.capabilities));
  if (union.has(Capability.TARGETED_SYNC)) union.add(Capability.SERVICE_MODE_TARGETED_SYNC);
  const wanted = [...union].sort((a, b) => a - b);
  if (all.connectorCapabilities.join() !== wanted.join()) {
    faults.push(["capabilities.connector_capabilities", `are ${all.connectorCapabilities}, not ${wanted}`]);
  }
  return [...faults, ...credentials(all, union.has(Capability.ACCOUNT_PROVISIONING))];
}

function credentials(all: NonNullable<ConnectorMetadata["capabilities"]>, provisioning: boolean): Fault[] {
  const field = "capabilities.credential_details";
  if (all.credentialDetails === undefined) return [[field, "is not set"]];
  const details = all.credentialDetails.capabilityAccountProvisioning;
  if ((details !== undefined) !== provisioning) {
    return [[field, "and ACCOUNT_PROVISIONING do not agree"]];
  }
  if (details === undefined) return [];
  const { preferredCredentialOption: preferred, supportedCredentialOptions: supported } = details;
  return preferred !== 0 && supported.includes(preferred)
    ? []
    : [[field, `prefers ${preferred}, supports ${supported}`]];
}

function resourceType(path: string, type: ResourceType | undefined): Fault[] {
  if (type === undefined) return [[path, "is not set"]];
  const faults = [
    ...bytes(`${path}.id`, type.id, 1, maxNameBytes),
    ...bytes(`${path}.display_name`, type.displayName, 1, maxNameBytes),
  ];
  if (new Set(type.traits).size !== type.traits.length || type.traits.some((trait) => trait < 1 || trait > 12)) {
    faults.push([`${path}.traits`, `are ${type.traits}`]);
  }
  return faults;
}

function accountSchema(metadata: ConnectorMetadata): Fault[] {
  const provisioning = metadata.capabilities?.connectorCapabilities.includes(Capability.ACCOUNT_PROVISIONING) ?? false;
  if ((metadata.accountCreationSchema !== undefined) !== provisioning) {
    return [["account_creation_schema", "and ACCOUNT_PROVISIONING do not agree"]];
  }
  const fields = Object.entries(metadata.accountCreationSchema?.fieldMap ?? {});
  return fields.flatMap(([name, { field, displayName }]): Fault[] =>
    field.case !== undefined && displayName !== ""
      ? []
      : [[`account_creation_schema.${name}`, "has no kind or no name"]],
  );
}

function strictlyRising(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
}
