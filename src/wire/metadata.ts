import { create } from "@bufbuild/protobuf";
import type { AccountField, Capability, ConnectorMetadata } from "../baton/connector.ts";
import { StatusError } from "../baton/status-error.ts";
import {
  CapabilityDetailCredentialOption,
  Capability as CapabilityNumber,
  CapabilityPermissionsSchema,
  type ConnectorAccountCreationSchema,
  ConnectorAccountCreationSchema_FieldSchema,
  ConnectorAccountCreationSchema_StringFieldSchema,
  ConnectorAccountCreationSchemaSchema,
  type ConnectorCapabilities,
  ConnectorCapabilitiesSchema,
  type ConnectorMetadata as ConnectorMetadataMessage,
  ConnectorMetadataSchema,
  type CredentialDetails,
  CredentialDetailsSchema,
} from "./gen/c1/connector/v2/connector_pb.ts";
import { encodeResourceType } from "./resource-type.ts";
import { oneLine } from "./text.ts";

/** What C1 accepts (validation rules of c1.connector.v2.ConnectorMetadata), in bytes. */
const maxDisplayNameBytes = 1024;
const maxDescriptionBytes = 4096;

/** In the order in which C1 expects them per resource type. */
const capabilityNumbers: Readonly<Record<Capability, CapabilityNumber>> = {
  sync: CapabilityNumber.SYNC,
  account_provisioning: CapabilityNumber.ACCOUNT_PROVISIONING,
  resource_delete: CapabilityNumber.RESOURCE_DELETE,
};

/**
 * What the connector says about itself in Hello. Throws `invalid_argument` when C1 would refuse it: without a display
 * name, or with a help address that is not https.
 */
export function encodeMetadata(metadata: ConnectorMetadata): ConnectorMetadataMessage {
  const displayName = oneLine(metadata.displayName, maxDisplayNameBytes);
  if (displayName === "") throw new StatusError("invalid_argument", "the connector has no display name");
  if (!/^https:\/\//.test(metadata.helpUrl)) {
    throw new StatusError("invalid_argument", "the connector's help address does not start with https://");
  }
  return create(ConnectorMetadataSchema, {
    displayName,
    helpUrl: metadata.helpUrl,
    description: oneLine(metadata.description, maxDescriptionBytes),
    capabilities: encodeCapabilities(metadata),
    ...(provisionsAccounts(metadata) ? { accountCreationSchema: accountSchema(metadata.accountFields) } : {}),
  });
}

/**
 * What can be done with which resource type; also what the `capabilities` command prints. Types are sorted by id, the
 * connector's own list is the union in numeric order, and the parts that baton-sdk never leaves out are always set.
 */
export function encodeCapabilities(metadata: ConnectorMetadata): ConnectorCapabilities {
  const types = metadata.resourceTypes
    .map(({ type, capabilities }) => ({
      resourceType: encodeResourceType(type),
      capabilities: inOrder(capabilities),
      permissions: create(CapabilityPermissionsSchema),
    }))
    .sort((a, b) => (a.resourceType.id < b.resourceType.id ? -1 : 1));
  const union = new Set(types.flatMap(({ capabilities }) => capabilities));
  return create(ConnectorCapabilitiesSchema, {
    resourceTypeCapabilities: types,
    connectorCapabilities: [...union].sort((a, b) => a - b),
    credentialDetails: credentialDetails(metadata),
  });
}

function inOrder(capabilities: readonly Capability[]): CapabilityNumber[] {
  const order = Object.keys(capabilityNumbers);
  return [...new Set(capabilities)]
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((name) => capabilityNumbers[name]);
}

/** Accounts are made in a directory and people sign in through it: nobody is given a password. */
function credentialDetails(metadata: ConnectorMetadata): CredentialDetails {
  if (!provisionsAccounts(metadata)) return create(CredentialDetailsSchema);
  return create(CredentialDetailsSchema, {
    capabilityAccountProvisioning: {
      supportedCredentialOptions: [CapabilityDetailCredentialOption.NO_PASSWORD],
      preferredCredentialOption: CapabilityDetailCredentialOption.NO_PASSWORD,
    },
  });
}

function provisionsAccounts({ resourceTypes }: ConnectorMetadata): boolean {
  return resourceTypes.some(({ capabilities }) => capabilities.includes("account_provisioning"));
}

/** The form for new accounts: text fields in the order given, counted from 1. */
function accountSchema(fields: readonly AccountField[]): ConnectorAccountCreationSchema {
  const entries = fields.map(({ key, displayName, description, placeholder, required }, index) => [
    key,
    create(ConnectorAccountCreationSchema_FieldSchema, {
      displayName,
      required,
      description,
      placeholder,
      order: index + 1,
      field: { case: "stringField", value: create(ConnectorAccountCreationSchema_StringFieldSchema) },
    }),
  ]);
  return create(ConnectorAccountCreationSchemaSchema, { fieldMap: Object.fromEntries(entries) });
}
