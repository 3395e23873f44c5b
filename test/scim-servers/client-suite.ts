import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import type { Lookup } from "../../src/scim/lookup.ts";
import type { ScimUser } from "../../src/scim/schema.ts";
import { createTestScimClient, failsWith, forever, type TestScimClient } from "../helpers/scim-client.ts";
import { type ScimProxy, startScimProxy } from "../helpers/scim-proxy.ts";
import { crowd, newUser } from "../helpers/scim-scene.ts";
import { type ScimServerName, type ScimTestServer, startScimServer } from "../helpers/scim-servers.ts";

/** One server with an empty store, and a client that has not spoken to it yet. */
export interface ClientSubject {
  readonly server: ScimTestServer;
  /** Stands between the two. */
  readonly proxy: ScimProxy;
  readonly client: TestScimClient["client"];
  find(email: string, thorough?: boolean): Promise<Lookup>;
  /** The one record with this address; fails when there is not exactly one. */
  only(email: string): Promise<ScimUser>;
  /** The user names in the store, sorted. */
  stored(): Promise<readonly string[]>;
}

const ada = "Ada@example.com";

/** What the client does on every server. The names are those that a list of skips refers to. */
const cases = {
  "validate: address and token are proven, and nothing is changed": async ({ client, server }) => {
    await client.validate(forever);
    using wrong = createTestScimClient({ endpoint: server.url, token: "a-token-of-somebody-else" });
    await failsWith(wrong.client.validate(forever), "unauthenticated", /rejected THE_TOKEN/, ["a-token"]);
    assert.deepEqual(await server.users(), []);
  },

  "validate: a wrong address is told as such": async ({ server }) => {
    using lost = createTestScimClient({ endpoint: server.url.replace(/\/v2$/, "/v3"), token: server.token });
    await failsWith(lost.client.validate(forever), "failed_precondition", /check THE_ENDPOINT/, [server.token]);
  },

  "lookup: a user name in any case": async ({ find, server }) => {
    await server.seed([{ userName: "bob@example.com" }, { userName: ada }, { userName: "cyd@example.com" }]);
    for (const email of [ada, "ada@example.com", "ADA@EXAMPLE.COM"])
      for (const thorough of [false, true]) assert.deepEqual(names(await find(email, thorough)), [ada], email);
  },

  "lookup: an address that is no user name, in any case": async ({ find, server }) => {
    await server.seed([{ userName: "bob@example.com" }, { userName: "ada", emails: [ada] }]);
    for (const email of [ada, "ada@example.com", "ADA@EXAMPLE.COM"])
      for (const thorough of [false, true]) assert.deepEqual(names(await find(email, thorough)), ["ada"], email);
  },

  "lookup: an address although somebody has none": async ({ find, server }) => {
    await server.seed([
      { userName: "bob@example.com", emails: [] },
      { userName: "ada", emails: [ada] },
    ]);
    assert.deepEqual(names(await find("ada@example.com")), ["ada"]);
    assert.deepEqual((await find("cyd@example.com", true)).users, []);
  },

  "lookup: addresses with odd characters": async ({ find, server }) => {
    const odd = ["o'hara+tag@example.com", 'q"q@example.com', "b\\s@example.com", "a&b=c%41@example.com"];
    await server.seed(["bob@example.com", ...odd].map((userName) => ({ userName, emails: ["x@example.com"] })));
    for (const email of odd) assert.deepEqual(names(await find(email, true)), [email]);
    assert.deepEqual((await find('z"z@example.com', true)).users, []);
  },

  "lookup: letters beyond ASCII, in any case and Unicode form": async ({ find, server }) => {
    await server.seed([{ userName: "bob@example.com" }, { userName: "zo\u00eb@example.com", emails: [ada] }]);
    for (const email of ["zo\u00eb@example.com", "ZO\u00cb@example.com", "zoe\u0308@example.com"])
      assert.deepEqual(names(await find(email)), ["zo\u00eb@example.com"], email);
  },

  "lookup: two records with one address": async ({ find, server }) => {
    await server.seed([{ userName: ada }, { userName: "bob@example.com" }, { userName: "ada-2", emails: [ada] }]);
    assert.deepEqual(names(await find(ada, true)), [ada, "ada-2"]);
  },

  "absent: from a directory of nobody": async (subject) => assertAbsent(subject, 0),
  "absent: from a directory of one": async (subject) => assertAbsent(subject, 1),
  "absent: from a directory of 30": async (subject) => assertAbsent(subject, 30),
  "absent: from a directory of 250": async (subject) => assertAbsent(subject, 250),

  "present: each of 250 people counts, also where the directory has to be read": async ({ find, server }) => {
    const people = crowd(250);
    await server.seed(people.map((userName) => ({ userName })));
    for (const at of [0, 99, 100, 101, 249]) {
      const email = people[at] ?? "";
      assert.deepEqual(names(await find(email.toUpperCase())), [email]);
    }
  },

  "create: a record with the address and the names that were given": async ({ client, server }) => {
    const { kind, user } = await client.createUser(newUser(ada), forever);
    const [stored, ...others] = await server.users();
    assert.deepEqual([kind, user.id, user.userName, user.active], ["created", stored?.id, stored?.userName, true]);
    assert.deepEqual([stored?.userName, stored?.active, others], [ada, true, []]);
    assert.deepEqual(
      stored?.emails.map((email) => email.toLowerCase()),
      ["ada@example.com"],
    );
  },

  "create: again, in any case, it exists and stays one": async ({ client, stored }) => {
    const { user } = await client.createUser(newUser(ada), forever);
    for (const email of [ada, "ADA@example.com"]) {
      const again = await client.createUser(newUser(email), forever);
      assert.deepEqual([again.kind, again.user.id], ["exists", user.id]);
    }
    assert.deepEqual(await stored(), [ada]);
  },

  "create: somebody inactive exists and is told as inactive": async ({ client, server }) => {
    await server.seed([{ userName: ada, active: false }]);
    const { kind, user } = await client.createUser(newUser(ada), forever);
    assert.deepEqual([kind, user.active, (await server.users()).length], ["exists", false, 1]);
  },

  "create: twice at once it is one record": async ({ client, stored }) => {
    const made = await Promise.all([1, 2, 3].map(() => client.createUser(newUser(ada), forever)));
    assert.deepEqual(made.map(({ kind }) => kind).sort(), ["created", "exists", "exists"]);
    assert.deepEqual(await stored(), [ada]);
  },

  "create: an answer that is lost makes no second record": async ({ client, proxy, stored }) => {
    proxy.script({ method: "POST", loseAnswer: true });
    const { user } = await client.createUser(newUser(ada), forever);
    assert.equal(user.userName, ada);
    assert.equal(proxy.requests.filter(({ method }) => method === "POST").length, 1);
    assert.deepEqual(await stored(), [ada]);
  },

  "active: deactivated and reactivated, again without effect": async ({ client, only, server }) => {
    await server.seed([{ userName: "bob@example.com" }, { userName: ada }]);
    for (const active of [false, false, true, true]) {
      assert.equal(await client.setActive(await only(ada), active, forever), "done");
      const states = (await server.users()).map((user) => [user.userName, user.active]);
      assert.deepEqual(states.sort(), [
        [ada, active],
        ["bob@example.com", true],
      ]);
    }
  },

  "active: of somebody who has gone": async ({ client, only, server }) => {
    await server.seed([{ userName: ada }]);
    const user = await only(ada);
    await server.reset();
    assert.equal(await client.setActive(user, true, forever), "gone");
  },

  "delete: the record is gone, and again it is done": async ({ client, find, only, server, stored }) => {
    await server.seed([{ userName: ada }, { userName: "bob@example.com" }]);
    const user = await only(ada);
    for (let times = 0; times < 2; times += 1) assert.equal(await client.deleteUser(user, forever), "deleted");
    assert.deepEqual(await stored(), ["bob@example.com"]);
    assert.deepEqual((await find(ada, true)).users, []);
  },

  "delete: an answer that is lost, and a server that asks for patience": async ({ client, only, proxy, server }) => {
    await server.seed([{ userName: ada }]);
    const user = await only(ada);
    proxy.script({ status: 429, headers: { "retry-after": "2" } }, { method: "DELETE", loseAnswer: true });
    assert.equal(await client.deleteUser(user, forever), "deleted");
    assert.deepEqual(await server.users(), []);
  },

  "created anew after a deletion": async ({ client, only, stored }) => {
    const { user } = await client.createUser(newUser(ada), forever);
    await client.deleteUser(user, forever);
    assert.equal((await client.createUser(newUser(ada), forever)).kind, "created");
    assert.equal((await only(ada)).active, true);
    assert.deepEqual(await stored(), [ada]);
  },
} satisfies Readonly<Record<string, (subject: ClientSubject) => Promise<void>>>;

/** What a server cannot do: the case, and why. */
export type Skips = Readonly<Partial<Record<keyof typeof cases, string>>>;

/** Nobody is there, and that is certain; whoever is there is told in passing. */
async function assertAbsent({ find, server }: ClientSubject, size: number): Promise<void> {
  await server.seed(crowd(size).map((userName) => ({ userName })));
  for (const thorough of [false, true, false]) {
    const { complete, users } = await find("nobody@example.com", thorough);
    assert.deepEqual([users, complete], [[], true]);
  }
  assert.equal((await find("nobody@example.com", true)).directorySize, size);
}

const names = ({ users }: Lookup) => users.map(({ userName }) => userName).sort();

/**
 * Everything that the client does, against one server. `skips` is printed; a case in it is run all the same and has to fail,
 * so that nothing stays there that the server can do. `facts` are further tests of this server.
 */
export function clientSuite(
  name: ScimServerName,
  skips: Skips,
  facts: (subject: () => ClientSubject) => void = () => undefined,
): void {
  for (const [skipped, reason] of Object.entries(skips)) {
    process.stdout.write(`SKIPPED against ${name}: ${skipped}: ${reason}\n`);
  }
  suite(`the client against ${name}`, () => {
    const stack = new AsyncDisposableStack();
    let running: { readonly server: ScimTestServer; readonly proxy: ScimProxy } | undefined;
    let made: TestScimClient | undefined;
    const subject = (): ClientSubject => {
      assert.ok(running !== undefined && made !== undefined, "the server runs");
      return toSubject(running.server, running.proxy, made);
    };
    before(async () => {
      const server = stack.use(await startScimServer(name));
      running = { server, proxy: stack.use(await startScimProxy(server)) };
    });
    beforeEach(async () => {
      assert.ok(running !== undefined);
      running.proxy.clear();
      await running.server.reset();
      made = createTestScimClient({ endpoint: running.proxy.url, token: running.server.token });
    });
    afterEach(() => made?.[Symbol.dispose]());
    after(() => stack.disposeAsync());

    for (const [title, run] of Object.entries<(subject: ClientSubject) => Promise<void>>(cases)) {
      const reason = Object.entries(skips).find(([skipped]) => skipped === title)?.[1];
      test(title, { skip: reason ?? false, timeout: 60_000 }, () => run(subject()));
      if (reason === undefined) continue;
      test(`still not: ${title}`, { timeout: 60_000 }, () =>
        assert.rejects(run(subject()), `no skip is needed: ${title}`),
      );
    }
    facts(subject);
  });
}

function toSubject(server: ScimTestServer, proxy: ScimProxy, { client }: TestScimClient): ClientSubject {
  const find: ClientSubject["find"] = (email, thorough = false) => client.findUsers(email, thorough, forever);
  return {
    server,
    proxy,
    client,
    find,
    async only(email) {
      const { users } = await find(email);
      assert.equal(users.length, 1);
      return users[0]!;
    },
    stored: async () => (await server.users()).map(({ userName }) => userName).sort(),
  };
}
