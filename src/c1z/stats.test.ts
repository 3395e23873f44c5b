import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { statsJson } from "./stats.ts";

suite("statsJson", () => {
  test("is what the official writer stores for 2 users, 3 roles, 3 entitlements and 4 grants", () => {
    assert.equal(
      statsJson({
        resourceTypes: ["user", "role"],
        resources: new Map([
          ["user", 2],
          ["role", 3],
        ]),
        entitlements: new Map([["role", 3]]),
        grants: new Map([["role", 4]]),
      }),
      '{"resource_types":2,"resources":5,"entitlements":3,"grants":4,"resources_by_resource_type":{"role":3,"user":2},' +
        '"grants_by_resource_type":{"role":4},"entitlements_by_resource_type":{"role":3}}',
    );
  });

  test("lists types without resources and leaves zeros and empty maps out", () => {
    const none = new Map<string, number>();
    assert.equal(
      statsJson({
        resourceTypes: ["user", "role"],
        resources: new Map([["user", 1]]),
        entitlements: none,
        grants: none,
      }),
      '{"resource_types":2,"resources":1,"resources_by_resource_type":{"role":0,"user":1}}',
    );
  });
});
