import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import {
  EntitlementSchema,
  GrantSchema,
  ResourceSchema,
  ResourceTypeSchema,
  Status_ResourceStatus,
} from "../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import {
  UserTrait_AccountType,
  UserTrait_Status_Status,
  UserTraitSchema,
} from "../../src/wire/gen/c1/connector/v2/trait_pb.ts";
import type { Row } from "../helpers/read-c1z.ts";
import { sampleMembers, sampleSync } from "../helpers/sample-sync.ts";
import { smallTeam, writeAndRead } from "../helpers/written-sync.ts";

suite("rows", () => {
  test("of resource types", async () => {
    using c1z = await writeAndRead(smallTeam);
    const rows = c1z.rows("v1_resource_types");
    assert.deepEqual(
      rows.map((row) => row["external_id"]),
      ["role", "user"],
    );
    const [role, user] = rows.map((row) => decode(ResourceTypeSchema, row));
    assert.deepEqual([role?.displayName, role?.traits, role?.annotations], ["Role", [3], []]);
    assert.deepEqual([user?.displayName, user?.traits], ["User", [1]]);
    assert.deepEqual(urls(user?.annotations), ["type.googleapis.com/c1.connector.v2.SkipEntitlementsAndGrants"]);
  });

  test("of a user: profile and status both on the resource and in the trait, nothing that the roster does not know", async () => {
    using c1z = await writeAndRead(smallTeam);
    const [row] = c1z.rows("v1_resources");
    assert.equal(row?.["external_id"], "user:user_9fQ2");
    assert.equal(row?.["resource_type_id"], "user");
    assert.equal(row?.["parent_resource_type_id"], null);
    assert.equal(row?.["parent_resource_id"], null);
    const resource = decode(ResourceSchema, row);
    const profile = {
      cursor_user_id: "user_9fQ2",
      email: "user_9fQ2@example.com",
      is_removed: false,
      name: "Name of user_9fQ2",
      role: "owner",
    };
    const { annotations, $typeName: _, ...fields } = resource;
    assert.deepEqual(present(fields), {
      id: {
        $typeName: "c1.connector.v2.ResourceId",
        resourceType: "user",
        resource: "user_9fQ2",
        batonResource: false,
      },
      displayName: "Name of user_9fQ2",
      profile,
      status: { $typeName: "c1.connector.v2.Status", status: Status_ResourceStatus.ENABLED, details: "" },
    });
    const [trait] = annotations.map((any) => anyUnpack(any, UserTraitSchema));
    assert.ok(trait);
    const { $typeName: __, ...traitFields } = trait;
    assert.deepEqual(present(traitFields), {
      emails: [{ $typeName: "c1.connector.v2.UserTrait.Email", address: "user_9fQ2@example.com", isPrimary: true }],
      status: { $typeName: "c1.connector.v2.UserTrait.Status", status: UserTrait_Status_Status.ENABLED, details: "" },
      profile,
      accountType: UserTrait_AccountType.HUMAN,
      login: "USER_9FQ2@EXAMPLE.COM",
    });
  });

  test("of a removed user say why in both statuses", async () => {
    using c1z = await writeAndRead(smallTeam);
    const resource = decode(ResourceSchema, c1z.rows("v1_resources")[2]);
    const [trait] = resource.annotations.map((any) => anyUnpack(any, UserTraitSchema));
    assert.deepEqual([resource.status?.status, resource.status?.details], [Status_ResourceStatus.DISABLED, "removed"]);
    assert.deepEqual([trait?.status?.status, trait?.status?.details], [UserTrait_Status_Status.DISABLED, "removed"]);
  });

  test("of roles, held or not, carry the empty role trait", async () => {
    using c1z = await writeAndRead(smallTeam);
    const rows = c1z.rows("v1_resources").slice(3);
    assert.deepEqual(
      rows.map((row) => row["external_id"]),
      ["role:free-owner", "role:member", "role:owner"],
    );
    for (const row of rows) {
      const { annotations, profile, status } = decode(ResourceSchema, row);
      assert.deepEqual(urls(annotations), ["type.googleapis.com/c1.connector.v2.RoleTrait"]);
      assert.equal(annotations[0]?.value.length, 0);
      assert.deepEqual([profile, status], [undefined, undefined]);
    }
  });

  test("of entitlements", async () => {
    using c1z = await writeAndRead(smallTeam);
    const row = c1z.rows("v1_entitlements")[2];
    assert.deepEqual(
      [row?.["resource_type_id"], row?.["resource_id"], row?.["external_id"]],
      ["role", "owner", "role:owner:assigned"],
    );
    const entitlement = decode(EntitlementSchema, row);
    assert.deepEqual(
      [entitlement.id, entitlement.slug, entitlement.displayName, entitlement.description, entitlement.purpose],
      ["role:owner:assigned", "assigned", "Owner Role Assigned", "Assigned the Owner role in Cursor", 1],
    );
    assert.deepEqual(urls(entitlement.annotations), ["type.googleapis.com/c1.connector.v2.EntitlementImmutable"]);
    assert.deepEqual(entitlement.resource, decode(ResourceSchema, c1z.rows("v1_resources")[5]));
    assert.deepEqual(entitlement.grantableTo, [decode(ResourceTypeSchema, c1z.rows("v1_resource_types")[1])]);
  });

  test("of grants hold entitlement and principal whole, in the columns and in the blob", async () => {
    using c1z = await writeAndRead(smallTeam);
    const rows = c1z.rows("v1_grants");
    assert.deepEqual(
      rows.map((row) => row["external_id"]),
      ["role:member:assigned:user:user_b", "role:owner:assigned:user:user_9fQ2"],
    );
    const { id: _, data: __, sync_id: ___, discovered_at: ____, ...columns } = rows[1] ?? {};
    assert.deepEqual(columns, {
      resource_type_id: "role",
      resource_id: "owner",
      entitlement_id: "role:owner:assigned",
      principal_resource_type_id: "user",
      principal_resource_id: "user_9fQ2",
      external_id: "role:owner:assigned:user:user_9fQ2",
      expansion: null,
      needs_expansion: 0,
    });
    const grant = decode(GrantSchema, rows[1]);
    assert.deepEqual(grant.entitlement?.resource, decode(ResourceSchema, c1z.rows("v1_resources")[5]));
    assert.deepEqual([grant.entitlement?.slug, grant.entitlement?.purpose], ["", 0]);
    const { $typeName: _type, id: principal, ...nothing } = grant.principal ?? {};
    assert.deepEqual([principal?.resourceType, principal?.resource], ["user", "user_9fQ2"]);
    assert.deepEqual(present(nothing), {});
    assert.deepEqual([grant.annotations, grant.sources], [[], undefined]);
  });

  test("are ordered by row id as they were put: types, users, roles, entitlements, grants, each by id", async () => {
    using c1z = await writeAndRead(sampleSync(sampleMembers(40)));
    for (const table of ["v1_resource_types", "v1_entitlements", "v1_grants"]) {
      const ids = c1z.rows(table).map((row) => String(row["external_id"]));
      assert.deepEqual(ids, ids.toSorted(), table);
    }
  });

  test("have times as UTC text and the sync id of the run, in every table", async () => {
    using c1z = await writeAndRead(smallTeam);
    const syncId = c1z.rows("v1_sync_runs")[0]?.["sync_id"];
    for (const table of ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants"]) {
      for (const row of c1z.all(`SELECT sync_id, discovered_at, typeof(discovered_at) AS type FROM ${table}`)) {
        assert.deepEqual({ ...row }, { sync_id: syncId, discovered_at: "2026-11-24 19:30:00.25", type: "text" });
      }
    }
    const [types] = c1z.all(
      "SELECT typeof(started_at) AS a, typeof(ended_at) AS b, typeof(stats) AS c FROM v1_sync_runs",
    );
    assert.deepEqual({ ...types }, { a: "text", b: "text", c: "text" });
  });

  test("of assets and connector sessions there are none", async () => {
    using c1z = await writeAndRead(smallTeam);
    assert.deepEqual([c1z.rows("v1_assets"), c1z.rows("v1_connector_sessions")], [[], []]);
  });

  test("are the same in two syncs of the same team, but for the sync id", async () => {
    const dump = async () => {
      using c1z = await writeAndRead(sampleSync(sampleMembers(50)));
      const tables = ["v1_resource_types", "v1_resources", "v1_entitlements", "v1_grants"];
      return tables.map((table) => c1z.rows(table).map((row) => ({ ...row, sync_id: "" })));
    };
    assert.deepEqual(await dump(), await dump());
  });

  test("are all there after each of many syncs", async () => {
    for (let members = 1; members <= 20; members += 1) {
      using c1z = await writeAndRead(sampleSync(sampleMembers(members)));
      assert.equal(c1z.rows("v1_resources").length, members + 3);
    }
  });

  test("display names and details that are too long are cut between two characters", async () => {
    const [user] = smallTeam.users;
    assert.ok(user);
    const long = {
      ...user,
      displayName: "日".repeat(400),
      status: "disabled" as const,
      statusDetails: "é".repeat(600),
    };
    using c1z = await writeAndRead({ ...smallTeam, users: [long], entitlements: [], grants: [] });
    const resource = decode(ResourceSchema, c1z.rows("v1_resources")[0]);
    assert.equal(resource.displayName, "日".repeat(341));
    assert.equal(resource.status?.details, "é".repeat(512));
  });

  const anyId = fc.oneof(
    fc.string({ minLength: 1, maxLength: 30 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom("a", ":", "é", "日", "🧸", "\ud800", "'", "\u0000"),
      minLength: 1,
      maxLength: 8,
    }),
    fc.constant("x".repeat(950)),
  );

  test("whatever the ids: every blob parses, is valid UTF-8, and says what the columns say", async () => {
    // Ids that differ only in lone surrogates are the same id once they are UTF-8.
    const ids = fc.uniqueArray(anyId, { minLength: 1, maxLength: 12, selector: (id) => id.toWellFormed() });
    await fc.assert(
      fc.asyncProperty(ids, async (memberIds) => {
        const members = memberIds.map((id, n) => ({ id, role: n === 0 ? ("owner" as const) : ("member" as const) }));
        using c1z = await writeAndRead(sampleSync(members));
        for (const row of c1z.rows("v1_resources")) {
          const { id } = decode(ResourceSchema, row);
          assert.equal(row["resource_type_id"], id?.resourceType);
          assert.equal(row["external_id"], `${id?.resourceType}:${id?.resource}`);
        }
        for (const row of c1z.rows("v1_grants")) {
          const grant = decode(GrantSchema, row);
          assert.equal(row["external_id"], grant.id);
          assert.equal(row["entitlement_id"], grant.entitlement?.id);
          assert.equal(row["resource_id"], grant.entitlement?.resource?.id?.resource);
          assert.equal(row["principal_resource_type_id"], grant.principal?.id?.resourceType);
          assert.equal(row["principal_resource_id"], grant.principal?.id?.resource);
        }
        const stored = c1z.rows("v1_grants").map((row) => String(row["principal_resource_id"]));
        assert.deepEqual(stored.toSorted(), memberIds.map((id) => id.toWellFormed()).toSorted());
      }),
      { numRuns: 40 },
    );
  });
});

function decode<M extends DescMessage>(schema: M, row: Row | undefined): MessageShape<M> {
  const data = row?.["data"];
  assert.ok(data instanceof Uint8Array);
  return fromBinary(schema, data);
}

function urls(annotations: readonly Any[] | undefined): string[] {
  return (annotations ?? []).map(({ typeUrl }) => typeUrl);
}

/** Without fields that are unset. */
function present(fields: object): Record<string, unknown> {
  const unset = (value: unknown) =>
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !unset(value)));
}
