/** The SCIM client against servers that we did not write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith, forever } from "../helpers/scim-client.ts";
import { crowd, newUser } from "../helpers/scim-scene.ts";
import { clientSuite, type Skips } from "./client-suite.ts";

const betterAuth: Skips = {
  "created anew after a deletion":
    "it keeps the person among its own users, who are in no list, and refuses the address for good (HTTP 409)",
};

clientSuite("better-auth", betterAuth, (subject) => {
  test("somebody whom it keeps after the deletion is told as there, but not manageable", async () => {
    const { client, only, stored } = subject();
    await client.createUser(newUser("ada@example.com"), forever);
    await client.deleteUser(await only("ada@example.com"), forever);
    const again = client.createUser(newUser("ada@example.com"), forever);
    await failsWith(again, "failed_precondition", /there is such a user already.*was not made through SCIM/);
    assert.deepEqual(await stored(), []);
  });
});

clientSuite("scimmy-express4", {});

const cutOff = "its lists end after 20 rows, whatever is asked for";
const scimmyExpress5: Skips = {
  "absent: from a directory of 30": cutOff,
  "absent: from a directory of 250": cutOff,
  "present: each of 250 people counts, also where the directory has to be read": cutOff,
};

clientSuite("scimmy-express5", scimmyExpress5, (subject) => {
  const people = crowd(30);
  const beyond = people[25] ?? "";

  test("from a list that is cut off nobody is said to be absent", async () => {
    const { find, server } = subject();
    await server.seed(people.map((userName) => ({ userName })));
    // The last one is there, but not where it could be seen: the filter minds case.
    for (const email of ["nobody@example.com", beyond.toUpperCase()]) {
      for (const thorough of [false, true]) {
        const { complete, users } = await find(email, thorough);
        assert.deepEqual([users, complete], [[], false], email);
      }
    }
    assert.equal((await find(beyond, true)).users.length, 1);
  });

  test("somebody who exists beyond the end of the list is not said to be unmanageable", async () => {
    const { client, server } = subject();
    await server.seed(people.map((userName) => ({ userName })));
    const creating = client.createUser(newUser(beyond.toUpperCase()), forever);
    await failsWith(creating, "unavailable", /there is such a user already.*its list is cut off/);
    assert.equal((await server.users()).length, people.length);
  });
});
