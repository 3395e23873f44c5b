import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseFilter } from "../../test/fakes/scim/filter.ts";
import { setScimScene } from "../../test/helpers/scim-scene.ts";
import { emailKey } from "../baton/email-address.ts";
import { filterForms } from "./filter-proof.ts";
import { answersTo, readUser, readUserPage } from "./schema.ts";

/** Any text but for white space, with an @ in it; quotes, backslashes and control characters included. */
const emailLike = fc
  .tuple(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "grapheme", minLength: 1 }))
  .map((parts) => parts.join("@").replaceAll(/\s/g, "+"));

suite("an e-mail address in a filter", () => {
  test("is read back as it was written, in every form", () => {
    fc.assert(
      fc.property(emailLike, (email) => {
        for (const { write } of filterForms) {
          const finds = parseFilter(write(email), { filterCaseSensitive: true });
          const user = (value: string) => ({ id: "1", userName: value, active: true, emails: [{ value }], name: {} });
          assert.ok(finds(user(email)));
          assert.ok(!finds(user(`${email}x`)));
        }
      }),
    );
  });

  test("arrives at a server as it was written", async () => {
    await using scene = await setScimScene({ users: ["bob@example.com", "cyd@example.com"] });
    const odd = [
      "a+b@example.com",
      "a&b=c?d#e@example.com",
      "100%25@example.com",
      'q"q\\q@example.com',
      "o'h@example.com",
    ];
    const asked = fc.asyncProperty(emailLike, async (email) => {
      scene.asked();
      const [record] = scene.scim.seed(email);
      const { users } = await scene.find(email);
      assert.deepEqual(
        users.map(({ id }) => id),
        [record?.id],
      );
      assert.ok(scene.asked().includes(`GET /Users userName eq ${JSON.stringify(email)}`));
      scene.scim.remove(record?.id ?? "");
    });
    await fc.assert(asked, { numRuns: 60, examples: odd.map((email) => [email]) });
  });
});

suite("a user as servers send it", () => {
  test("in every shape that is known", () => {
    for (const [sent, read] of [
      [{ id: "1", userName: "a" }, {}],
      [{ id: 1, userName: "a" }, {}],
      [{ id: "1", userName: "a", active: null, emails: null, meta: null }, {}],
      [{ id: "1", userName: "a", active: false }, { active: false }],
      [{ id: "1", userName: "a", active: "False" }, { active: false }],
      [{ id: "1", userName: "a", active: " false " }, { active: false }],
      [{ id: "1", userName: "a", active: "True" }, {}],
      [{ id: "1", userName: "a", emails: [{ value: "x" }, { value: "" }, {}, "y", 3] }, { emails: ["x", "y"] }],
      [
        { id: "1", userName: "a", emails: [{ value: "x" }, { value: "y", primary: true }] },
        { emails: ["x", "y"], primaryEmail: "y" },
      ],
      [
        { id: "1", userName: "a", emails: { value: "x" } },
        { emails: ["x"], primaryEmail: "x" },
      ],
      [{ id: "1", userName: "a", meta: { version: 'W/"1"' } }, { version: 'W/"1"' }],
      [{ id: "1", userName: "a", meta: { version: 1 } }, {}],
      [{ id: "1", userName: "a", meta: { version: 'W/"1"\r\nX-Injected: yes' } }, {}],
      [{ id: "1" }, { userName: "" }],
    ] as const) {
      const plain = { id: "1", userName: "a", active: true, emails: [], primaryEmail: undefined, version: undefined };
      assert.deepEqual(readUser(sent), { ...plain, ...read }, JSON.stringify(sent));
    }
  });

  test("is refused without a usable id, whatever else there is", () => {
    for (const value of [null, [], "x", {}, { id: "" }, { id: ".." }, { id: {} }, { id: true }, { userName: "a" }])
      assert.throws(() => readUser(value), {
        code: "internal",
        message: /not as RFC 7644 has it.*nothing was changed$/,
      });
  });

  test("is refused with an id that JSON could not keep or that no address can hold", () => {
    for (const text of ['{"id":12345678901234567890}', '{"id":1.5}', '{"id":1e999}', '{"id":"\\ud800"}'])
      assert.throws(() => readUser(JSON.parse(text)), { code: "internal", message: /the id of a user/ }, text);
  });

  test("answers to its name and all its addresses, in any case and Unicode form", () => {
    const user = readUser({ id: "1", userName: " Ada@X.org", emails: [{ value: "Zo\u00eb@x.org" }] });
    for (const email of ["ada@x.org", "ADA@x.org ", "zoe\u0308@X.ORG"]) assert.ok(answersTo(user, emailKey(email)));
    for (const email of ["a.da@x.org", "ada+1@x.org", "zoe@x.org", ""]) assert.ok(!answersTo(user, emailKey(email)));
  });
});

suite("a list as servers send it", () => {
  test("with a total of many kinds", () => {
    for (const [totalResults, read] of [
      [3, 3],
      ["3", 3],
      [0, 0],
      [-1, undefined],
      [1.5, undefined],
      ["", undefined],
      ["many", undefined],
      [null, undefined],
    ] as const)
      assert.deepEqual(readUserPage({ totalResults, Resources: [] }), { users: [], totalResults: read });
    assert.deepEqual(readUserPage({ totalResults: 0 }), { users: [], totalResults: 0 });
  });

  test("is refused where it is none", () => {
    for (const value of [
      null,
      [],
      "x",
      {},
      { Resources: "x" },
      { Resources: null },
      { totalResults: "x" },
      { detail: "error" },
    ])
      assert.throws(() => readUserPage(value), { code: "internal" }, JSON.stringify(value));
  });
});
