import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimAnswer, ScimQuirks } from "../../test/fakes/scim-server.ts";
import { forever } from "../../test/helpers/scim-client.ts";
import { adaRecord, type ScimScene, setAda } from "../../test/helpers/scim-scene.ts";

const ada = adaRecord.userName;
const path = `/Users/${encodeURIComponent(adaRecord.id)}`;
const isActive = ({ scim }: ScimScene) => scim.records[0]?.active;

async function setActive(scene: ScimScene, active: boolean): Promise<"done" | "gone"> {
  const user = await scene.only(ada);
  scene.asked();
  return scene.client.setActive(user, active, forever);
}

async function erase(scene: ScimScene) {
  const user = await scene.only(ada);
  scene.asked();
  return scene.client.deleteUser(user, forever);
}

const bodies = ({ scim }: ScimScene, method: string) =>
  scim.requests.filter((request) => request.method === method).map(({ body }) => body);

suite("a user made active or inactive", () => {
  test("by one change of one attribute, which is looked at afterwards", async () => {
    await using scene = await setAda();
    assert.equal(await setActive(scene, false), "done");
    assert.deepEqual(scene.asked(), [`PATCH ${path}`, `GET ${path}`]);
    assert.deepEqual(bodies(scene, "PATCH"), [
      {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        Operations: [{ op: "replace", path: "active", value: false }],
      },
    ]);
    assert.equal(isActive(scene), false);
  });

  const ways: Readonly<Record<string, readonly [ScimQuirks, readonly string[]]>> = {
    "PATCH answers 204": [{ patch204: true }, ["PATCH"]],
    "PATCH wants no path": [{ patchNeedsNoPath: true }, ["PATCH", "PATCH"]],
    "PATCH is unknown, 405": [{ patchUnsupported: 405, claims: { patch: true } }, ["PATCH", "PATCH", "GET", "PUT"]],
    "PATCH is unknown, 501": [{ patchUnsupported: 501, claims: { patch: true } }, ["PATCH", "PATCH", "GET", "PUT"]],
    "PATCH is said to be unknown": [{ patchUnsupported: 405 }, ["GET", "PUT"]],
    "active is a text": [{ activeAsString: true }, ["PATCH"]],
    "active is a text, PATCH is unknown": [{ activeAsString: true, patchUnsupported: 501 }, ["GET", "PUT"]],
    "versions are checked": [{ etagSupported: true }, ["PATCH"]],
    "versions are checked, PATCH is unknown": [{ etagSupported: true, patchUnsupported: 405 }, ["GET", "PUT"]],
    "answers have an ETag that means nothing": [{ bodyHashEtag: true }, ["PATCH"]],
  };
  for (const [name, [quirks, methods]] of Object.entries(ways)) {
    for (const active of [true, false]) {
      test(`${active ? "active" : "inactive"} where ${name}; nothing else is touched`, async () => {
        await using scene = await setAda(quirks, !active);
        const user = await scene.only(ada);
        assert.equal(user.active, !active);
        assert.equal(await setActive(scene, active), "done");
        assert.deepEqual(
          scene.asked().map((asked) => asked.split(" ")[0]),
          [...methods, "GET"],
        );
        assert.deepEqual([isActive(scene), scene.scim.records.length], [active, 1]);
        assert.equal((await scene.only(ada)).active, active);
      });
    }
  }

  test("versions are sent only to a server that says that it checks them", async () => {
    for (const [quirks, expected] of [
      [{ etagSupported: true }, 'W/"1"'],
      [{ etagSupported: true, claims: { etag: false } }, undefined],
      [{ etagSupported: true, claims: { status: 404 } }, undefined],
    ] as const) {
      await using scene = await setAda(quirks);
      await setActive(scene, false);
      const sent = scene.scim.requests.filter(({ method }) => method === "PATCH").map(({ ifMatch }) => ifMatch);
      assert.deepEqual(sent, [expected]);
    }
  });

  test("a PUT brings back every attribute but those that only the server may write", async () => {
    await using scene = await setAda({ patchUnsupported: 405 });
    await setActive(scene, false);
    const { groups: _, extra, ...own } = adaRecord;
    const schemas = [
      "urn:ietf:params:scim:schemas:core:2.0:User",
      ...Object.keys(extra).filter((key) => key.startsWith("urn:")),
    ];
    assert.deepEqual(bodies(scene, "PUT"), [{ ...own, ...extra, schemas, name: {}, active: false }]);
  });

  test("a deactivation that deletes is told as gone", async () => {
    await using scene = await setAda({ deletesInactive: true });
    assert.equal(await setActive(scene, false), "gone");
    assert.deepEqual(scene.scim.records, []);
  });

  test("a form that is accepted and ignored, or that has no route, is followed by the next", async () => {
    const current = { method: "PATCH" } as const;
    for (const [script, methods] of [
      [[{ on: current, status: 200, json: {} }], "PATCH GET PATCH GET"],
      [[{ on: current, status: 404 }], "PATCH GET PATCH GET"],
      [[{ on: current, times: 2, status: 204 }], "PATCH GET PATCH GET GET PUT GET"],
    ] as const) {
      await using scene = await setAda();
      scene.scim.script(...script);
      assert.equal(await setActive(scene, false), "done");
      const asked = scene.asked().map((each) => each.split(" ")[0]);
      assert.deepEqual([asked.join(" "), isActive(scene)], [methods, false]);
    }
  });

  test("a user who has gone meanwhile is told as gone", async () => {
    for (const quirks of [{}, { patchUnsupported: 405 }] as const) {
      await using scene = await setAda(quirks);
      const user = await scene.only(ada);
      scene.scim.remove(user.id);
      assert.equal(await scene.client.setActive(user, true, forever), "gone");
    }
  });

  for (const answer of [{ status: 403 }, { status: 501 }, { status: 503, times: 9 }, { body: "<html>" }]) {
    test(`a change that was accepted is not final where the look is answered with ${JSON.stringify(answer)}`, async () => {
      for (const [write, quirks] of Object.entries<ScimQuirks>({ PATCH: {}, PUT: { patchUnsupported: 405 } })) {
        await using scene = await setAda(quirks);
        const user = await scene.only(ada);
        scene.scim.setOnRequest(({ method }, phase) => {
          if (method === write && phase === "done")
            scene.scim.script({ ...answer, on: { method: "GET", path: /Users\/./ } });
          return undefined;
        });
        const text = /^the change may have been made, but a look at the directory failed: /;
        await scene.fails(scene.client.setActive(user, false, forever), "unavailable", text);
        assert.equal(isActive(scene), false);
      }
    });
  }

  test("a server that takes neither form is told so", async () => {
    await using scene = await setAda({ patchUnsupported: 501 });
    scene.scim.script({ on: { method: "PUT" }, status: 405 });
    await scene.fails(
      setActive(scene, false),
      "failed_precondition",
      /neither PATCH nor PUT.*inactive: do it in the dir/,
    );
    assert.equal(isActive(scene), true);
  });

  test("a token without the right is told so, and nothing else is tried", async () => {
    await using scene = await setAda();
    scene.scim.script({
      on: { method: "PATCH" },
      status: 403,
      json: { detail: `you are not allowed to change ${ada}` },
    });
    await scene.fails(setActive(scene, false), "permission_denied", /THE_TOKEN.*does not let it change a user/);
    assert.deepEqual(scene.asked(), [`PATCH ${path}`]);
  });
});

suite("a change that meets another one or a failure", { concurrency: 4 }, () => {
  for (const [name, quirks, verb] of [
    ["PATCH", { etagSupported: true }, "PATCH"],
    ["PUT", { etagSupported: true, patchUnsupported: 405 }, "PUT"],
    ["DELETE", { etagSupported: true }, "DELETE"],
  ] as const) {
    test(`${name}: a record changed meanwhile is read again, once`, async () => {
      await using scene = await setAda(quirks);
      const { scim } = scene;
      let changes = 1;
      scim.setOnRequest(({ method }, phase) => {
        if (method === verb && phase === "received" && changes > 0) {
          changes -= 1;
          scim.edit(adaRecord.id, { name: { givenName: `Ada ${changes}` } });
        }
        return undefined;
      });
      const act = () => (verb === "DELETE" ? erase(scene) : setActive(scene, false));
      assert.equal(await act(), verb === "DELETE" ? "deleted" : "done");
      const versions = scim.requests.filter(({ method }) => method === verb).map(({ ifMatch }) => ifMatch);
      assert.deepEqual(versions, ['W/"1"', 'W/"2"']);
      scim.setOnRequest(({ method }, phase) => {
        if (method === verb && phase === "received") scim.edit(scim.records[0]?.id ?? "", { name: {} });
        return undefined;
      });
      scim.seed({ ...adaRecord, id: "2" });
      if (verb !== "DELETE") scim.remove(adaRecord.id);
      await scene.fails(act(), "unavailable", /was changed in the SCIM directory meanwhile.*: ask again/);
    });
  }

  test("a record that became another person's meanwhile is left alone", async () => {
    for (const change of [{ userName: "bob@example.com" }, { emails: [{ value: "bob@example.com", primary: true }] }]) {
      await using scene = await setAda({ etagSupported: true });
      const user = await scene.only(ada);
      scene.scim.edit(adaRecord.id, change);
      await scene.fails(
        scene.client.deleteUser(user, forever),
        "unavailable",
        /changed in the SCIM directory meanwhile/,
      );
      await scene.fails(scene.client.setActive(user, false, forever), "unavailable", /meanwhile.*: ask again/);
      assert.deepEqual(scene.scim.effects, []);
    }
  });

  test("a record that became another person's meanwhile is not replaced, where there are no versions either", async () => {
    for (const change of [{ userName: "bob@example.com" }, { emails: [{ value: "bob@example.com", primary: true }] }]) {
      await using scene = await setAda({ patchUnsupported: 405 });
      const user = await scene.only(ada);
      scene.scim.edit(adaRecord.id, change);
      await scene.fails(scene.client.setActive(user, false, forever), "unavailable", /meanwhile.*: ask again/);
      assert.deepEqual([bodies(scene, "PUT"), scene.scim.effects], [[], []]);
    }
  });

  const passing: readonly ScimAnswer[] = [
    { status: 429, headers: { "retry-after": "3" } },
    { status: 503 },
    { reset: true },
    { resetAfterEffect: true },
    { hangAfterEffect: true },
  ];
  for (const fault of passing) {
    test(`${JSON.stringify(fault)} is repeated`, async () => {
      await using scene = await setAda();
      scene.scim.script({ ...fault, on: { method: "PATCH" } });
      assert.equal(await setActive(scene, false), "done");
      scene.scim.script({ ...fault, on: { method: "DELETE" } });
      assert.equal(await erase(scene), "deleted");
      assert.deepEqual(scene.scim.records, []);
      assert.equal(scene.retries.length, 2);
    });
  }
});
