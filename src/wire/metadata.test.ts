import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, createRegistry, toBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { SkipEntitlementsAndGrantsSchema } from "./gen/c1/connector/v2/annotation_pb.ts";
import { ConnectorCapabilitiesSchema, ConnectorMetadataSchema } from "./gen/c1/connector/v2/connector_pb.ts";
import { encodeCapabilities, encodeMetadata } from "./metadata.ts";

const user = { id: "user", displayName: "User", trait: "user", skipEntitlementsAndGrants: true } as const;
const role = { id: "role", displayName: "Role", trait: "role", skipEntitlementsAndGrants: false } as const;

const readOnly: ConnectorMetadata = {
  displayName: "Cursor",
  description: "Syncs a Cursor team.",
  helpUrl: "https://example.com/help",
  resourceTypes: [
    { type: user, capabilities: ["sync"] },
    { type: role, capabilities: ["sync"] },
  ],
  accountFields: [],
};

const provisioning: ConnectorMetadata = {
  ...readOnly,
  resourceTypes: [
    // Neither the types nor the capabilities come in order.
    { type: user, capabilities: ["resource_delete", "account_provisioning", "sync"] },
    { type: role, capabilities: ["sync"] },
  ],
  accountFields: [
    { key: "email", displayName: "E-mail", description: "Where to invite", placeholder: "a@b.c", required: true },
    { key: "first_name", displayName: "First name", description: "", placeholder: "", required: false },
  ],
};

function json(metadata: ConnectorMetadata): unknown {
  const registry = createRegistry(ConnectorCapabilitiesSchema, SkipEntitlementsAndGrantsSchema);
  return toJson(AnySchema, anyPack(ConnectorCapabilitiesSchema, encodeCapabilities(metadata)), { registry });
}

suite("what the connector says about itself", () => {
  test("without provisioning: sync alone, and the empty parts are there", () => {
    assert.deepEqual(json(readOnly), {
      "@type": "type.googleapis.com/c1.connector.v2.ConnectorCapabilities",
      resourceTypeCapabilities: [
        {
          resourceType: { id: "role", displayName: "Role", traits: ["TRAIT_ROLE"] },
          capabilities: ["CAPABILITY_SYNC"],
          permissions: {},
        },
        {
          resourceType: {
            id: "user",
            displayName: "User",
            traits: ["TRAIT_USER"],
            annotations: [{ "@type": "type.googleapis.com/c1.connector.v2.SkipEntitlementsAndGrants" }],
          },
          capabilities: ["CAPABILITY_SYNC"],
          permissions: {},
        },
      ],
      connectorCapabilities: ["CAPABILITY_SYNC"],
      credentialDetails: {},
    });
  });

  test("with provisioning: capabilities in order, and nobody is given a password", () => {
    const all = ["CAPABILITY_SYNC", "CAPABILITY_ACCOUNT_PROVISIONING", "CAPABILITY_RESOURCE_DELETE"];
    const { resourceTypeCapabilities, connectorCapabilities, credentialDetails } = toJson(
      ConnectorCapabilitiesSchema,
      encodeCapabilities(provisioning),
      { registry: createRegistry(SkipEntitlementsAndGrantsSchema) },
    ) as Record<string, { capabilities: string[] }[]>;
    assert.deepEqual(
      resourceTypeCapabilities?.map(({ capabilities }) => capabilities),
      [["CAPABILITY_SYNC"], all],
    );
    assert.deepEqual(connectorCapabilities, all);
    assert.deepEqual(credentialDetails, {
      capabilityAccountProvisioning: {
        supportedCredentialOptions: ["CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD"],
        preferredCredentialOption: "CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD",
      },
    });
  });

  test("the account form goes with account provisioning only", () => {
    assert.equal(encodeMetadata(readOnly).accountCreationSchema, undefined);
    assert.equal(
      encodeMetadata({ ...readOnly, accountFields: provisioning.accountFields }).accountCreationSchema,
      undefined,
    );
    assert.deepEqual(
      toJson(
        ConnectorMetadataSchema,
        create(ConnectorMetadataSchema, {
          accountCreationSchema: encodeMetadata(provisioning).accountCreationSchema,
        }),
      ),
      {
        accountCreationSchema: {
          fieldMap: {
            email: {
              displayName: "E-mail",
              required: true,
              description: "Where to invite",
              placeholder: "a@b.c",
              order: 1,
              stringField: {},
            },
            first_name: { displayName: "First name", order: 2, stringField: {} },
          },
        },
      },
    );
  });

  test("what C1 would refuse is refused here, and what is too long is cut", () => {
    assert.throws(() => encodeMetadata({ ...readOnly, displayName: " " }), { code: "invalid_argument" });
    assert.throws(() => encodeMetadata({ ...readOnly, helpUrl: "http://example.com" }), { code: "invalid_argument" });
    const long = encodeMetadata({ ...readOnly, displayName: "ü".repeat(2000), description: "ü".repeat(5000) });
    assert.ok(Buffer.byteLength(long.displayName) <= 1024);
    assert.ok(Buffer.byteLength(long.description) <= 4096);
  });

  test("the same metadata gives the same bytes", () => {
    const bytes = (): Uint8Array => toBinary(ConnectorMetadataSchema, encodeMetadata(provisioning));
    assert.deepEqual(bytes(), bytes());
  });
});
