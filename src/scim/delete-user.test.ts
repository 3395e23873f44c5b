import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimAnswer, ScimQuirks } from "../../test/fakes/scim-server.ts";
import { forever } from "../../test/helpers/scim-client.ts";
import { adaRecord, type ScimScene, setAda } from "../../test/helpers/scim-scene.ts";

const ada = adaRecord.userName;
const path = `/Users/${encodeURIComponent(adaRecord.id)}`;
const isActive = ({ scim }: ScimScene) => scim.records[0]?.active;

async function erase(scene: ScimScene) {
  const user = await scene.only(ada);
  scene.asked();
  return scene.client.deleteUser(user, forever);
}

suite("a deletion", () => {
  const ends: Readonly<Record<string, readonly [ScimQuirks, string, readonly string[]]>> = {
    "is looked at afterwards": [{}, "deleted", ["DELETE", "GET"]],
    "where versions are checked": [{ etagSupported: true }, "deleted", ["DELETE", "GET"]],
    "where ETags mean nothing": [{ bodyHashEtag: true }, "deleted", ["DELETE", "GET"]],
    "that only makes inactive": [{ deactivateOnDelete: true }, "deactivated", ["DELETE", "GET"]],
    "that only makes inactive, as a text": [
      { deactivateOnDelete: true, activeAsString: true },
      "deactivated",
      ["DELETE", "GET"],
    ],
    "that the server does not have, 405": [{ deleteForbidden: 405 }, "unsupported", ["DELETE"]],
    "that the server does not have, 501": [{ deleteForbidden: 501 }, "unsupported", ["DELETE"]],
    "that the server does not have, 403": [{ deleteForbidden: 403 }, "unsupported", ["DELETE"]],
    "that the server does not have, in plain text": [
      { deleteForbidden: 403, plainTextErrors: true },
      "unsupported",
      ["DELETE"],
    ],
  };
  for (const [name, [quirks, end, methods]] of Object.entries(ends)) {
    test(name, async () => {
      await using scene = await setAda(quirks);
      assert.equal(await erase(scene), end);
      assert.deepEqual(
        scene.asked(),
        methods.map((method) => `${method} ${path}`),
      );
      assert.equal(isActive(scene), { deleted: undefined, deactivated: false, unsupported: true }[end]);
    });
  }

  const answers: Readonly<Record<string, readonly [readonly ScimAnswer[], string]>> = {
    "of somebody who has gone is done": [[{ afterEffect: true, status: 404 }], "deleted"],
    "of somebody who has gone for good is done": [[{ afterEffect: true, status: 410 }], "deleted"],
    "that a gateway does not let through is unsupported": [
      [{ status: 403, body: "Method Not Allowed" }],
      "unsupported",
    ],
    "for which there is no route is unsupported": [[{ status: 404 }], "unsupported"],
    "that meets another change is done again": [[{ status: 409 }], "deleted"],
    "with a body in the answer is done": [[{ afterEffect: true, status: 200, json: { done: true } }], "deleted"],
    "that is queued is unconfirmed": [[{ status: 202 }], "unconfirmed"],
    "is unconfirmed where the look fails": [[{}, { status: 403 }], "unconfirmed"],
    "is unconfirmed where the look fails for long": [[{}, { times: 9, status: 503 }], "unconfirmed"],
  };
  for (const [name, [script, end]] of Object.entries(answers)) {
    test(name, async () => {
      await using scene = await setAda();
      const user = await scene.only(ada);
      scene.scim.script(...script);
      assert.equal(await scene.client.deleteUser(user, forever), end);
    });
  }

  const noSuchUser = {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    detail: "Resource not found",
    status: "404",
  };
  const lost: readonly (readonly [string, ScimAnswer, ScimAnswer, ScimQuirks])[] = [
    ["the server says that there is no such user", { resetAfterEffect: true }, {}, {}],
    ["the server says that the user is gone for good", { reset: true }, { status: 410 }, {}],
  ];
  for (const [name, first, second, quirks] of lost) {
    test(`whose answer was lost, and then ${name} but still shows the record, has to be looked at again`, async () => {
      await using scene = await setAda(quirks);
      const user = await scene.only(ada);
      // A copy that the deletion has not reached yet.
      const stale = { id: user.id, userName: user.userName, active: true, emails: adaRecord.emails };
      const on = { method: "DELETE" };
      scene.scim.script({ ...first, on }, { ...second, on }, { json: stale, on: { method: "GET", path: /Users\/./ } });
      const text = /no such user any more, but still shows the record: ask again$/;
      await scene.fails(scene.client.deleteUser(user, forever), "unavailable", text);
      assert.equal(scene.retries.length, 1);
    });
  }

  test("whose answer was lost, of a server that keeps what is deleted as inactive, is done", async () => {
    await using scene = await setAda({ deactivateOnDelete: true });
    const user = await scene.only(ada);
    const on = { method: "DELETE" };
    scene.scim.script({ resetAfterEffect: true, on }, { status: 404, json: noSuchUser, on });
    assert.equal(await scene.client.deleteUser(user, forever), "deactivated");
  });

  for (const [what, look] of Object.entries<ScimAnswer>({ "not there": { status: 501 }, broken: { body: "<html>" } })) {
    const onDelete = { method: "DELETE" };
    const onLook = { method: "GET", path: /Users\/./ };

    test(`whose answer was lost, and of which the server then says that there is no such user, is done when the look is ${what}`, async () => {
      await using scene = await setAda();
      const user = await scene.only(ada);
      scene.scim.script({ resetAfterEffect: true, on: onDelete }, { ...look, on: onLook });
      assert.equal(await scene.client.deleteUser(user, forever), "unconfirmed");
    });

    test(`that ends with a bare 404 is not final when the look is ${what}`, async () => {
      await using scene = await setAda();
      const user = await scene.only(ada);
      scene.scim.script({ status: 404, afterEffect: true, on: onDelete }, { ...look, on: onLook });
      await scene.fails(scene.client.deleteUser(user, forever), "unavailable", /^the user may have been deleted, but/);
    });
  }

  test("that ends with a bare 404, and a look that meets a rate limit: what C1 needs to come back is kept", async () => {
    await using scene = await setAda();
    const user = await scene.only(ada);
    const limited = { status: 429, headers: { "retry-after": "1200" }, on: { method: "GET", path: /Users\/./ } };
    scene.scim.script({ status: 404, afterEffect: true, on: { method: "DELETE" } }, limited);
    const erased = scene.client.deleteUser(user, forever);
    const { rateLimit, retryAfterMs } = await scene.fails(
      erased,
      "unavailable",
      /^the user may have been deleted, but/,
    );
    assert.deepEqual([rateLimit?.remaining, retryAfterMs], [0, 1_200_000]);
  });

  test("of which everything says 404, as an ingress without its server does, is not final", async () => {
    await using scene = await setAda();
    const user = await scene.only(ada);
    scene.scim.script({ status: 404, body: "default backend - 404", times: Number.POSITIVE_INFINITY });
    await scene.fails(scene.client.deleteUser(user, forever), "unavailable", /^the user may have been deleted, but/);
    assert.equal(isActive(scene), true);
  });

  test("of somebody who has gone, for which the server only has a 500, is not final, and the next lookup finds nobody", async () => {
    await using scene = await setAda();
    const user = await scene.only(ada);
    scene.scim.script({ times: 9, status: 500, afterEffect: true, on: { method: "DELETE" } });
    await scene.fails(scene.client.deleteUser(user, forever), "unavailable", /HTTP 500 when asked to delete a user/);
    assert.deepEqual((await scene.find(ada, true)).users, []);
  });

  test("of somebody inactive, for which there is no route, is unsupported", async () => {
    await using scene = await setAda({}, false);
    const user = await scene.only(ada);
    scene.scim.script({ status: 404, body: "Cannot DELETE /Users", on: { method: "DELETE" } });
    assert.equal(await scene.client.deleteUser(user, forever), "unsupported");
  });

  for (const [status, code, message] of [
    [400, "invalid_argument", /HTTP 400 when asked to delete a user \(it says: no\)/],
    [401, "unauthenticated", /rejected THE_TOKEN/],
    [403, "permission_denied", /does not let it delete a user \(it says: no\)/],
  ] as const) {
    test(`that is refused with ${status} is an error`, async () => {
      await using scene = await setAda();
      const user = await scene.only(ada);
      scene.scim.script({ status, json: { detail: "no" } });
      await scene.fails(scene.client.deleteUser(user, forever), code, message);
      assert.equal(isActive(scene), true);
    });
  }
});
