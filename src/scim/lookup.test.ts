import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimQuirks } from "../../test/fakes/scim-server.ts";
import { forever } from "../../test/helpers/scim-client.ts";
import { crowd, newUser, setScimScene } from "../../test/helpers/scim-scene.ts";

const ada = "Ada@example.com";
/** Every reading of the directory is a new one. */
const noMemory = { client: { maxScanAgeMs: 0 } };
const config = "GET /ServiceProviderConfig";
const byName = (email: string) => `GET /Users userName eq ${JSON.stringify(email)}`;
const byEmail = (email: string) => `GET /Users emails.value eq ${JSON.stringify(email)}`;
const names = ({ users }: { readonly users: readonly { readonly userName: string }[] }) =>
  users.map(({ userName }) => userName);

suite("who has an e-mail address, asked of a right server", () => {
  test("a user name is found by one filter, in any case", async () => {
    await using scene = await setScimScene({ users: [ada, "bob@example.com"] });
    const found = await scene.find("ADA@example.com");
    assert.deepEqual([names(found), found.complete], [[ada], true]);
    assert.deepEqual(scene.asked(), [config, byName("ADA@example.com")]);
  });

  test("signs that mean something in a query are found by one filter as well", async () => {
    for (const name of ["a+b@example.com", "a&b=c@example.com", "a%20b@example.com", "a#b?c@example.com"]) {
      await using scene = await setScimScene({ users: [name, "bob@example.com"] });
      assert.deepEqual(names(await scene.find(name)), [name]);
      assert.equal(scene.scim.requests.filter(({ path }) => path === "/Users").length, 1, name);
    }
  });

  test("an address that is no user name is found by the second filter", async () => {
    await using scene = await setScimScene();
    scene.scim.seed({ userName: "ada", emails: [{ value: "x@example.com" }, { value: ada }] }, "bob@example.com");
    assert.deepEqual(names(await scene.find("ada@example.com")), ["ada"]);
    assert.deepEqual(scene.asked(), [config, byName("ada@example.com"), byEmail("ada@example.com")]);
  });

  test("that nobody is there is believed once the filters have been tried out on somebody", async () => {
    await using scene = await setScimScene({ users: [ada, "bob@example.com", "cyd@example.com"] });
    const nobody = await scene.find("nobody@example.com");
    assert.deepEqual(nobody, { users: [], complete: true });
    assert.deepEqual(scene.asked().slice(1), [
      byName("nobody@example.com"),
      byEmail("nobody@example.com"),
      "GET /Users",
      byName("aDA@EXAMPLE.COM"),
      byEmail("aDA@EXAMPLE.COM"),
    ]);
    await scene.find("nobody2@example.com");
    assert.deepEqual(scene.asked(), [byName("nobody2@example.com"), byEmail("nobody2@example.com")]);
  });

  test("the first users may have no address: the filters are tried out on one who has", async () => {
    await using scene = await setScimScene(noMemory);
    scene.scim.seed({ userName: "42", emails: [] }, { userName: "svc", emails: [] }, ada, "bob@example.com");
    await scene.find("nobody@example.com");
    scene.asked();
    await scene.find("nobody2@example.com");
    assert.deepEqual(scene.asked(), [byName("nobody2@example.com"), byEmail("nobody2@example.com")]);
  });

  test("somebody who went since the directory was read makes it read anew, and is gone for certain", async () => {
    await using scene = await setScimScene({ users: [ada], client: { maxScanAgeMs: 60_000 } });
    assert.deepEqual(names(await scene.find("nobody@example.com")), []);
    scene.scim.remove(scene.scim.records[0]?.id ?? "");
    const { complete, users } = await scene.find(ada);
    assert.deepEqual([users, complete], [[], true]);
  });

  test("a thorough look for nobody reads the whole directory anew each time", async () => {
    await using scene = await setScimScene({ users: [ada, "bob@example.com"] });
    assert.deepEqual(await scene.find("nobody@example.com", true), { users: [], complete: true, directorySize: 2 });
    assert.ok(scene.asked().includes("GET /Users"));
    scene.scim.seed({ userName: "late", emails: [{ value: "x@example.com" }] });
    const again = await scene.find("nobody@example.com", true);
    assert.deepEqual([again.users, again.directorySize], [[], 3]);
  });

  test("a thorough look shows a second record with the address", async () => {
    await using scene = await setScimScene({ users: [ada, "bob@example.com"] });
    scene.scim.seed({ userName: "ada-2", emails: [{ value: "ADA@example.com" }] });
    assert.deepEqual(names(await scene.find(ada, true)).sort(), [ada, "ada-2"]);
    scene.asked();
    assert.equal((await scene.find(ada, true)).users.length, 2);
    assert.deepEqual(scene.asked(), [byName(ada), byEmail(ada)], "trusted filters are enough for that");
  });

  test("an empty directory is told as empty", async () => {
    await using scene = await setScimScene({ quirks: { omitsEmptyResources: true } });
    for (const thorough of [true, false])
      assert.deepEqual(await scene.find(ada, thorough), { users: [], complete: true, directorySize: 0 });
  });

  test("a search that is given up ends at once with the reason", async () => {
    await using scene = await setScimScene({ users: [ada] });
    scene.scim.script({ hang: true });
    const giveUp = new AbortController();
    const search = scene.client.findUsers(ada, true, giveUp.signal);
    scene.scim.setOnRequest(undefined);
    setTimeout(() => giveUp.abort(), 50);
    await scene.fails(search, "cancelled", /./);
  });
});

suite("who has an e-mail address, asked of servers with quirks", () => {
  /** Whatever the filters do, the answer is right: for a user name, for an address alone, and for nobody. */
  const quirks: Readonly<Record<string, ScimQuirks>> = {
    "filters are ignored": { filtersIgnored: true },
    "filters mind case": { filterCaseSensitive: true },
    "filters are refused with 400": { filtersRefused: true },
    "filters are refused with 501": { filters501: true },
    "filters are refused in plain text": { filtersRefused: true, plainTextErrors: true },
    "filters are refused with errors labelled as plain JSON": { filtersRefused: true, errorsAsJson: true },
    "only user names can be filtered": { filtersRefused: ["emails.value", "emails[value]"] },
    "addresses need the other form": { filtersRefused: ["emails.value"] },
    "addresses need the other form, 501": { filters501: ["emails.value"] },
    "user names cannot be filtered": { filtersRefused: ["userName"] },
    "filters are ignored and pages capped": { filtersIgnored: true, capPage: 7 },
    "filters are ignored and the list never ends": { filtersIgnored: true, repeatsPastEnd: true },
    "filters are ignored and so is paging": { filtersIgnored: true, ignoresPaging: true },
    "user names are put in lower case": { lowerCasesUserName: true },
    "nothing describes the server": { claims: { status: 404 } },
  };
  for (const [name, quirk] of Object.entries(quirks)) {
    test(name, async () => {
      await using scene = await setScimScene({ ...noMemory, quirks: quirk, users: crowd(20) });
      const { scim } = scene;
      scim.seed(ada, { userName: "bob", emails: [{ value: "B.B@example.com" }] });
      scim.seed({ userName: "cyd", emails: [] });
      for (const thorough of [false, true]) {
        assert.deepEqual(names(await scene.find("ada@EXAMPLE.com", thorough)), [ada], "by user name");
        assert.deepEqual(names(await scene.find("b.b@example.com", thorough)), ["bob"], "by address");
        const nobody = await scene.find("nobody@example.com", thorough);
        assert.deepEqual([nobody.users, nobody.complete], [[], true], "nobody");
      }
      scim.seed({ userName: "other", emails: [{ value: "ada@example.com" }] });
      assert.deepEqual(names(await scene.find(ada, true)).sort(), [ada, "other"], "two records");
      assert.deepEqual(scim.effects, []);
    });
  }

  test("only 400 and 501 say that there is no such filter; any other refusal is a failure", async () => {
    for (const [status, code] of [
      [401, "unauthenticated"],
      [403, "permission_denied"],
      [404, "failed_precondition"],
      [422, "invalid_argument"],
    ] as const) {
      await using scene = await setScimScene({ users: [ada] });
      scene.scim.script({ status, on: { path: /^\/Users$/ } });
      await scene.fails(scene.find("nobody@example.com"), code, new RegExp(`HTTP ${status}|THE_TOKEN`));
    }
  });

  test("an ignored filter never makes somebody else a target", async () => {
    await using scene = await setScimScene({ quirks: { filtersIgnored: true }, users: ["bob@example.com"] });
    assert.deepEqual((await scene.find(ada)).users, []);
    assert.deepEqual((await scene.find(ada, true)).users, []);
  });

  test("with a single user nothing is proven: a server that ignores filters looks right then", async () => {
    const quirks = { filtersIgnored: true, capPage: 3 };
    await using scene = await setScimScene({ ...noMemory, quirks, users: ["bob@example.com"] });
    await scene.find("nobody@example.com");
    scene.scim.seed(...crowd(9));
    assert.deepEqual(names(await scene.find("person8@example.com")), ["Person8@example.com"]);
  });

  test("the other form is asked where one is refused, also when they are tried out", async () => {
    const quirks: ScimQuirks = { filtersRefused: ["emails.value"] };
    await using scene = await setScimScene({ ...noMemory, quirks, users: [ada, "bob@example.com"] });
    await scene.find("nobody@example.com");
    scene.asked();
    await scene.find("nobody2@example.com");
    assert.deepEqual(scene.asked(), [
      byName("nobody2@example.com"),
      byEmail("nobody2@example.com"),
      'GET /Users emails[value eq "nobody2@example.com"]',
    ]);
  });

  test("an address whose filters are refused is looked for in the whole directory", async () => {
    const quirks = { rejectsEscapedQuotes: true };
    await using scene = await setScimScene({ ...noMemory, quirks, users: ["bob@example.com", "cyd@example.com"] });
    await scene.find("nobody@example.com");
    scene.scim.seed('a"a@example.com');
    assert.deepEqual(names(await scene.find('A"a@example.com')), ['a"a@example.com']);
    scene.asked();
    await scene.find("nobody@example.com");
    assert.deepEqual(scene.asked(), [byName("nobody@example.com"), byEmail("nobody@example.com")]);
  });

  test("what was tried out on plain letters says nothing of others", async () => {
    await using scene = await setScimScene({ ...noMemory, users: ["bob@example.com", "cyd@example.com"] });
    await scene.find("nobody@example.com");
    // A server that folds the case of ASCII letters only.
    scene.scim.script({ on: { path: /^\/Users$/ }, times: 2, json: { totalResults: 0, Resources: [] } });
    scene.scim.seed("\u00c4nne@example.com");
    assert.deepEqual(names(await scene.find("\u00e4nne@example.com")), ["\u00c4nne@example.com"]);
  });

  test("where filters cannot be trusted, lookups share one reading of the directory", async () => {
    await using scene = await setScimScene({ quirks: { filterCaseSensitive: true }, users: crowd(150) });
    const pages = () => scene.asked().filter((asked) => asked === "GET /Users").length;
    await Promise.all([1, 2, 3].map((n) => scene.find(`nobody${n}@example.com`)));
    assert.ok(pages() <= 3 + 3, "each tries the filters out, one reads");
    assert.deepEqual(names(await scene.find("person120@example.com")), ["Person120@example.com"]);
    assert.equal(pages(), 0);
  });

  test("a record of an old reading that is gone or renamed by now is not found", async () => {
    await using scene = await setScimScene({ quirks: { filtersRefused: true } });
    const [one, two] = scene.scim.seed(ada, { userName: "ada-2", emails: [{ value: ada }] });
    assert.equal((await scene.find(ada)).users.length, 2);
    scene.scim.remove(one?.id ?? "");
    scene.scim.edit(two?.id ?? "", { emails: [{ value: "other@example.com" }] });
    assert.deepEqual((await scene.find(ada)).users, []);
  });

  test("a record that is listed but cannot be read leaves it open whether somebody is there", async () => {
    await using scene = await setScimScene({ quirks: { filtersRefused: true }, users: [ada, "bob@example.com"] });
    scene.scim.script({ on: { path: /^\/Users\// }, times: 3, status: 404 });
    for (const thorough of [true, false]) {
      const found = await scene.find(ada, thorough);
      assert.deepEqual([found.users, found.complete], [[], false]);
    }
    assert.equal((await scene.find(ada)).users.length, 1);
  });

  test("a record that we made is known although lists lag behind", async () => {
    await using scene = await setScimScene({ users: ["bob@example.com", "cyd@example.com"] });
    const { client, scim } = scene;
    await scene.find("nobody@example.com");
    const { user } = await client.createUser(newUser(ada), forever);
    scim.script({ times: Number.POSITIVE_INFINITY, on: { path: /^\/Users$/ }, json: { totalResults: 0 } });
    assert.deepEqual(names(await scene.find("ADA@example.com")), [ada]);
    scim.remove(user.id);
    assert.deepEqual((await scene.find(ada)).users, []);
  });
});
