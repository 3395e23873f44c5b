import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { SkipEntitlementsAndGrantsSchema } from "../../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import {
  Capability,
  CapabilityDetailCredentialOption,
  CredentialDetailsSchema,
} from "../../../src/wire/gen/c1/connector/v2/connector_pb.ts";
import { grpcCodes, newTaskId, startC1Server } from "../c1-server.ts";
import { createRawClient } from "./raw-client.ts";
import { helloMessage } from "./samples.ts";
import type { Requests } from "./types.ts";
import { schemas } from "./wire.ts";

type Hello = Requests["Hello"];
const long = "x".repeat(257);
const annotation = anyPack(SkipEntitlementsAndGrantsSchema, create(SkipEntitlementsAndGrantsSchema));
const stray = { no: 1999, wireType: 0, data: Uint8Array.of(1) } as const;

/** A right Hello with one thing changed. */
function changed(change: (hello: Hello) => void): Uint8Array {
  const message = helloMessage();
  change(message);
  return toBinary(schemas.Hello.request, message);
}

const wrongHello: readonly [name: string, change: (hello: Hello) => void, field: RegExp][] = [
  [
    "no host id",
    (h) => {
      h.hostId = "";
    },
    /^host_id$/,
  ],
  [
    "a long host id",
    (h) => {
      h.hostId = long;
    },
    /^host_id$/,
  ],
  [
    "a short task id",
    (h) => {
      h.taskId = "abc";
    },
    /^task_id$/,
  ],
  [
    "a task id with punctuation",
    (h) => {
      h.taskId = `${newTaskId().slice(1)}-`;
    },
    /^task_id$/,
  ],
  [
    "a long package",
    (h) => {
      h.buildInfo!.package = long;
    },
    /^build_info.package$/,
  ],
  [
    "no os_info",
    (h) => {
      h.osInfo = undefined;
    },
    /^os_info.hostname$/,
  ],
  [
    "an empty kernel version",
    (h) => {
      h.osInfo!.kernelVersion = "";
    },
    /^os_info.kernelVersion$/,
  ],
  [
    "a long host name",
    (h) => {
      h.osInfo!.hostname = long;
    },
    /^os_info.hostname$/,
  ],
  [
    "no metadata",
    (h) => {
      h.connectorMetadata = undefined;
    },
    /^connector_metadata$/,
  ],
  [
    "no display name",
    (h) => {
      h.connectorMetadata!.displayName = "";
    },
    /display_name$/,
  ],
  [
    "a display name of 1025 bytes",
    (h) => {
      h.connectorMetadata!.displayName = `x${"ü".repeat(512)}`;
    },
    /display_name$/,
  ],
  [
    "a long description",
    (h) => {
      h.connectorMetadata!.description = "x".repeat(4097);
    },
    /description$/,
  ],
  [
    "a help address over http",
    (h) => {
      h.connectorMetadata!.helpUrl = "http://example.com";
    },
    /help_url$/,
  ],
  [
    "no capabilities",
    (h) => {
      h.connectorMetadata!.capabilities = undefined;
    },
    /capabilities$/,
  ],
  [
    "resource types out of order",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities.reverse();
    },
    /resource_type_capabilities$/,
  ],
  [
    "capabilities out of order",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[0]!.capabilities = [
        Capability.PROVISION,
        Capability.SYNC,
      ];
      h.connectorMetadata!.capabilities!.connectorCapabilities = [Capability.PROVISION, Capability.SYNC];
    },
    /\[0\].capabilities$/,
  ],
  [
    "a union that does not agree",
    (h) => {
      h.connectorMetadata!.capabilities!.connectorCapabilities = [];
    },
    /connector_capabilities$/,
  ],
  [
    "no permissions message",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[1]!.permissions = undefined;
    },
    /permissions$/,
  ],
  [
    "a resource type without id",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[0]!.resourceType!.id = "";
    },
    /resource_type.id$/,
  ],
  [
    "a doubled trait",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[0]!.resourceType!.traits.push(3);
    },
    /traits$/,
  ],
  [
    "no credential details",
    (h) => {
      h.connectorMetadata!.capabilities!.credentialDetails = undefined;
    },
    /credential_details$/,
  ],
  [
    "provisioning without its schema",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[1]!.capabilities.push(
        Capability.ACCOUNT_PROVISIONING,
      );
      h.connectorMetadata!.capabilities!.connectorCapabilities.push(Capability.ACCOUNT_PROVISIONING);
      h.connectorMetadata!.capabilities!.credentialDetails = create(CredentialDetailsSchema, {
        capabilityAccountProvisioning: {
          supportedCredentialOptions: [CapabilityDetailCredentialOption.NO_PASSWORD],
          preferredCredentialOption: CapabilityDetailCredentialOption.NO_PASSWORD,
        },
      });
    },
    /account_creation_schema$/,
  ],
  [
    "17 annotations",
    (h) => {
      h.annotations = Array(17).fill(annotation);
    },
    /^annotations$/,
  ],
  [
    "an unknown field",
    (h) => {
      h.$unknown = [stray];
    },
    /^$/,
  ],
  [
    "an unknown field deep inside",
    (h) => {
      h.connectorMetadata!.capabilities!.resourceTypeCapabilities[1]!.resourceType!.$unknown = [stray];
    },
    /^connectorMetadata.capabilities.resourceTypeCapabilities\[1\].resourceType$/,
  ],
  [
    "an unknown field inside an Any",
    (h) => {
      const odd = create(SkipEntitlementsAndGrantsSchema);
      odd.$unknown = [stray];
      h.annotations = [anyPack(SkipEntitlementsAndGrantsSchema, odd)];
    },
    /^annotations\[0\]<c1.connector.v2.SkipEntitlementsAndGrants>$/,
  ],
  [
    "an Any with a bare type name",
    (h) => {
      h.annotations = [{ ...annotation, typeUrl: "c1.connector.v2.SkipGrants" }];
    },
    /^annotations\[0\]$/,
  ],
];

suite("the fake C1 refuses a Hello with", () => {
  for (const [name, change, field] of wrongHello) {
    test(name, async () => {
      await using c1 = await startC1Server();
      using client = createRawClient(c1);
      await client.login();
      await assert.rejects(client.call("Hello", changed(change)), { code: grpcCodes.INVALID_ARGUMENT });
      const fields = c1.takeViolations().map((violation) => violation.field);
      assert.ok(
        fields.some((found) => field.test(found)),
        `violations of ${fields}`,
      );
    });
  }

  test("nothing wrong: takes it, at the limits too", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    await client.login();
    await client.call(
      "Hello",
      changed((h) => {
        h.hostId = "ü".repeat(256);
        h.osInfo!.hostname = "x".repeat(256);
        h.connectorMetadata!.displayName = "ü".repeat(512);
        h.annotations = Array(16).fill(annotation);
      }),
    );
  });
});
