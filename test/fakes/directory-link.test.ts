import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type CursorServer, startCursorServer } from "./cursor-server.ts";
import { type DirectoryLink, type LinkOptions, linkDirectory } from "./directory-link.ts";
import { type ScimCaller, startCaller } from "./scim/caller.ts";

const owner = { id: "user_own", name: "Own", email: "owner@example.com", role: "owner", isRemoved: false };
const ada = { id: "user_ada", name: "Ada", email: "ADA@example.com", role: "member", isRemoved: false };

interface Pair extends AsyncDisposable {
  readonly cursor: CursorServer;
  readonly caller: ScimCaller;
  readonly link: DirectoryLink;
}

async function linked(options?: LinkOptions): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const cursor = stack.use(await startCursorServer({ members: [owner, ada] }));
  const caller = stack.use(await startCaller({ users: [{ id: "1", userName: "ada@example.com" }] }));
  const link = stack.use(linkDirectory(cursor, caller.scim, options));
  const kept = stack.move();
  return { cursor, caller, link, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const rolesOf = ({ cursor }: Pair) => cursor.members.map(({ role }) => role);

suite("Cursor following its directory", () => {
  test("a deleted or deactivated user is a removed member", async () => {
    for (const act of ["delete", "deactivate", "from outside"]) {
      await using pair = await linked();
      if (act === "delete") assert.equal((await pair.caller.call("DELETE", "/Users/1")).status, 204);
      else if (act === "deactivate") assert.equal((await pair.caller.setActive("1", false)).status, 200);
      else pair.caller.scim.remove("1");
      assert.deepEqual(rolesOf(pair), ["owner", "removed"], act);
      assert.equal(pair.cursor.members[1]?.isRemoved, true);
    }
  });

  test("a new user is a member from the first sign-in on", async () => {
    await using pair = await linked();
    assert.throws(() => pair.link.signIn("bob@example.com"), /not active in the directory/);
    await pair.caller.create("Bob@example.com");
    assert.equal(pair.cursor.members.length, 2);
    const row = pair.link.signIn("bob@example.com");
    assert.deepEqual([row.name, row.role, pair.cursor.members.length], ["Ada Byron", "member", 3]);
    assert.equal(pair.link.signIn("BOB@example.com"), row);
  });

  test("a reactivated user keeps the member, and a manual link follows when told", async () => {
    await using pair = await linked({ delay: "manual" });
    await pair.caller.setActive("1", false);
    assert.deepEqual([rolesOf(pair), pair.link.pending.length], [["owner", "member"], 1]);
    await pair.caller.setActive("1", true);
    pair.link.apply();
    assert.deepEqual([rolesOf(pair), pair.link.pending.length], [["owner", "member"], 0]);
    await pair.caller.call("DELETE", "/Users/1");
    pair.link.apply();
    assert.deepEqual(rolesOf(pair), ["owner", "removed"]);
  });

  test("ends with its disposal", async () => {
    await using pair = await linked();
    pair.link[Symbol.dispose]();
    await pair.caller.call("DELETE", "/Users/1");
    assert.deepEqual(rolesOf(pair), ["owner", "member"]);
  });
});
