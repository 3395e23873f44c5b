import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimQuirks } from "../../test/fakes/scim-server.ts";
import { forever, scimNames } from "../../test/helpers/scim-client.ts";
import { crowd, setScimScene } from "../../test/helpers/scim-scene.ts";
import type { ScimCalls } from "./calls.ts";
import { type Listing, listUsers } from "./paging.ts";

/** No filters, so that every lookup reads the list. */
const listOnly: ScimQuirks = { filters501: true };

suite("reading the whole directory", () => {
  const quirks: Readonly<Record<string, ScimQuirks>> = {
    "a right server": {},
    "pages are capped": { capPage: 20 },
    "pages are capped at one": { capPage: 1 },
    "every list is the whole list": { ignoresPaging: true },
    "past the end the list begins anew": { repeatsPastEnd: true },
    "the total is the length of the page": { totalResultsIsPageLength: true },
    "the total is the length of the page, which is capped": { totalResultsIsPageLength: true, capPage: 20 },
    "the total is the length of the page, and past the end the list begins anew": {
      totalResultsIsPageLength: true,
      repeatsPastEnd: true,
    },
    "a page past the end is refused": { refusesPastEnd: true },
    "a page past the end is refused, and the total is the length of the page": {
      refusesPastEnd: true,
      totalResultsIsPageLength: true,
    },
    "there are cursors too": { offersCursor: true, capPage: 20 },
    "itemsPerPage is wrong": { wrongItemsPerPage: true },
    "an empty page has no Resources": { omitsEmptyResources: true, totalResultsIsPageLength: true },
    "the server says that it gives few at a time": { claims: { maxResults: 30 } },
    "the server says nothing useful about pages": { claims: { maxResults: 0 } },
  };
  for (const [name, quirk] of Object.entries(quirks)) {
    for (const size of [1, 99, 100, 101, 250]) {
      test(`${name}: ${size} users, each once`, async () => {
        const people = crowd(size);
        await using scene = await setScimScene({ quirks: { ...listOnly, ...quirk }, users: people });
        const nobody = await scene.find("nobody@example.com", true);
        assert.deepEqual(nobody, { users: [], complete: true, directorySize: size });
        const last = await scene.find(people.at(-1) ?? "");
        assert.deepEqual(
          last.users.map(({ userName }) => userName),
          people.slice(-1),
        );
      });
    }
  }

  test("both paging parameters are always sent, and go on after what was received", async () => {
    await using scene = await setScimScene({ quirks: { ...listOnly, capPage: 40 }, users: crowd(100) });
    await scene.find("nobody@example.com");
    const asked = scene.scim.requests.filter(({ path, query }) => path === "/Users" && query["filter"] === undefined);
    assert.deepEqual(
      asked.map(({ query }) => [query["startIndex"], query["count"]]),
      [
        ["1", "100"],
        ["41", "100"],
        ["81", "100"],
      ],
    );
  });

  test("no more is asked for at a time than the server says it gives", async () => {
    await using scene = await setScimScene({ quirks: { claims: { maxResults: 7 } }, users: crowd(20) });
    await scene.find("nobody@example.com", true);
    const counts = scene.scim.requests.filter(({ path }) => path === "/Users").map(({ query }) => query["count"]);
    assert.deepEqual([...new Set(counts)], ["7"]);
  });

  test("someone deleted meanwhile moves another to a page that was read: nothing is proven then", async () => {
    await using scene = await setScimScene({ quirks: listOnly, users: crowd(150) });
    const { scim } = scene;
    scim.setOnRequest((request, phase) => {
      if (phase === "received" && request.query["startIndex"] === "101") scim.remove(scim.records[3]?.id ?? "");
      return undefined;
    });
    // The hundred and first is on neither page.
    const found = await scene.find("person100@example.com", true);
    assert.deepEqual([found.users, found.complete], [[], false]);
  });

  test("a list that is cut off proves nothing", async () => {
    const rows = crowd(20).map((userName, at) => ({ id: String(at), userName }));
    for (const list of [
      { totalResults: 25, Resources: rows },
      { totalResults: "25", Resources: rows },
      // Without a total, the first page again and again.
      { Resources: rows },
    ]) {
      await using scene = await setScimScene({ quirks: listOnly });
      const unfiltered = { on: { path: /^\/Users$/ }, times: Number.POSITIVE_INFINITY } as const;
      scene.scim.script({ on: { path: /Service/ } }, { ...unfiltered, json: list });
      const found = await scene.find("nobody@example.com", true);
      assert.deepEqual([found.users, found.complete, found.directorySize], [[], false, 20], JSON.stringify(list));
    }
  });

  test("a list of which the server says that it is too long is an error, never an empty directory", async () => {
    await using scene = await setScimScene({ quirks: { tooManyAbove: 9 }, users: crowd(10) });
    assert.equal((await scene.find("person3@example.com")).users.length, 1);
    await scene.fails(scene.find("nobody@example.com", true), "invalid_argument", /HTTP 400.*too many results/);
  });

  test("a filter for which too many are found is no filter: the directory is read", async () => {
    const tooMany = { status: 400, json: { scimType: "tooMany", detail: "too many results" } };
    await using scene = await setScimScene({ users: crowd(10) });
    const filtered = { on: { query: /filter/ }, times: Number.POSITIVE_INFINITY } as const;
    scene.scim.script({ ...filtered, ...tooMany });
    assert.equal((await scene.find("person3@example.com")).users.length, 1);
    const nobody = await scene.find("nobody@example.com", true);
    assert.deepEqual(nobody, { users: [], complete: true, directorySize: 10 });
  });

  test("a page that is refused before the end is a failure", async () => {
    await using scene = await setScimScene({ quirks: { ...listOnly, capPage: 20 }, users: crowd(50) });
    scene.scim.script({ on: { path: /Users/, query: /startIndex=21/ }, status: 422, json: { detail: "no such page" } });
    await scene.fails(scene.find("nobody@example.com", true), "invalid_argument", /HTTP 422.*no such page/);
  });

  test("what is no list is an error, never an empty directory", async () => {
    for (const [list, message] of [
      [{}, /ListResponse/],
      [[], /the list of users should be an object/],
      [{ totalResults: 1, Resources: {} }, /Resources should be an array/],
      [{ totalResults: 1, Resources: [{ userName: "x@example.com" }] }, /the id of a user/],
      [{ totalResults: 1, Resources: [null] }, /a user should be an object/],
      [{ totalResults: 1, Resources: [{ id: "1", userName: 7 }] }, /userName/],
    ] as const) {
      await using scene = await setScimScene();
      scene.scim.script({ on: { path: /^\/Users$/ }, times: Number.POSITIVE_INFINITY, json: list });
      await scene.fails(scene.find("nobody@example.com", true), "internal", message);
    }
  });
});

test("a user who is listed twice on a page comes once", async () => {
  const row = { id: "1", userName: "ada@example.com" };
  const calls: ScimCalls = {
    async send(call) {
      const rows = Number(call.query?.["startIndex"]) === 1 ? [row, row, { id: "2" }] : [];
      const body = Buffer.from(JSON.stringify({ totalResults: 3, Resources: rows }));
      return call.decode({ host: "h", status: 200, headers: {}, body });
    },
  };
  const options = { calls, names: scimNames, pageSize: async () => 10, maxPages: 5, maxUsers: 10 };
  const listing: Listing = { complete: true };
  const ids: string[] = [];
  for await (const page of listUsers(options, undefined, listing, forever)) ids.push(...page.map(({ id }) => id));
  assert.deepEqual(ids, ["1", "2"]);
  assert.equal(listing.complete, false);
});

/** A server whose every page is new, as a loop in a gateway would make it. */
const endless: ScimCalls = {
  async send(call) {
    const startIndex = Number(call.query?.["startIndex"]);
    const rows = Array.from({ length: 10 }, (_, at) => ({
      id: String(startIndex + at),
      userName: `u${startIndex + at}`,
    }));
    const body = Buffer.from(JSON.stringify({ totalResults: 1_000_000, Resources: rows }));
    return call.decode({ host: "h", status: 200, headers: { "content-type": "application/json" }, body });
  },
};

suite("a list without end", () => {
  for (const [what, caps] of [
    ["pages", { maxPages: 5, maxUsers: 1_000 }],
    ["users", { maxPages: 1_000, maxUsers: 45 }],
  ] as const) {
    test(`ends with an error after too many ${what}`, async () => {
      const options = { calls: endless, names: scimNames, pageSize: async () => 10, ...caps };
      const listing: Listing = { complete: true };
      let users = 0;
      const read = async () => {
        for await (const page of listUsers(options, undefined, listing, forever)) users += page.length;
      };
      await assert.rejects(read, {
        code: "resource_exhausted",
        message: /or no end; nothing was changed: check THE_E/,
      });
      assert.equal(users, 50);
    });
  }
});
