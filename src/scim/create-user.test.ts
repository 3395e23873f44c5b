import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimQuirks } from "../../test/fakes/scim-server.ts";
import { forever } from "../../test/helpers/scim-client.ts";
import { ada, assertCreatedOnce, create, onPost, others, posts, stored } from "../../test/helpers/scim-creations.ts";
import { setScimScene } from "../../test/helpers/scim-scene.ts";

suite("a new user", () => {
  test("is sent once, with nothing but what every server takes", async () => {
    await using scene = await setScimScene({ users: others });
    await assertCreatedOnce(scene);
    assert.deepEqual(
      posts(scene).map(({ body, contentType }) => [body, contentType]),
      [
        [
          {
            schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
            userName: ada,
            name: { givenName: "Ada", familyName: "Byron" },
            emails: [{ value: ada, type: "work", primary: true }],
            active: true,
          },
          "application/scim+json",
        ],
      ],
    );
    assert.equal(scene.scim.requests.length, 1);
  });

  test("without a family name has none", async () => {
    await using scene = await setScimScene();
    await scene.client.createUser({ email: ada, givenName: "Ada", familyName: "" }, forever);
    assert.deepEqual(scene.scim.records[0]?.name, { givenName: "Ada" });
  });

  const quirks: Readonly<Record<string, ScimQuirks>> = {
    "Location is relative": { relativeLocation: true },
    "there is no Location": { noLocation: true },
    "the answer has no body": { emptyCreateBody: true },
    "the answer has neither body nor Location": { emptyCreateBody: true, noLocation: true },
    "the answer has no body and filters are refused": { emptyCreateBody: true, filters501: true },
    "the answer is 200": { upsert200: true },
    "the name is put in lower case": { lowerCasesUserName: true },
    "active is a text": { activeAsString: true },
    "answers have an ETag of the body": { bodyHashEtag: true },
  };
  for (const [name, quirk] of Object.entries(quirks)) {
    test(`is known by its record where ${name}`, async () => {
      await using scene = await setScimScene({ quirks: quirk, users: others });
      await assertCreatedOnce(scene);
    });
  }
});

suite("a user who is there already", () => {
  const refusals: Readonly<Record<string, ScimQuirks>> = {
    "409 uniqueness": {},
    "409 without scimType": { duplicateWithoutScimType: true },
    "409 in plain text": { plainTextErrors: true },
    "409 labelled as plain JSON": { errorsAsJson: true },
    "400 uniqueness": { duplicateStatus: 400 },
    "400 without scimType": { duplicateStatus: 400, duplicateWithoutScimType: true },
    "400 in plain text": { duplicateStatus: 400, plainTextErrors: true },
  };
  for (const [name, quirk] of Object.entries(refusals)) {
    test(`is told as such: ${name}`, async () => {
      await using scene = await setScimScene({ quirks: quirk, users: others });
      scene.scim.seed({ userName: "ada@EXAMPLE.com", active: false });
      const { kind, user } = await create(scene);
      assert.deepEqual([kind, user.userName, user.active], ["exists", "ada@EXAMPLE.com", false]);
      assert.deepEqual([posts(scene).length, scene.scim.effects], [1, []]);
    });

    test(`but is shown nowhere, cannot be managed: ${name}`, async () => {
      await using scene = await setScimScene({ quirks: { ...quirk, hiddenUsers: [ada] }, users: others });
      await scene.fails(
        create(scene),
        "failed_precondition",
        /says that there is such a user already.*the directory's own console/,
      );
      assert.deepEqual([posts(scene).length, scene.scim.effects], [1, []]);
    });
  }

  test("is found after a 500, and not sent again", async () => {
    await using scene = await setScimScene({ quirks: { duplicateStatus: 500 }, users: [...others, ada] });
    assert.equal((await create(scene)).user.userName, ada);
    assert.deepEqual([posts(scene).length, stored(scene).length], [1, 3]);
  });

  test("is changed by a server that creates or changes, and stays one", async () => {
    await using scene = await setScimScene({ quirks: { upsert200: true } });
    const [seeded] = scene.scim.seed({ userName: ada, active: false });
    assert.deepEqual((await create(scene)).user.id, seeded?.id);
    assert.deepEqual([stored(scene), scene.scim.records[0]?.active], [[ada], true]);
  });

  test("is told as such by the type of the refusal alone, or by its words alone", async () => {
    for (const json of [
      { scimType: "uniqueness", detail: "no" },
      { detail: "Duplicate entry" },
      { message: "must be unique" },
      { error: "That name already belongs to somebody" },
    ]) {
      await using scene = await setScimScene({ users: [...others, ada] });
      scene.scim.script({ on: { method: "POST" }, status: 400, json });
      assert.equal((await create(scene)).kind, "exists", JSON.stringify(json));
    }
  });

  test("but is in no list because that is cut off, may come to light later", async () => {
    await using scene = await setScimScene({ users: others });
    const [row] = scene.scim.records;
    const lists = { times: 100, on: { path: /^\/Users$/, method: "GET" }, json: { totalResults: 9, Resources: [row] } };
    scene.scim.script({ on: onPost, status: 409 }, lists);
    await scene.fails(create(scene), "unavailable", /there is such a user already, but its list is cut off/);
  });

  test("twice is for a person to sort out", async () => {
    await using scene = await setScimScene({ users: [ada] });
    scene.scim.seed({ id: "a@b", userName: "ada", emails: [{ value: ada }] });
    const { message } = await scene.fails(create(scene), "failed_precondition", /has 2 records with this e-mail/);
    assert.match(message, /ids "directory_user_.*", \(an id that holds an e-mail address\)/);
  });
});
