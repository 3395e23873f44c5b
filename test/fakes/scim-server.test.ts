import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Got, startCaller } from "./scim/caller.ts";
import { schemaUris } from "./scim/resource.ts";

/** The user names of a list. */
function names({ json }: Got): string[] {
  return (json["Resources"] as { userName: string }[]).map(({ userName }) => userName);
}

const ada = "Ada@example.com";

suite("the directory as the RFC has it", () => {
  test("a user is created, found, changed, deleted and gone", async () => {
    await using caller = await startCaller();
    const { scim } = caller;
    const made = await caller.create(ada);
    const id = String(made.json["id"]);
    assert.equal(made.status, 201);
    assert.equal(made.headers.get("content-type"), "application/scim+json");
    assert.equal(made.headers.get("location"), `${scim.endpoint}/Users/${id}`);
    assert.deepEqual(scim.records, [
      {
        id,
        userName: ada,
        active: true,
        emails: [{ value: ada, primary: true }],
        name: { givenName: "Ada", familyName: "Byron" },
      },
    ]);
    const read = await caller.call("GET", `/Users/${id}`);
    assert.deepEqual([read.status, read.json], [200, made.json]);
    const patched = await caller.setActive(id, false);
    assert.deepEqual([patched.status, patched.json["active"]], [200, false]);
    assert.equal((await caller.setActiveByValue(id, true)).json["active"], true);
    const put = await caller.call("PUT", `/Users/${id}`, { body: { ...made.json, active: false } });
    assert.deepEqual([put.status, put.json["active"], scim.records[0]?.active], [200, false, false]);
    const deleted = await caller.call("DELETE", `/Users/${id}`);
    assert.deepEqual([deleted.status, deleted.text, scim.records.length], [204, "", 0]);
    for (const method of ["DELETE", "GET"]) assert.equal((await caller.call(method, `/Users/${id}`)).status, 404);
    assert.deepEqual(
      scim.effects.map(({ kind }) => kind),
      ["created", "patched", "patched", "patched", "deleted"],
    );
    assert.deepEqual(scim.effects[0], { kind: "created", id, userName: ada });
    assert.deepEqual(scim.violations, []);
  });

  test("a user name is there once, whatever its case", async () => {
    await using caller = await startCaller({ users: [ada] });
    const second = await caller.create("ADA@EXAMPLE.COM");
    assert.equal(second.status, 409);
    assert.deepEqual(second.json, {
      schemas: [schemaUris.error],
      status: "409",
      scimType: "uniqueness",
      detail: "a user with this userName already exists",
    });
    assert.deepEqual([caller.scim.records.length, caller.scim.effects], [1, []]);
  });

  test("filters take three forms, any case and escaped quotes", async () => {
    await using caller = await startCaller();
    caller.scim.seed(ada, { userName: "bob", emails: [{ value: 'b"b@example.com' }, { value: "b+1@example.com" }] });
    for (const [filter, found] of [
      ['userName eq "ADA@example.com"', [ada]],
      ['emails.value eq "b+1@EXAMPLE.com"', ["bob"]],
      ['emails[value eq "b\\"b@example.com"]', ["bob"]],
      ['userName eq "nobody@example.com"', []],
    ] as const)
      assert.deepEqual(names(await caller.list(filter)), found, filter);
    assert.deepEqual(caller.scim.violations, []);
  });

  test("lists come in pages with right counts", async () => {
    await using caller = await startCaller({ users: ["a@x.org", "b@x.org", "c@x.org"] });
    const page = await caller.list(undefined, 2, 2);
    assert.deepEqual(names(page), ["b@x.org", "c@x.org"]);
    const { totalResults, startIndex, itemsPerPage } = page.json;
    assert.deepEqual([totalResults, startIndex, itemsPerPage], [3, 2, 2]);
    const past = await caller.list(undefined, 4, 2);
    assert.deepEqual([past.json["totalResults"], past.json["Resources"]], [3, []]);
    assert.deepEqual(names(await caller.list(undefined, 1, 0)), []);
  });

  test("a wrong token, a wrong directory and an unknown id are answered, not held against the client", async () => {
    await using caller = await startCaller({ users: [ada] });
    const refused = await caller.call("GET", "/Users?startIndex=1&count=1", {
      headers: { authorization: "Bearer no" },
    });
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get("www-authenticate") ?? "", /^Bearer/);
    assert.equal((await caller.call("GET", "x/Users?startIndex=1&count=1")).status, 404);
    assert.equal((await caller.call("GET", "/Users/nobody")).status, 404);
    caller.scim.setToken("another");
    assert.equal((await caller.list()).status, 401);
    caller.scim.setToken("another", caller.scim.token);
    assert.equal((await caller.list()).status, 200);
    assert.deepEqual(caller.scim.requests.map(({ token }) => token).slice(-2), [caller.scim.token, caller.scim.token]);
    assert.deepEqual(caller.scim.violations, []);
  });

  test("requests are recorded with their answers", async () => {
    await using caller = await startCaller();
    await caller.create(ada);
    await caller.list('userName eq "a+b@example.com"');
    const [post, get] = caller.scim.requests;
    assert.deepEqual([post?.method, post?.path, post?.status, post?.hasAuthorization], ["POST", "/Users", 201, true]);
    assert.equal((post?.body as { userName?: string } | undefined)?.userName, ada);
    assert.deepEqual(get?.query, { startIndex: "1", count: "100", filter: 'userName eq "a+b@example.com"' });
    assert.deepEqual([get?.body, get?.ifMatch], [undefined, undefined]);
  });

  test("ids are opaque: they may hold slashes and spaces", async () => {
    await using caller = await startCaller({ users: [{ id: "a/b c@x", userName: ada }] });
    assert.equal((await caller.setActive("a/b c@x", false)).status, 200);
    assert.equal(caller.scim.records[0]?.active, false);
  });

  test("changes from outside are told to listeners but are no effects", async () => {
    await using caller = await startCaller({ users: [ada] });
    const { scim } = caller;
    const told: unknown[] = [];
    const end = scim.onChange(({ kind, record }) => told.push([kind, record.active]));
    const id = scim.records[0]?.id ?? "";
    scim.edit(id, { active: false });
    scim.remove(id);
    end();
    scim.seed(ada);
    assert.deepEqual(told, [
      ["patched", false],
      ["deleted", false],
    ]);
    assert.deepEqual(scim.effects, []);
    assert.throws(() => scim.remove("nobody"), /no user nobody/);
  });
});
