import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Sent, startCaller } from "./caller.ts";
import { type JsonObject, schemaUris } from "./resource.ts";

const user: JsonObject = {
  schemas: [schemaUris.user],
  userName: "ada@example.com",
  emails: [{ value: "ada@example.com", primary: true }],
};
const patch = (operation: JsonObject): JsonObject => ({ schemas: [schemaUris.patch], Operations: [operation] });
const paging = "startIndex=1&count=10";

/** What no careful client sends: what it is, the request, the status. */
const careless: readonly (readonly [string, string, string, Sent, number])[] = [
  ["Accept without SCIM", "GET", `/Users?${paging}`, { headers: { accept: "application/json" } }, 406],
  ["SCIM refused in Accept", "GET", "/Users/1", { headers: { accept: "application/scim+json;q=0" } }, 406],
  [
    "Content-Type of plain JSON",
    "POST",
    "/Users",
    { body: user, headers: { "content-type": "application/json" } },
    415,
  ],
  ["Content-Type of text", "POST", "/Users", { body: user, headers: { "content-type": "text/plain" } }, 415],
  ["DELETE with a body", "DELETE", "/Users/1", { body: "{}" }, 400],
  ["a list without count", "GET", "/Users?startIndex=1", {}, 400],
  ["a list without startIndex", "GET", "/Users?count=1", {}, 400],
  ["startIndex 0", "GET", "/Users?startIndex=0&count=1", {}, 400],
  ["count twice", "GET", `/Users?${paging}&count=1`, {}, 400],
  ["attributes", "GET", `/Users?${paging}&attributes=userName`, {}, 400],
  ["another operator", "GET", `/Users?${paging}&filter=${encodeURIComponent('userName sw "a"')}`, {}, 400],
  ["another attribute", "GET", `/Users?${paging}&filter=${encodeURIComponent('externalId eq "a"')}`, {}, 400],
  ["a quote that is not escaped", "GET", `/Users?${paging}&filter=${encodeURIComponent('userName eq "a"b"')}`, {}, 400],
  ["no JSON string", "GET", `/Users?${paging}&filter=${encodeURIComponent('userName eq "a\\x"')}`, {}, 400],
  ["a plus sign as it is", "GET", `/Users?${paging}&filter=userName%20eq%20%22a+b@x.org%22`, {}, 400],
  ["another resource", "GET", `/Groups?${paging}`, {}, 404],
  ["a path below a user", "GET", "/Users/1/emails", {}, 404],
  ["an empty id", "GET", "/Users/", {}, 404],
  ["PUT on the collection", "PUT", "/Users", { body: user }, 405],
  ["a query on a user", "GET", "/Users/1?count=1", {}, 400],
  ["no JSON", "POST", "/Users", { body: "{" }, 400],
  ["no object", "POST", "/Users", { body: [user] }, 400],
  ["no schemas", "POST", "/Users", { body: { ...user, schemas: undefined } }, 400],
  ["no userName", "POST", "/Users", { body: { ...user, userName: undefined } }, 400],
  ["white space around userName", "POST", "/Users", { body: { ...user, userName: " ada" } }, 400],
  ["a password", "POST", "/Users", { body: { ...user, password: "x" } }, 400],
  ["externalId", "POST", "/Users", { body: { ...user, externalId: "x" } }, 400],
  ["displayName", "POST", "/Users", { body: { ...user, displayName: "x" } }, 400],
  ["an empty family name", "POST", "/Users", { body: { ...user, name: { familyName: "" } } }, 400],
  ["no e-mail", "POST", "/Users", { body: { ...user, emails: [] } }, 400],
  ["two primary e-mails", "POST", "/Users", { body: { ...user, emails: twice(user["emails"]) } }, 400],
  [
    "a label of an e-mail",
    "POST",
    "/Users",
    { body: { ...user, emails: [{ value: "a@b", primary: true, display: "w" }] } },
    400,
  ],
  ["active as text", "POST", "/Users", { body: { ...user, active: "true" } }, 400],
  ["op in capitals", "PATCH", "/Users/1", { body: patch({ op: "Replace", path: "active", value: false }) }, 400],
  ["op add", "PATCH", "/Users/1", { body: patch({ op: "add", path: "active", value: false }) }, 400],
  ["another path", "PATCH", "/Users/1", { body: patch({ op: "replace", path: "userName", value: "x" }) }, 400],
  ["False as text", "PATCH", "/Users/1", { body: patch({ op: "replace", path: "active", value: "False" }) }, 400],
  ["more values", "PATCH", "/Users/1", { body: patch({ op: "replace", value: { active: false, x: 1 } }) }, 400],
  ["no PatchOp", "PATCH", "/Users/1", { body: { Operations: [{ op: "replace", path: "active", value: false }] } }, 400],
  ["If-Match without versions", "DELETE", "/Users/1", { headers: { "if-match": 'W/"1"' } }, 400],
];

function twice(list: unknown): unknown {
  return Array.isArray(list) ? [...list, ...list] : list;
}

suite("what no careful client sends", () => {
  for (const [what, method, path, sent, status] of careless)
    test(`${what} is refused, written down and without effect`, async () => {
      await using caller = await startCaller({ users: [{ id: "1", userName: "bob@example.com" }] });
      const got = await caller.call(method, path, sent);
      assert.equal(got.status, status, got.text);
      assert.deepEqual([got.json["schemas"], got.json["status"]], [[schemaUris.error], String(status)]);
      assert.equal(caller.scim.violations.length, 1);
      assert.match(caller.scim.violations[0] ?? "", new RegExp(`^${method} /scim/v2/`));
      assert.deepEqual([caller.scim.effects, caller.scim.records.length], [[], 1]);
    });

  test("PUT changes active and nothing else", async () => {
    await using caller = await startCaller();
    const manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const extra = { externalId: "x", [manager]: { department: "y" } };
    caller.scim.seed({ id: "1", userName: "bob@example.com", groups: [{ value: "g" }], extra });
    const { json } = await caller.call("GET", "/Users/1");
    assert.deepEqual([json["externalId"], json["schemas"]], ["x", [schemaUris.user, manager]]);
    const put = async (body: JsonObject): Promise<number> => (await caller.call("PUT", "/Users/1", { body })).status;
    const { id, meta, groups, externalId, ...rest } = json;
    for (const wrong of [
      { ...json, id: "2" },
      { ...json, meta: {} },
      { ...json, groups: [] },
      { ...json, active: "False" },
      { ...json, userName: "eve@example.com" },
      { ...json, nickName: "x" },
      rest,
    ])
      assert.equal(await put({ ...wrong }), 400);
    assert.equal(caller.scim.violations.length, 7);
    assert.equal(await put({ ...rest, externalId, active: false }), 200);
    assert.equal(await put({ ...json, active: true }), 200);
    assert.deepEqual((await caller.call("GET", "/Users/1")).json, { ...json, id, meta, groups });
    assert.equal(caller.scim.violations.length, 7);
  });

  test("acceptOnlyJson refuses the SCIM type but holds it against nobody", async () => {
    await using caller = await startCaller({ acceptOnlyJson: true });
    assert.equal((await caller.create("ada@example.com")).status, 415);
    const headers = { "content-type": "application/json; charset=utf-8" };
    assert.equal((await caller.call("POST", "/Users", { body: user, headers })).status, 201);
    assert.deepEqual(caller.scim.violations, []);
  });

  test("strictContentType false takes both types", async () => {
    await using caller = await startCaller({ strictContentType: false });
    const headers = { "content-type": "application/json" };
    assert.equal((await caller.call("POST", "/Users", { body: user, headers })).status, 201);
    assert.equal((await caller.create("bob@example.com")).status, 201);
  });
});
