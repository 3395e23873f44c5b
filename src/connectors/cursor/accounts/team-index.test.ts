import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { memberOf, teamOf } from "../../../../test/helpers/team.ts";
import { StatusError } from "../../../baton/status-error.ts";

const ada = memberOf({ id: "user_ada", otherId: "1", email: "Ada@Example.com", role: "owner" });
const bob = memberOf({ id: "user_bob", otherId: "2" });
const cleo = memberOf({ id: "user_cleo", otherId: "3", removed: true });

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (reason) {
    assert.ok(reason instanceof StatusError);
    assert.equal(reason.code, "failed_precondition");
    return reason.message;
  }
  return assert.fail("nothing was refused");
}

suite("team index", () => {
  test("by id: also removed members; an id is taken as it is", () => {
    const team = teamOf(ada, bob, cleo);
    assert.equal(team.byId("user_ada"), ada);
    assert.equal(team.byId("user_cleo"), cleo);
    assert.equal(team.byId("USER_ADA"), undefined);
    assert.equal(team.byId(""), undefined);
  });

  test("by Cursor's other id, unless a member has it as its own", () => {
    const numbered = memberOf({ id: "2", email: "numbered@example.com" });
    const team = teamOf(ada, bob, cleo, numbered);
    assert.equal(team.byId("1"), ada);
    assert.equal(team.byId("2"), numbered);
    assert.equal(team.byId("3"), cleo);
  });

  test("another id that several members have means nobody in particular", () => {
    const team = teamOf(ada, memberOf({ id: "user_twin", otherId: "1", email: "twin@example.com" }));
    assert.match(
      refusal(() => team.byId("1")),
      /^2 Cursor members share this id \(ids "user_ada", "user_twin"\)/,
    );
    assert.equal(team.byId("user_ada"), ada);
  });

  test("by e-mail address: without regard to case, active members only", () => {
    const team = teamOf(ada, bob, cleo);
    assert.equal(team.activeByEmail("ada@example.com"), ada);
    assert.equal(team.activeByEmail(cleo.email), undefined);
    assert.equal(team.activeByEmail("nobody@example.com"), undefined);
  });

  test("an address that active members share is refused, with ids and without the address", () => {
    const twins = Array.from({ length: 7 }, (_, n) => memberOf({ id: `user_${n}`, email: " ADA@example.com" }));
    const message = refusal(() => teamOf(ada, ...twins).activeByEmail("ada@example.com"));
    assert.match(message, /^8 active Cursor members share this e-mail address \(ids "user_0", "user_1".*\)/);
    assert.doesNotMatch(message, /@/);
    assert.doesNotMatch(message, /user_6/);
  });

  test("a removed member does not make an address ambiguous, and members without one share nothing", () => {
    const gone = memberOf({ id: "user_old", email: "ada@example.com", removed: true });
    const nameless = [memberOf({ id: "user_x", email: "" }), memberOf({ id: "user_y", email: " " })];
    const team = teamOf(ada, gone, ...nameless);
    assert.equal(team.activeByEmail("ada@example.com"), ada);
    assert.equal(team.activeByEmail(""), undefined);
  });

  test("administrators are active owners of either kind, however the role is spelt", () => {
    const free = memberOf({ id: "user_free", role: "FREE_OWNER" });
    const former = memberOf({ id: "user_former", role: "owner", removed: true });
    const team = teamOf(ada, bob, free, former);
    assert.deepEqual(team.adminIds, new Set(["user_ada", "user_free"]));
    assert.deepEqual(["user_bob", "user_former", "user_nobody"].map(team.isActive), [true, false, false]);
  });
});
