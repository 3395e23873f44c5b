/** What the SCIM servers under test really do, written down so that another version of them is noticed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { type ScimServerName, scimServerNames, scimUser, startScimServer } from "../helpers/scim-servers.ts";
import { outcome, type Subject, scimServerSuite, userNames } from "./common.ts";

const people = ["ada@example.com", "bob@example.com", "cyd@example.com"];
const seedPeople = ({ server }: Subject) => server.seed(people.map((userName) => ({ userName })));
const page = (startIndex: number, count: number) => ({ startIndex: String(startIndex), count: String(count) });
const replace = { op: "replace", path: "active", value: false };

/** The id of the only user. */
async function onlyId({ server }: Subject): Promise<string> {
  const [user] = await server.users();
  assert.ok(user);
  return user.id;
}

scimServerSuite("better-auth", (subject) => {
  test("filters ignore case, understand escaped quotes, and know eq only", async () => {
    const { server, find } = subject();
    await server.seed([{ userName: 'q"q', emails: ["Ada@example.com"], externalId: "x" }]);
    assert.deepEqual(await find('userName eq "Q\\"Q"'), ['q"q']);
    assert.deepEqual(await find('emails.value eq "ADA@example.com"'), ['q"q']);
    assert.deepEqual(await find('externalId eq "x"'), ['q"q']);
    assert.equal(await find('emails[value eq "ada@example.com"]'), "400 invalidFilter");
    assert.equal(await find('userName sw "q"'), "400 invalidFilter");
  });

  test("pages are right, and hold 100 rows at most", async () => {
    const { server, list } = subject();
    await server.seed(Array.from({ length: 102 }, (_, at) => ({ userName: `u${at}@example.com` })));
    const lengths = [];
    for (const query of [page(1, 200), page(101, 200), page(103, 100), page(1, 0)]) {
      const { body } = await list(query);
      lengths.push([body.Resources?.length, body.itemsPerPage, body.totalResults]);
    }
    assert.deepEqual(lengths, [
      [100, 100, 102],
      [2, 2, 102],
      [0, 0, 102],
      [0, 0, 102],
    ]);
  });

  test("emails are made of the user name, and Location is absolute", async () => {
    const { call, server } = subject();
    const answer = await call("POST", "/Users", { body: scimUser({ userName: "Ada@example.com", emails: [] }) });
    assert.deepEqual(answer.body.emails, [{ value: "ada@example.com", primary: true }]);
    assert.equal(answer.headers.get("location"), `${server.url}/Users/${answer.body.id}`);
  });

  test("active is changed by every spelling", async () => {
    const { server, patchActive } = subject();
    await server.seed([{ userName: "ada@example.com" }]);
    const id = await onlyId(subject());
    assert.equal(await patchActive(id, { op: "Replace", path: "active", value: "False" }), "200");
    assert.equal((await server.users())[0]?.active, false);
    assert.equal(await patchActive(id, { op: "replace", value: { active: true } }), "200");
    assert.equal((await server.users())[0]?.active, true);
  });

  test("If-Match is ignored, text is refused, the configuration needs no token", async () => {
    const { call, server } = subject();
    await server.seed([{ userName: "ada@example.com" }]);
    const stale = { headers: { "if-match": 'W/"stale"' } };
    assert.equal((await call("DELETE", `/Users/${await onlyId(subject())}`, stale)).status, 204);
    const plain = { body: "{}", headers: { "content-type": "text/plain" } };
    assert.equal((await call("POST", "/Users", plain)).status, 415);
    assert.equal(outcome(await call("POST", "/Users", { body: "{nope" })), "400 invalidSyntax");
    const anonymous = { headers: { authorization: "" } };
    assert.equal((await call("GET", "/ServiceProviderConfig", anonymous)).status, 200);
  });
});

/** What both scimmy servers do. */
function scimmyFacts(subject: () => Subject): void {
  test("a filter compares with case, and refuses an escaped quote", async () => {
    const { server, find } = subject();
    await server.seed([{ userName: "Ada@example.com", externalId: "x" }]);
    assert.deepEqual(await find('userName eq "Ada@example.com"'), ["Ada@example.com"]);
    assert.deepEqual(await find('userName eq "ada@example.com"'), []);
    assert.equal(await find('userName eq "q\\"q"'), "400 invalidFilter");
    for (const filter of [
      'externalId eq "x"',
      'userName sw "Ada"',
      'emails.value eq "Ada@example.com"',
      'emails[value eq "Ada@example.com"]',
    ])
      assert.deepEqual(await find(filter), ["Ada@example.com"], filter);
  });

  test("one user without emails breaks the filter on emails for everyone", async () => {
    const { server, find } = subject();
    await server.seed([{ userName: "bob@example.com", emails: [] }, { userName: "ada@example.com" }]);
    assert.equal(await find('emails.value eq "ada@example.com"'), "400 invalidValue");
  });

  test("a new user has a relative meta.location and no Location header", async () => {
    const { call } = subject();
    const answer = await call("POST", "/Users", { body: scimUser({ userName: "ada@example.com", emails: [] }) });
    assert.equal(answer.body.meta?.location, `/scim/v2/Users/${answer.body.id}`);
    assert.equal(answer.headers.get("location"), null);
    assert.equal(answer.body.emails, undefined);
  });

  test("active is changed by a boolean only, and 204 says that nothing changed", async () => {
    const { server, patchActive } = subject();
    await server.seed([{ userName: "ada@example.com" }]);
    const id = await onlyId(subject());
    const text = { op: "Replace", path: "active", value: "False" };
    assert.equal(await patchActive(id, text), "400 invalidValue");
    assert.equal(await patchActive(id, replace), "200");
    assert.equal(await patchActive(id, replace), "204");
    assert.equal((await server.users())[0]?.active, false);
    assert.equal(await patchActive(id, { op: "Replace", value: { active: true } }), "200");
    assert.equal((await server.users())[0]?.active, true);
  });

  test("malformed JSON is answered as application/json, the configuration needs the token, If-Match is ignored", async () => {
    const { call, server } = subject();
    await server.seed([{ userName: "ada@example.com" }]);
    const stale = { headers: { "if-match": 'W/"stale"' } };
    assert.equal((await call("DELETE", `/Users/${await onlyId(subject())}`, stale)).status, 204);
    const malformed = await call("POST", "/Users", { body: "{nope" });
    assert.equal(malformed.status, 400);
    assert.match(malformed.headers.get("content-type") ?? "", /^application\/json/);
    const anonymous = { headers: { authorization: "" } };
    assert.equal((await call("GET", "/ServiceProviderConfig", anonymous)).status, 401);
  });
}

scimServerSuite("scimmy-express4", (subject) => {
  scimmyFacts(subject);

  test("pages are right, but past the end the list begins anew", async () => {
    const { list } = subject();
    await seedPeople(subject());
    assert.deepEqual(userNames(await list(page(2, 1))), people.slice(1, 2));
    assert.deepEqual(userNames(await list(page(1, 0))), []);
    assert.deepEqual(userNames(await list(page(4, 100))), people);
    assert.deepEqual(userNames(await list(page(50, 2))), people.slice(0, 2));
  });

  test("itemsPerPage is what was asked for, or 20", async () => {
    const { list } = subject();
    await seedPeople(subject());
    assert.equal((await list(page(1, 100))).body.itemsPerPage, 100);
    assert.equal((await list({})).body.itemsPerPage, 20);
  });
});

scimServerSuite("scimmy-express5", (subject) => {
  scimmyFacts(subject);

  test("paging is ignored", async () => {
    const { list } = subject();
    await seedPeople(subject());
    for (const query of [page(1, 1), page(2, 1), page(1, 0), page(50, 100)]) {
      const answer = await list(query);
      assert.deepEqual([userNames(answer), answer.body.itemsPerPage], [people, 20], JSON.stringify(query));
    }
  });

  test("row 21 and those after it are in no page, only in the total", async () => {
    const { server, list, find } = subject();
    await server.seed(Array.from({ length: 25 }, (_, at) => ({ userName: `u${at}@example.com` })));
    const first = await list(page(1, 100));
    assert.deepEqual([first.body.Resources?.length, first.body.totalResults], [20, 25]);
    assert.deepEqual(userNames(await list(page(21, 100))), userNames(first));
    assert.deepEqual(await find('userName eq "u24@example.com"'), ["u24@example.com"]);
  });
});

suite("SCIM servers as programs", () => {
  // Not by its process id: a dead orphan keeps that until somebody collects it.
  const answers = (url: string): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    );
  const silence = async (url: string): Promise<void> => {
    const giveUpAt = performance.now() + 10_000;
    while (await answers(url)) assert.ok(performance.now() < giveUpAt, "the server still answers");
  };

  test("are gone when disposed", async () => {
    const server = await startScimServer("scimmy-express4");
    assert.ok(await answers(server.url));
    await server[Symbol.asyncDispose]();
    assert.ok(!(await answers(server.url)));
  });

  const helper = new URL("../helpers/scim-servers.ts", import.meta.url).href;
  const forgetful = (then: string) =>
    spawn(process.execPath, [
      "--input-type=module",
      "--eval",
      `import { startScimServer } from ${JSON.stringify(helper)};
       console.log((await startScimServer("scimmy-express5")).url); ${then}`,
    ]);

  test("do not keep a process alive that forgot them, and end with it", async () => {
    const parent = forgetful("");
    const [printed, [code]] = await Promise.all([text(parent.stdout), once(parent, "close")]);
    assert.equal(code, 0);
    assert.match(printed, /^http:/);
    await silence(printed.trim());
  });

  test("end when the process that started them is killed", async () => {
    const parent = forgetful("setInterval(() => undefined, 1000);");
    const [printed] = await once(parent.stdout, "data");
    const url = String(printed).trim();
    assert.ok(await answers(url));
    parent.kill("SIGKILL");
    await silence(url);
  });

  const versions: Readonly<Record<(typeof scimServerNames)[number], readonly string[]>> = {
    "better-auth": ["better-auth", "@better-auth/scim"],
    "scimmy-express4": ["scimmy", "scimmy-routers", "express"],
    "scimmy-express5": ["scimmy", "scimmy-routers", "express"],
  };

  test("are pinned, with locks that hold no registry address", () => {
    const read = (name: ScimServerName, file: string) =>
      readFileSync(new URL(`${name}/${file}`, import.meta.url), "utf8");
    for (const name of scimServerNames) {
      const { dependencies } = JSON.parse(read(name, "package.json"));
      assert.deepEqual(Object.keys(dependencies).sort(), [...versions[name]].sort());
      for (const version of Object.values<string>(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
      assert.doesNotMatch(read(name, "package-lock.json"), /"resolved": "https?:/);
    }
  });
});
