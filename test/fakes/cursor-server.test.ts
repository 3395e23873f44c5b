import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type CursorOptions, type CursorServer, startCursorServer } from "./cursor-server.ts";

const ada = { id: "user_ada", name: "Ada", email: "Ada@example.com", role: "owner", isRemoved: false };
const bob = { id: "user_bob", name: "Bob", email: "bob@example.com", role: "member", isRemoved: false };
const cleo = { id: 7, publicId: "user_cleo", name: "Cleo", email: "cleo@example.com", role: "free-owner" };
const dan = { id: "user_dan", name: "Dan", email: "dan@example.com", role: "removed", isRemoved: true };

const start = (options: CursorOptions = {}): Promise<CursorServer> =>
  startCursorServer({ members: [ada, bob, cleo, dan], ...options });

function post(cursor: CursorServer, body: unknown): Promise<Response> {
  return fetch(`${cursor.url}/teams/remove-member`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${cursor.apiKey}:`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
}

async function remove(cursor: CursorServer, body: unknown): Promise<[number, unknown]> {
  const response = await post(cursor, body);
  return [response.status, await response.json()];
}

const roles = ({ members }: CursorServer) => members.map(({ role }) => role);

suite("the fake Cursor and removal of members", () => {
  test("removes by id or by e-mail, once", async () => {
    await using cursor = await start();
    const gone = [404, { error: "User is not a member of this team" }];
    assert.deepEqual(await remove(cursor, { email: "BOB@example.com" }), [
      200,
      { success: true, userId: "user_bob", hasBillingCycleUsage: true },
    ]);
    assert.deepEqual(cursor.members[1], { ...bob, role: "removed", isRemoved: true });
    assert.equal(bob.role, "member", "the caller's row is left alone");
    assert.deepEqual(await remove(cursor, { userId: "user_bob" }), gone);
    assert.deepEqual(await remove(cursor, { userId: "user_dan" }), gone);
    assert.deepEqual(await remove(cursor, { email: "nobody@example.com" }), gone);
    assert.equal((await remove(cursor, { userId: "user_cleo" }))[0], 200);
    assert.deepEqual(roles(cursor), ["owner", "removed", "removed", "removed"]);
    assert.deepEqual(cursor.requests[0]?.body, { email: "BOB@example.com" });
  });

  test("wants exactly one of userId and email", async () => {
    await using cursor = await start();
    for (const body of [{}, { userId: "user_bob", email: "bob@example.com" }, { userId: 1 }, { email: "" }, [], "bob"])
      assert.deepEqual(
        await remove(cursor, body),
        [400, { error: "Exactly one of userId or email must be provided" }],
        JSON.stringify(body),
      );
    assert.equal(cursor.members[1]?.isRemoved, false);
  });

  test("keeps an admin and a paid member", async () => {
    await using cursor = await start({ members: [ada, bob] });
    assert.deepEqual(await remove(cursor, { userId: "user_ada" }), [
      400,
      { error: "Cannot remove the last admin of the team" },
    ]);
    cursor.setMembers([bob, cleo]);
    assert.deepEqual(await remove(cursor, { userId: "user_bob" }), [
      400,
      { error: "Cannot remove the last paid member of the team" },
    ]);
    assert.deepEqual(roles(cursor), ["member", "free-owner"]);
  });

  test("may show a removal later", async () => {
    await using cursor = await start({ removals: "manual" });
    assert.equal((await remove(cursor, { userId: "user_bob" }))[0], 200);
    assert.equal((await remove(cursor, { userId: "user_bob" }))[0], 404);
    assert.equal(cursor.members[1]?.role, "member");
    cursor.applyRemovals();
    assert.equal(cursor.members[1]?.role, "removed");
  });

  test("wants the key and POST, and can lose an answer after the work", async () => {
    await using cursor = await start();
    assert.equal((await fetch(`${cursor.url}/teams/remove-member`, { method: "POST" })).status, 401);
    const authorization = `Basic ${Buffer.from(`${cursor.apiKey}:`).toString("base64")}`;
    assert.equal((await fetch(`${cursor.url}/teams/remove-member`, { headers: { authorization } })).status, 405);
    cursor.script({ on: { method: "POST", path: /remove/ }, resetAfterEffect: true });
    assert.equal((await fetch(`${cursor.url}/teams/members`, { headers: { authorization } })).status, 200);
    await assert.rejects(post(cursor, { userId: "user_bob" }));
    assert.equal(cursor.members[1]?.role, "removed");
  });

  test("a team may have several keys, and each request tells which one it carried", async () => {
    await using cursor = await start();
    const get = async (key: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
      return (await fetch(`${cursor.url}/teams/members`, { headers: { authorization } })).status;
    };
    cursor.setKeys(cursor.apiKey, "key_new");
    assert.deepEqual([await get(cursor.apiKey), await get("key_new")], [200, 200]);
    cursor.setKeys("key_new");
    assert.deepEqual([await get(cursor.apiKey), await get("key_new"), await get("key_new:x")], [401, 200, 401]);
    const keys = cursor.requests.map(({ apiKey }) => apiKey);
    assert.deepEqual(keys, [cursor.apiKey, "key_new", cursor.apiKey, "key_new", undefined]);
  });

  test("a hook sees each request before and after the work, and may break the connection there", async () => {
    await using cursor = await start();
    const seen: string[] = [];
    cursor.setOnRequest(({ path }, phase) => {
      seen.push(`${path} ${phase}`);
      return phase === "received" ? "drop" : undefined;
    });
    await assert.rejects(post(cursor, { userId: "user_bob" }));
    assert.equal(cursor.members[1]?.role, "member");
    cursor.setOnRequest((_request, phase) => (phase === "done" ? "drop" : undefined));
    await assert.rejects(post(cursor, { userId: "user_bob" }));
    assert.equal(cursor.members[1]?.role, "removed");
    assert.deepEqual(seen, ["/teams/remove-member received"]);
  });

  test("a made-up team can lose and gain people", async () => {
    await using cursor = await startCursorServer({ team: { active: 3 } });
    const email = cursor.members[2]?.email ?? "";
    assert.equal(cursor.markRemoved(email.toUpperCase()), 1);
    assert.equal(cursor.markRemoved(email), 0);
    const row = cursor.signIn(email, "Again");
    assert.deepEqual([row.email, row.name, row.role, row.isRemoved], [email, "Again", "member", false]);
    assert.equal(cursor.signIn(email.toUpperCase()), row);
    assert.deepEqual(roles(cursor), ["owner", "free-owner", "removed", "member"]);
  });
});
