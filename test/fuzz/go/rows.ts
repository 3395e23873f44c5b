import fc from "fast-check";
import type { ResourceType, RoleResource, UserResource } from "../../../src/baton/resource.ts";
import { roleType, type SampleSync, toEntitlement, toGrant, userType } from "../../helpers/sample-sync.ts";

/** Texts that encoders trip over: long ones around the sizes of lengths, half characters, zeros. */
export const oddText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 3,
    arbitrary: fc.string({
      unit: fc.constantFrom("a", ":", "é", "日", "🧸", "\ud800", "\udc00", "\0", "\uFEFF", "\u202e", "e\u0301", "\n"),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "x".repeat(127), "x".repeat(128), "日".repeat(400), "é".repeat(600)) },
);

/** Short enough for a grant, whose id holds two of them. */
const oddId = oddText.map((text) => text.slice(0, 130)).filter((text) => text !== "");
/** Go sorts keys by their UTF-8, we by UTF-16: that is the same for all but a few characters, and ours are ASCII. */
const profileKey = fc.oneof(
  fc.constantFrom("email", "role", "is_removed", "🧸"),
  fc.string({ minLength: 1, maxLength: 9 }),
);

/** The connector writes addresses only when C1's rules accept them. */
const address = fc.constantFrom(
  "ada@example.com",
  "O'Hara+x@example.com",
  "dóra@example.com",
  `${"x".repeat(64)}@a-b.example`,
);

const user = fc
  .record({
    id: oddId,
    displayName: oddText,
    email: fc.option(address, { nil: undefined }),
    login: oddText,
    status: fc.constantFrom("enabled" as const, "disabled" as const),
    statusDetails: oddText,
    profile: fc.dictionary(
      profileKey.filter((key) => key !== "__proto__" && key.isWellFormed()),
      fc.oneof(oddText, fc.boolean()),
      { maxKeys: 6, noNullPrototype: true },
    ),
  })
  .map(({ id, ...rest }): UserResource => ({ kind: "user", id: { resourceType: "user", resource: id }, ...rest }));

const role = fc
  .record({ id: oddId, displayName: oddText })
  .map(
    ({ displayName, id }): RoleResource => ({ kind: "role", id: { resourceType: "role", resource: id }, displayName }),
  );

/** Ids that differ only in lone surrogates are the same id once they are UTF-8. */
const byId = { selector: (row: UserResource | RoleResource) => row.id.resource.toWellFormed() };

/** A sync of odd people with odd roles; each person holds some of them. */
export const oddSync: fc.Arbitrary<SampleSync> = fc
  .record({
    users: fc.uniqueArray(user, { ...byId, minLength: 1, maxLength: 8 }),
    roles: fc.uniqueArray(role, { ...byId, minLength: 1, maxLength: 4 }),
    holds: fc.infiniteStream(fc.boolean()),
  })
  .map(({ holds, roles, users }) => {
    const types: readonly ResourceType[] = [roleType, userType];
    const entitlements = roles.map((each) => ({ ...toEntitlement(each), displayName: each.displayName }));
    const grants = entitlements.flatMap((entitlement) =>
      users.filter(() => holds.next().value).map(({ id }) => toGrant(entitlement, id.resource)),
    );
    return { types, users, roles, entitlements, grants: uniqueById(grants) };
  });

function uniqueById<T extends { readonly id: string }>(rows: readonly T[]): T[] {
  return [...new Map(rows.map((row) => [row.id.toWellFormed(), row])).values()];
}
