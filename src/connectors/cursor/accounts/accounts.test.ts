import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../../../test/fakes/virtual-clock.ts";
import { memberOf, teamOf } from "../../../../test/helpers/team.ts";
import type { AccountManager, PlannedChange } from "../../../baton/account.ts";
import type { Lookup } from "../../../scim/lookup.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import { buildRoster } from "../roster.ts";
import { createCursorAccounts } from "./accounts.ts";
import { createDeletions } from "./deletions.ts";
import type { AccountDeps } from "./deps.ts";
import { indexTeam, type TeamIndex } from "./team-index.ts";

const never = new AbortController().signal;
const ada = memberOf({ id: "user_ada", role: "owner" });
const cleo = memberOf({ id: "user_cleo" });
const renamed = { ...cleo, email: "new@example.com" };
const left = { ...cleo, removed: true };
const nobody: Lookup = { users: [], complete: true, directorySize: 7 };

function recordOf(email: string): Lookup {
  const user: ScimUser = {
    id: "1",
    userName: email,
    active: true,
    emails: [],
    primaryEmail: undefined,
    version: undefined,
  };
  return { users: [user], complete: true };
}

interface SetUp {
  /** One roster for each reading; the last one stays. */
  readonly teams: readonly TeamIndex[];
  /** One answer of the directory for each lookup; the last one stays. */
  readonly lookups?: readonly Lookup[];
  readonly removeUnmanaged?: boolean;
}

/** Accounts of a team that changes from one reading to the next; no reading is shared. */
function setUp({ lookups = [nobody], removeUnmanaged = false, teams }: SetUp) {
  const done: string[] = [];
  const plans: PlannedChange[] = [];
  const counts = { readings: 0, lookups: 0 };
  const unused = () => assert.fail("not to be called");
  const scim: AccountDeps["scim"] = {
    validate: unused,
    createUser: unused,
    setActive: unused,
    async findUsers(email) {
      done.push(`look up ${email}`);
      counts.lookups += 1;
      return lookups[counts.lookups - 1] ?? lookups.at(-1) ?? nobody;
    },
    async deleteUser({ userName }) {
      done.push(`delete ${userName}`);
      return "deleted";
    },
  };
  const accounts: AccountManager = createCursorAccounts({
    scim: () => scim,
    rosterMaxAgeMs: 0,
    allowDeactivation: false,
    deletions: createDeletions(createVirtualClock()),
    team: {
      async get() {
        counts.readings += 1;
        return teams[counts.readings - 1] ?? teams.at(-1) ?? assert.fail("no team");
      },
    },
    removeMember: removeUnmanaged ? async ({ id }) => void done.push(`remove ${id}`) : undefined,
  });
  const remove = (resource: string) =>
    accounts.deleteAccount(
      { resourceType: "user", resource },
      async (plan) => {
        plans.push(plan);
        return true;
      },
      never,
    );
  return { done, plans, remove };
}

const changed = { code: "unavailable", message: /"user_cleo" changed .*nothing was changed: ask again$/ };
const changedAddress = { code: "unavailable", message: /address of user "user_cleo" changed .*nothing was changed/ };

suite("a team that changes while somebody is deleted", () => {
  const before = teamOf(ada, cleo);

  test("nothing changes: the record with the address is deleted, and the plan says whom it hits", async () => {
    const { done, plans, remove } = setUp({ teams: [before], lookups: [recordOf("Cleo@Example.com")] });
    assert.deepEqual(await remove("user_cleo"), { kind: "deleted" });
    assert.deepEqual(done, ["look up cleo@example.com", "delete Cleo@Example.com"]);
    const person = { email: "cleo@example.com", name: "", role: "member", resourceId: "user_cleo" };
    assert.deepEqual(plans, [{ action: "delete", person, directoryId: "1" }]);
  });

  test("the address changes while others are waited for: the directory is not even asked", async () => {
    const { done, remove } = setUp({ teams: [before, teamOf(ada, renamed)] });
    await assert.rejects(remove("user_cleo"), changedAddress);
    assert.deepEqual(done, []);
  });

  test("the member disappears meanwhile: there is nobody to delete", async () => {
    const { done, remove } = setUp({ teams: [before, teamOf(ada)] });
    assert.deepEqual(await remove("user_cleo"), { kind: "gone" });
    assert.deepEqual(done, []);
  });

  test("the address is another active member's by now: refused", async () => {
    const roster = buildRoster({ members: [ada, cleo], droppedRows: 0 });
    const other = { ...cleo, id: "user_other" };
    const { done, remove } = setUp({ teams: [indexTeam({ ...roster, members: [ada, left, other] })] });
    await assert.rejects(remove("user_cleo"), {
      code: "failed_precondition",
      message: /address of user "user_cleo" belongs to another active Cursor member now \("user_other"\)/,
    });
    assert.deepEqual(done, []);
  });

  for (const removeUnmanaged of [false, true]) {
    const lookups = removeUnmanaged ? 2 : 1;

    test(`removal of unmanaged members ${removeUnmanaged}: a member who leaves during the lookup is gone`, async () => {
      const { done, remove } = setUp({ teams: [before, before, teamOf(ada, left)], removeUnmanaged });
      assert.deepEqual(await remove("user_cleo"), { kind: "gone" });
      assert.equal(done.length, lookups);
    });

    test(`removal of unmanaged members ${removeUnmanaged}: one whose address changes is asked for again`, async () => {
      const { done, remove } = setUp({ teams: [before, before, teamOf(ada, renamed)], removeUnmanaged });
      await assert.rejects(remove("user_cleo"), changed);
      assert.equal(done.length, lookups);
    });
  }

  test("removal of unmanaged members: a record that appears at the second look is left alone", async () => {
    const { done, remove } = setUp({
      teams: [before],
      lookups: [nobody, recordOf("cleo@example.com")],
      removeUnmanaged: true,
    });
    await assert.rejects(remove("user_cleo"), changed);
    assert.deepEqual(done, ["look up cleo@example.com", "look up cleo@example.com"]);
  });

  test("removal of unmanaged members: with everything looked at twice the member is removed", async () => {
    const { done, plans, remove } = setUp({ teams: [before], removeUnmanaged: true });
    assert.deepEqual(await remove("user_cleo"), { kind: "deleted" });
    assert.deepEqual(done, ["look up cleo@example.com", "look up cleo@example.com", "remove user_cleo"]);
    assert.deepEqual(
      plans.map(({ action, directoryId }) => [action, directoryId]),
      [["remove", undefined]],
    );
  });
});
