import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimQuirks } from "../scim-server.ts";
import { type Got, type ScimCaller, startCaller } from "./caller.ts";
import { schemaUris } from "./resource.ts";

const people = ["Ada@example.com", "bob@example.com", "cleo@example.com"];

/** Three people and these quirks; nothing here may count as a violation. */
async function withQuirks(quirks: ScimQuirks, act: (caller: ScimCaller) => Promise<void>): Promise<void> {
  await using caller = await startCaller({ quirks });
  caller.scim.seed(...people.map((userName, index) => ({ id: String(index + 1), userName })));
  await act(caller);
  assert.deepEqual(caller.scim.violations, []);
}

const names = ({ json }: Got) => (json["Resources"] as { userName: string }[]).map(({ userName }) => userName);
const byName = (name: string) => `userName eq ${JSON.stringify(name)}`;

suite("quirks of lists and filters", () => {
  test("filtersIgnored: everybody comes back", () =>
    withQuirks({ filtersIgnored: true }, async ({ list }) => {
      assert.deepEqual(names(await list(byName("nobody@example.com"))), people);
    }));

  test("filterCaseSensitive", () =>
    withQuirks({ filterCaseSensitive: true }, async ({ list }) => {
      assert.deepEqual(names(await list(byName("ada@example.com"))), []);
      assert.deepEqual(names(await list(byName("Ada@example.com"))), ["Ada@example.com"]);
    }));

  test("filtersRefused and filters501, for all forms or for some", async () => {
    await withQuirks({ filtersRefused: true }, async ({ list }) => {
      const got = await list(byName("x@y.z"));
      assert.deepEqual([got.status, got.json["scimType"]], [400, "invalidFilter"]);
      assert.equal((await list()).status, 200);
    });
    await withQuirks({ filters501: ["emails.value"], filtersRefused: ["emails[value]"] }, async ({ list }) => {
      assert.equal((await list(byName("x@y.z"))).status, 200);
      assert.equal((await list('emails.value eq "x@y.z"')).status, 501);
      assert.equal((await list('emails[value eq "x@y.z"]')).status, 400);
    });
  });

  test("rejectsEscapedQuotes", () =>
    withQuirks({ rejectsEscapedQuotes: true }, async ({ list }) => {
      const got = await list(byName('a"a@example.com'));
      assert.deepEqual([got.status, got.json["scimType"]], [400, "invalidFilter"]);
      assert.equal((await list(byName("a\\a@example.com"))).status, 200);
    }));

  test("capPage, ignoresPaging and repeatsPastEnd", async () => {
    await withQuirks({ capPage: 2 }, async ({ list }) => {
      assert.deepEqual(names(await list(undefined, 1, 100)), people.slice(0, 2));
      assert.deepEqual(names(await list(undefined, 3, 100)), people.slice(2));
    });
    await withQuirks({ ignoresPaging: true }, async ({ list }) => {
      assert.deepEqual(names(await list(undefined, 2, 1)), people);
    });
    await withQuirks({ repeatsPastEnd: true }, async ({ list }) => {
      assert.deepEqual(names(await list(undefined, 3, 1)), people.slice(2));
      assert.deepEqual(names(await list(undefined, 4, 1)), people);
    });
  });

  test("refusesPastEnd, offersCursor and tooManyAbove", async () => {
    await withQuirks({ refusesPastEnd: true, offersCursor: true }, async ({ list }) => {
      const first = await list(undefined, 1, 2);
      assert.deepEqual([names(first), first.json["nextCursor"]], [people.slice(0, 2), "after-2"]);
      assert.equal("nextCursor" in (await list(undefined, 3, 2)).json, false);
      assert.equal((await list(undefined, 4, 2)).status, 422);
      assert.deepEqual(names(await list(byName("nobody@example.com"))), []);
    });
    await withQuirks({ tooManyAbove: 2 }, async ({ list }) => {
      const all = await list(undefined, 1, 1);
      assert.deepEqual([all.status, all.json["scimType"]], [400, "tooMany"]);
      assert.deepEqual(names(await list(byName("bob@example.com"))), ["bob@example.com"]);
    });
  });

  test("totalResultsIsPageLength, wrongItemsPerPage and omitsEmptyResources", () =>
    withQuirks(
      { totalResultsIsPageLength: true, wrongItemsPerPage: true, omitsEmptyResources: true },
      async ({ list }) => {
        const page = await list(undefined, 1, 2);
        assert.deepEqual([page.json["totalResults"], page.json["itemsPerPage"]], [2, 20]);
        assert.equal("Resources" in (await list(byName("nobody@example.com"))).json, false);
        assert.equal("Resources" in page.json, true);
      },
    ));

  test("hiddenUsers: taken, but in no list and under no id", () =>
    withQuirks({ hiddenUsers: ["bob@EXAMPLE.com", "unseen@example.com"] }, async ({ list, create, call }) => {
      assert.deepEqual(names(await list()), ["Ada@example.com", "cleo@example.com"]);
      assert.equal((await call("GET", "/Users/2")).status, 404);
      for (const name of ["bob@example.com", "Unseen@example.com"]) assert.equal((await create(name)).status, 409);
    }));
});

suite("quirks of creating", () => {
  test("duplicateStatus, with scimType and without", async () => {
    for (const duplicateStatus of [409, 400, 500] as const) {
      await withQuirks({ duplicateStatus }, async ({ create }) => {
        const got = await create("ada@example.com");
        assert.deepEqual([got.status, got.json["scimType"]], [duplicateStatus, "uniqueness"]);
      });
      await withQuirks({ duplicateStatus, duplicateWithoutScimType: true }, async ({ create, scim }) => {
        const got = await create("ada@example.com");
        assert.deepEqual([got.status, "scimType" in got.json, scim.records.length], [duplicateStatus, false, 3]);
      });
    }
  });

  test("plainTextErrors and errorsAsJson", async () => {
    await withQuirks({ plainTextErrors: true }, async ({ create }) => {
      const got = await create("ada@example.com");
      assert.deepEqual([got.headers.get("content-type"), got.json], ["text/plain; charset=utf-8", {}]);
      assert.match(got.text, /already exists/);
    });
    await withQuirks({ errorsAsJson: true }, async ({ call }) => {
      const got = await call("GET", "/Users/none");
      assert.deepEqual([got.headers.get("content-type"), got.json["status"]], ["application/json", "404"]);
    });
  });

  test("upsert200: the user there is changes and no second one appears", () =>
    withQuirks({ upsert200: true }, async ({ create, scim }) => {
      scim.edit("1", { active: false });
      const old = await create("ada@example.com");
      assert.deepEqual([old.status, old.json["id"], old.json["active"]], [200, "1", true]);
      assert.equal((await create("dan@example.com")).status, 200);
      assert.deepEqual([scim.records.length, scim.effects.map(({ kind }) => kind)], [4, ["patched", "created"]]);
    }));

  test("emptyCreateBody, relativeLocation and noLocation", async () => {
    await withQuirks({ emptyCreateBody: true }, async ({ create, scim }) => {
      const got = await create("dan@example.com");
      assert.deepEqual([got.status, got.text], [201, ""]);
      assert.equal(got.headers.get("location"), `${scim.endpoint}/Users/${scim.records[3]?.id}`);
    });
    await withQuirks({ relativeLocation: true }, async ({ create, scim }) => {
      const got = await create("dan@example.com");
      const path = new URL(`${scim.endpoint}/Users/${got.json["id"]}`).pathname;
      assert.equal(got.headers.get("location"), path);
      assert.equal((got.json["meta"] as { location: string }).location, path);
    });
    await withQuirks({ noLocation: true, emptyCreateBody: true }, async ({ create }) => {
      const got = await create("dan@example.com");
      assert.deepEqual([got.status, got.text, got.headers.get("location")], [201, "", null]);
    });
  });

  test("lowerCasesUserName", () =>
    withQuirks({ lowerCasesUserName: true }, async ({ create }) => {
      assert.equal((await create("Dan@Example.com")).json["userName"], "dan@example.com");
    }));
});

suite("quirks of changing and deleting", () => {
  test("deleteForbidden", async () => {
    for (const deleteForbidden of [405, 501, 403] as const)
      await withQuirks({ deleteForbidden }, async ({ call, scim }) => {
        assert.equal((await call("DELETE", "/Users/1")).status, deleteForbidden);
        assert.equal(scim.records.length, 3);
      });
  });

  test("deactivateOnDelete: the user stays, inactive", () =>
    withQuirks({ deactivateOnDelete: true }, async ({ call, scim }) => {
      assert.equal((await call("DELETE", "/Users/1")).status, 204);
      assert.equal((await call("GET", "/Users/1")).json["active"], false);
      assert.deepEqual(scim.effects, [{ kind: "patched", id: "1", userName: "Ada@example.com" }]);
    }));

  test("deletesInactive: PATCH and PUT delete", () =>
    withQuirks({ deletesInactive: true }, async ({ setActive, call, scim }) => {
      assert.deepEqual((await setActive("1", true)).json["active"], true);
      const got = await setActive("1", false);
      assert.deepEqual([got.status, got.json["active"]], [200, false]);
      assert.equal((await call("GET", "/Users/1")).status, 404);
      const bob = await call("GET", "/Users/2");
      assert.equal((await call("PUT", "/Users/2", { body: { ...bob.json, active: false } })).status, 200);
      assert.deepEqual(
        [scim.records.length, scim.effects.map(({ kind }) => kind)],
        [1, ["patched", "deleted", "deleted"]],
      );
    }));

  test("patchUnsupported: PUT still works, and the configuration says so", async () => {
    for (const patchUnsupported of [405, 501] as const)
      await withQuirks({ patchUnsupported }, async ({ setActive, call, scim }) => {
        assert.equal((await setActive("1", false)).status, patchUnsupported);
        const config = await call("GET", "/ServiceProviderConfig");
        assert.deepEqual(config.json["patch"], { supported: false });
        const { json } = await call("GET", "/Users/1");
        assert.equal((await call("PUT", "/Users/1", { body: { ...json, active: false } })).status, 200);
        assert.equal(scim.records[0]?.active, false);
      });
  });

  test("patchNeedsNoPath, patch204 and activeAsString", () =>
    withQuirks(
      { patchNeedsNoPath: true, patch204: true, activeAsString: true },
      async ({ setActive, setActiveByValue, call }) => {
        const refused = await setActive("1", false);
        assert.deepEqual([refused.status, refused.json["scimType"]], [400, "invalidPath"]);
        assert.equal((await call("GET", "/Users/1")).json["active"], "True");
        const got = await setActiveByValue("1", false);
        assert.deepEqual([got.status, got.text], [204, ""]);
        assert.equal((await call("GET", "/Users/1")).json["active"], "False");
      },
    ));

  test("etagSupported: a stale If-Match is refused", () =>
    withQuirks({ etagSupported: true }, async ({ call, scim }) => {
      const first = await call("GET", "/Users/1");
      const version = first.headers.get("etag") ?? "";
      assert.equal((first.json["meta"] as { version: string }).version, version);
      assert.deepEqual((await call("GET", "/ServiceProviderConfig")).json["etag"], { supported: true });
      scim.edit("1", { active: false });
      const headers = { "if-match": version };
      assert.equal((await call("DELETE", "/Users/1", { headers })).status, 412);
      const fresh = { "if-match": (await call("GET", "/Users/1")).headers.get("etag") ?? "" };
      assert.equal((await call("DELETE", "/Users/1", { headers: fresh })).status, 204);
    }));

  test("bodyHashEtag: an ETag that means nothing", () =>
    withQuirks({ bodyHashEtag: true }, async ({ call }) => {
      assert.match((await call("GET", "/Users/1")).headers.get("etag") ?? "", /^W\//);
      assert.deepEqual((await call("GET", "/ServiceProviderConfig")).json["etag"], { supported: false });
    }));

  test("claims need not be true, and quirks can change later", () =>
    withQuirks({ claims: { patch: false, etag: true, maxResults: 5 } }, async ({ call, scim, setActive }) => {
      const { json } = await call("GET", "/ServiceProviderConfig");
      assert.deepEqual(json["schemas"], [schemaUris.config]);
      assert.deepEqual([json["patch"], json["etag"]], [{ supported: false }, { supported: true }]);
      assert.deepEqual(json["filter"], { supported: true, maxResults: 5 });
      assert.equal((await setActive("1", false)).status, 200);
      assert.equal((await call("DELETE", "/Users/1", { headers: { "if-match": 'W/"9"' } })).status, 204);
      scim.setQuirks({ claims: { status: 501 } });
      assert.equal((await call("GET", "/ServiceProviderConfig")).status, 501);
    }));
});
