import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../../../test/fakes/virtual-clock.ts";
import { memberOf, teamOf } from "../../../../test/helpers/team.ts";
import type { TeamMember } from "../schema.ts";
import { createDeletions } from "./deletions.ts";

const hourMs = 60 * 60_000;
const ada = memberOf({ id: "user_ada", role: "owner" });
const bob = memberOf({ id: "user_bob", role: "free-owner" });
const cleo = memberOf({ id: "user_cleo" });
const team = teamOf(ada, bob, cleo);

function removed(member: TeamMember): TeamMember {
  return { ...member, removed: true };
}

function setUp() {
  const clock = createVirtualClock();
  return { clock, deletions: createDeletions(clock) };
}

const lastAdmin = {
  code: "failed_precondition",
  message: /^user "user_\w+" is the last active administrator .*; nothing was changed/,
};

suite("deletions", () => {
  test("the only administrator is kept, other members are not", () => {
    const { deletions } = setUp();
    const small = teamOf(ada, cleo);
    assert.throws(() => deletions.reserve(ada, small), lastAdmin);
    assert.throws(() => deletions.reserve(ada, small), { message: /of the Cursor team, which cannot be without one/ });
    deletions.reserve(cleo, small);
  });

  test("of two administrators that are deleted at the same time one is kept", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team);
    assert.throws(() => deletions.reserve(bob, team), lastAdmin);
    assert.throws(() => deletions.reserve(bob, team), { message: /the others count as gone/ });
  });

  test("whoever was deleted counts as gone while the roster still shows them", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).done();
    assert.throws(() => deletions.reserve(bob, team), lastAdmin);
    assert.deepEqual([deletions.has("user_ada", team), deletions.has("user_bob", team)], [true, false]);
  });

  test("whoever may have been deleted counts as gone, but is not said to be deleted", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).unclear("directory");
    assert.throws(() => deletions.reserve(bob, team), lastAdmin);
    assert.equal(deletions.has("user_ada", team), false);
    deletions.reserve(ada, team);
  });

  test("whoever may have been deleted in the directory was, once there is no record left", () => {
    const { clock, deletions } = setUp();
    deletions.reserve(ada, team).unclear("directory");
    assert.equal(deletions.hasEffect("user_ada", team), true);
    clock.advance(24 * hourMs);
    assert.equal(deletions.has("user_ada", team), true);
  });

  test("that there is no record says nothing of a removal past the directory, nor of others", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).unclear("team");
    assert.deepEqual([deletions.hasEffect("user_ada", team), deletions.hasEffect("user_cleo", team)], [false, false]);
    deletions.reserve(cleo, team);
    assert.equal(deletions.hasEffect("user_cleo", team), false);
  });

  test("where nothing was changed nothing is remembered", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).release();
    deletions.reserve(bob, team);
  });

  test("a second deletion that changed nothing leaves the first one remembered", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).done();
    deletions.reserve(ada, team).release();
    assert.equal(deletions.has("user_ada", team), true);
  });

  test("once the roster has followed, a person who comes back is a member like others", () => {
    const { deletions } = setUp();
    deletions.reserve(ada, team).done();
    assert.equal(deletions.has("user_ada", teamOf(removed(ada), bob, cleo)), false);
    assert.equal(deletions.has("user_ada", team), false);
    deletions.reserve(bob, team);
  });

  for (const how of ["done", "unclear"] as const) {
    test(`${how}: whom a reading shows again after one that did not has come back`, () => {
      const { deletions } = setUp();
      deletions.reserve(ada, team)[how]("directory");
      deletions.observe([ada, bob, cleo]);
      deletions.observe([removed(ada), bob, cleo]);
      // A task may hold a roster that is older than that.
      assert.throws(() => deletions.reserve(bob, team), lastAdmin);
      deletions.observe([ada, bob, cleo]);
      assert.equal(deletions.has("user_ada", team), false);
      deletions.reserve(bob, team);
    });
  }

  test("a deletion that is under way is not ended by a reading", () => {
    const { deletions } = setUp();
    const reservation = deletions.reserve(ada, team);
    deletions.observe([bob, cleo]);
    deletions.observe([ada, bob, cleo]);
    reservation.done();
    deletions.observe([ada, bob, cleo]);
    assert.equal(deletions.has("user_ada", team), true);
  });

  test("where nobody is remembered a reading is not even looked through", () => {
    const { deletions } = setUp();
    const unread = new Proxy<TeamMember[]>([], { get: () => assert.fail("looked at") });
    deletions.observe(unread);
  });

  for (const [how, hours] of [
    ["done", 24],
    ["unclear", 1],
  ] as const) {
    test(`a deletion that is ${how} is remembered for ${hours} h`, () => {
      const { clock, deletions } = setUp();
      deletions.reserve(ada, team)[how]("directory");
      clock.advance(hours * hourMs);
      assert.throws(() => deletions.reserve(bob, team), lastAdmin);
      clock.advance(1);
      assert.equal(deletions.has("user_ada", team), false);
      deletions.reserve(bob, team);
    });
  }

  test("a deletion that is under way is not forgotten, however long it takes", () => {
    const { clock, deletions } = setUp();
    deletions.reserve(ada, team);
    clock.advance(48 * hourMs);
    assert.throws(() => deletions.reserve(bob, team), lastAdmin);
  });
});
