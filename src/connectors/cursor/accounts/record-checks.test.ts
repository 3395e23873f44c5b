import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readUser } from "../../../scim/schema.ts";
import { refuseSecondary } from "./record-checks.ts";

const jdoe = { value: "jdoe@example.com", primary: true };
const team = { value: "team@example.com" };
const foreign = { code: "failed_precondition", message: /a further address of somebody whose primary address or user/ };

suite("whose record it is that has the address team@example.com", () => {
  const others = {
    "a user name that is no address, and another primary address": { userName: "jdoe", emails: [jdoe, team] },
    "an address as the user name, and another primary address": { userName: "jdoe@example.com", emails: [jdoe, team] },
    "another address as the user name, and no primary one": {
      userName: "x@example.com",
      emails: [team, { value: "y" }],
    },
    "no user name, and another primary address": { emails: [team, jdoe] },
  };
  for (const [what, record] of Object.entries(others)) {
    test(`${what}: somebody else's`, () => {
      assert.throws(() => refuseSecondary(readUser({ id: "1", ...record }), "Team@example.com"), foreign);
    });
  }

  const own = {
    "the user name": { userName: "TEAM@example.com", emails: [jdoe, team] },
    "the primary address": { userName: "jdoe", emails: [{ ...team, primary: true }, { value: "jdoe@example.com" }] },
    "the only address": { userName: "jdoe", emails: [team] },
    "one of several without a primary one, and the user name is no address": {
      userName: "jdoe",
      emails: [team, { value: "jdoe@example.com" }],
    },
  };
  for (const [what, record] of Object.entries(own)) {
    test(`it is ${what}: the person's own`, () => {
      refuseSecondary(readUser({ id: "1", ...record }), " team@example.com");
    });
  }
});
