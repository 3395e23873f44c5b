import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import type {
  Entitlement,
  Grant,
  Profile,
  Resource,
  ResourceId,
  ResourceType,
  RoleResource,
  UserResource,
} from "../baton/resource.ts";
import {
  EntitlementImmutableSchema,
  SkipEntitlementsAndGrantsSchema,
} from "../wire/gen/c1/connector/v2/annotation_pb.ts";
import {
  Entitlement_PurposeValue,
  EntitlementSchema,
  GrantSchema,
  ResourceSchema,
  ResourceType_Trait,
  ResourceTypeSchema,
} from "../wire/gen/c1/connector/v2/resource_pb.ts";
import { RoleTraitSchema } from "../wire/gen/c1/connector/v2/trait_pb.ts";
import { clip } from "../wire/text.ts";
import { encodeUserResource } from "../wire/user-resource.ts";
import { createRecordEncoder } from "./records.ts";

// The same records as messages of the generated code, written for reading and not for speed.

const well = (text: string) => text.toWellFormed();
const name = (text: string) => well(clip(text, 1024));

function annotation<M extends DescMessage>(schema: M, fields: MessageInitShape<M>): Any {
  return anyPack(schema, create(schema, fields));
}

function idMessage(id: ResourceId) {
  return { resourceType: well(id.resourceType), resource: well(id.resource) };
}

function typeMessage(type: ResourceType): MessageInitShape<typeof ResourceTypeSchema> {
  return {
    id: well(type.id),
    displayName: name(type.displayName),
    traits: [type.trait === "user" ? ResourceType_Trait.USER : ResourceType_Trait.ROLE],
    annotations: type.skipEntitlementsAndGrants ? [annotation(SkipEntitlementsAndGrantsSchema, {})] : [],
  };
}

function roleMessage(role: RoleResource): MessageInitShape<typeof ResourceSchema> {
  return {
    id: idMessage(role.id),
    displayName: name(role.displayName),
    annotations: [annotation(RoleTraitSchema, {})],
  };
}

function resourceMessage(resource: Resource): MessageInitShape<typeof ResourceSchema> {
  return resource.kind === "user" ? encodeUserResource(resource) : roleMessage(resource);
}

function entitlementMessage(entitlement: Entitlement): MessageInitShape<typeof EntitlementSchema> {
  return {
    resource: roleMessage(entitlement.resource),
    id: well(entitlement.id),
    displayName: name(entitlement.displayName),
    description: well(clip(entitlement.description, 2048)),
    grantableTo: entitlement.grantableTo.map(typeMessage),
    annotations: entitlement.immutable ? [annotation(EntitlementImmutableSchema, {})] : [],
    purpose: Entitlement_PurposeValue.ASSIGNMENT,
    slug: well(entitlement.slug),
  };
}

function grantMessage(grant: Grant): MessageInitShape<typeof GrantSchema> {
  return {
    entitlement: { resource: roleMessage(grant.entitlement.resource), id: well(grant.entitlement.id) },
    principal: { id: idMessage(grant.principal) },
    id: well(grant.id),
  };
}

const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.string({ unit: fc.constantFrom("a", ":", "é", "日", "🧸", "\ud800", "\udc00", "\u0000") }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "x".repeat(127), "x".repeat(128), "日".repeat(1000), "x".repeat(70_000)),
  },
);
const resourceId = fc.record({ resourceType: anyText, resource: anyText });
// Keys that look like numbers are left out here: JavaScript objects, and with them the generated code, cannot keep
// their order.
const profileKey = anyText.filter((key) => well(key) === key && !/^\d+$/.test(key) && key !== "__proto__");
const user = fc.record({
  kind: fc.constant("user" as const),
  id: resourceId,
  displayName: anyText,
  email: fc.option(anyText, { nil: undefined }),
  login: anyText,
  status: fc.constantFrom("enabled" as const, "disabled" as const),
  statusDetails: anyText,
  profile: fc.dictionary(profileKey, fc.oneof(anyText, fc.boolean()), { noNullPrototype: true }),
});
const role = fc.record({ kind: fc.constant("role" as const), id: resourceId, displayName: anyText });
const resourceType = fc.record({
  id: anyText,
  displayName: anyText,
  trait: fc.constantFrom("user" as const, "role" as const),
  skipEntitlementsAndGrants: fc.boolean(),
});
const entitlement = fc.record({
  id: anyText,
  slug: anyText,
  displayName: anyText,
  description: anyText,
  resource: role,
  grantableTo: fc.array(resourceType, { maxLength: 3 }),
  immutable: fc.boolean(),
});

/** Bytes are compared as text, because a difference in 70,000 numbers is nothing to read. */
function assertBytes<M extends DescMessage>(actual: Uint8Array, schema: M, expected: MessageInitShape<M>): void {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  assert.equal(hex(actual), hex(toBinary(schema, create(schema, expected))));
}

suite("createRecordEncoder gives the bytes of the generated code", () => {
  const encoder = createRecordEncoder();

  test("for resource types", () => {
    fc.assert(
      fc.property(resourceType, (type) => {
        assertBytes(encoder.resourceType(type), ResourceTypeSchema, typeMessage(type));
      }),
    );
  });

  test("for users and roles", () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: user }, { weight: 1, arbitrary: role }), (resource) => {
        assertBytes(encoder.resource(resource), ResourceSchema, resourceMessage(resource));
      }),
      { numRuns: 300 },
    );
  });

  test("for entitlements", () => {
    fc.assert(
      fc.property(entitlement, (value) => {
        assertBytes(encoder.entitlement(value), EntitlementSchema, entitlementMessage(value));
      }),
    );
  });

  test("for grants, in whatever order their entitlements come", () => {
    const grants = fc.tuple(
      fc.array(entitlement, { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(resourceId),
      anyText,
    );
    fc.assert(
      fc.property(grants, fc.array(fc.nat(2), { maxLength: 8 }), ([entitlements, principals, id], order) => {
        for (const at of order) {
          const [granted = entitlements[0]!] = entitlements.slice(at % entitlements.length);
          const grant = { id, entitlement: granted, principal: principals.next().value };
          assertBytes(encoder.grant(grant), GrantSchema, grantMessage(grant));
        }
      }),
    );
  });
});

suite("createRecordEncoder", () => {
  const plainUser: UserResource = {
    kind: "user",
    id: { resourceType: "user", resource: "user_9fQ2" },
    displayName: "Ada",
    email: "ada@example.com",
    login: "Ada@Example.com",
    status: "enabled",
    statusDetails: "",
    profile: {},
  };

  test("sorts profile keys, so that the order they are given in does not matter", () => {
    const encode = (profile: Profile) =>
      Buffer.from(createRecordEncoder().resource({ ...plainUser, profile })).toString("hex");
    assert.equal(encode({ b: "1", a: true, "10": "x", "9": "y" }), encode({ "9": "y", a: true, "10": "x", b: "1" }));
    const decoded = fromBinary(
      ResourceSchema,
      createRecordEncoder().resource({ ...plainUser, profile: { b: "1", "10": "x" } }),
    );
    assert.deepEqual(decoded.profile, { "10": "x", b: "1" });
  });

  test("notices when the keys of the profile change from one user to the next", () => {
    const encoder = createRecordEncoder();
    for (const profile of [{ a: "1", b: "2" }, { a: "1" }, { b: false, a: "" }, { c: "3", a: "1" }, {}]) {
      assert.deepEqual(fromBinary(ResourceSchema, encoder.resource({ ...plainUser, profile })).profile, profile);
    }
  });

  test("writes an empty trait as an Any without value bytes", () => {
    const role: RoleResource = { kind: "role", id: { resourceType: "role", resource: "owner" }, displayName: "Owner" };
    const [trait] = fromBinary(ResourceSchema, createRecordEncoder().resource(role)).annotations;
    assert.equal(trait?.typeUrl, "type.googleapis.com/c1.connector.v2.RoleTrait");
    assert.equal(trait?.value.length, 0);
    assert.ok(Buffer.from(createRecordEncoder().resource(role)).toString("latin1").endsWith("RoleTrait"));
  });
});
