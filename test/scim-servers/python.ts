/** What the SCIM server in Python really does, and the client against it: `make scim-python`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pythonScimServer, scimUser } from "../helpers/scim-servers.ts";
import { clientSuite } from "./client-suite.ts";
import { outcome, scimServerSuite, userNames } from "./common.ts";
import { taskSuite } from "./task-suite.ts";

const { name, missing } = pythonScimServer();
if (missing !== undefined) {
  process.stdout.write(`SKIPPED: nothing was tried against ${name}: ${missing}\n`);
  const skip = process.env["CI"] === "true" ? false : missing;
  test(`everything against ${name}`, { skip }, () => assert.fail(missing));
} else {
  clientSuite(name, {});
  taskSuite(name);
  scimServerSuite(name, (subject) => {
    test("filters ignore case, and know escaped quotes and every operator", async () => {
      const { server, find } = subject();
      await server.seed([
        { userName: 'q"q', emails: ["Ada@example.com"], externalId: "x" },
        { userName: "bob@example.com", emails: [] },
      ]);
      for (const filter of [
        'userName eq "Q\\"Q"',
        'userName sw "Q"',
        'emails.value eq "ada@example.com"',
        'emails[value eq "ADA@example.com"]',
        'externalId eq "x"',
      ])
        assert.deepEqual(await find(filter), ['q"q'], filter);
    });

    test("pages are right, with no bound of 100 rows", async () => {
      const { server, list } = subject();
      await server.seed(Array.from({ length: 102 }, (_, at) => ({ userName: `u${at}@example.com` })));
      const pages = [
        { startIndex: "1", count: "200" },
        {},
        { startIndex: "101", count: "100" },
        { startIndex: "103", count: "100" },
        { startIndex: "1", count: "0" },
      ];
      const lengths = [];
      for (const query of pages) {
        const { body } = await list(query);
        lengths.push([body.Resources?.length, body.itemsPerPage, body.totalResults]);
      }
      assert.deepEqual(lengths, [
        [102, 102, 102],
        [102, 102, 102],
        [2, 2, 102],
        [0, 0, 102],
        [0, 0, 102],
      ]);
    });

    test("rows come in the order of their ids, which is none", async () => {
      const { server, list } = subject();
      await server.seed(Array.from({ length: 5 }, (_, at) => ({ userName: `u${at}@example.com` })));
      const ids = (await server.users()).map(({ id }) => id);
      const listed = ((await list({})).body.Resources ?? []) as readonly { readonly id?: string }[];
      assert.deepEqual(
        listed.map(({ id }) => id),
        ids.sort(),
      );
    });

    test("a change is answered with 204 and no body, and takes every spelling", async () => {
      const { server, patchActive } = subject();
      await server.seed([{ userName: "ada@example.com" }]);
      const id = String((await server.users())[0]?.id);
      assert.equal(await patchActive(id, { op: "Replace", path: "active", value: "False" }), "204");
      assert.equal((await server.users())[0]?.active, false);
      assert.equal(await patchActive(id, { op: "replace", value: { active: true } }), "204");
      assert.equal((await server.users())[0]?.active, true);
    });

    test("a stale If-Match is refused, the current one is not", async () => {
      const { call } = subject();
      const created = await call("POST", "/Users", { body: scimUser({ userName: "ada@example.com" }) });
      const path = `/Users/${created.body.id}`;
      const remove = (version: string) => call("DELETE", path, { headers: { "if-match": version } });
      assert.equal((await remove('W/"stale"')).status, 412);
      assert.equal((await remove(created.headers.get("etag") ?? "")).status, 204);
    });

    test("every answer has a Location, of the collection where there is no resource", async () => {
      const { call, list, server } = subject();
      const created = await call("POST", "/Users", { body: scimUser({ userName: "ada@example.com" }) });
      assert.equal(created.headers.get("location"), `${server.url}/Users/${created.body.id}`);
      const again = await call("POST", "/Users", { body: scimUser({ userName: "ada@example.com" }) });
      for (const answer of [again, await list({})])
        assert.equal(answer.headers.get("location"), `${server.url}/Users`, outcome(answer));
      assert.deepEqual(userNames(await list({})), ["ada@example.com"]);
    });

    test("text is refused, the configuration needs no token and claims etags", async () => {
      const { call } = subject();
      const plain = { body: "{}", headers: { "content-type": "text/plain" } };
      assert.equal((await call("POST", "/Users", plain)).status, 415);
      assert.equal(outcome(await call("POST", "/Users", { body: "{nope" })), "400 invalidSyntax");
      const configuration = await call("GET", "/ServiceProviderConfig", { headers: { authorization: "" } });
      assert.equal(configuration.status, 200);
      assert.partialDeepStrictEqual(configuration.body, { etag: { supported: true }, patch: { supported: true } });
    });
  });
}
