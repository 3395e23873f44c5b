import assert from "node:assert/strict";
import { after, before, beforeEach, suite, test } from "node:test";
import { startScimProxy } from "../helpers/scim-proxy.ts";
import { type ScimServerName, type ScimTestServer, scimUser, startScimServer } from "../helpers/scim-servers.ts";

/** What a server answered; `body` is the JSON, or empty. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly id?: string;
    readonly scimType?: string;
    readonly totalResults?: number;
    readonly itemsPerPage?: number;
    readonly emails?: readonly unknown[];
    readonly meta?: { readonly location?: string };
    readonly Resources?: readonly { readonly userName: string }[];
  };
}

export interface CallOptions {
  /** Sent as JSON; a string as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where to send it instead of the server's own SCIM base. */
  readonly base?: string;
}

/** One server as its facts are written down: by plain requests, without a SCIM client. */
export interface Subject {
  readonly server: ScimTestServer;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  list(query: Readonly<Record<string, string>>): Promise<Answer>;
  /** The user names that a filter finds, or the status and `scimType` of its refusal. */
  find(filter: string): Promise<readonly string[] | string>;
  /** Replaces `active`, the way the operation says, and returns the status and `scimType`. */
  patchActive(id: string, operation: object): Promise<string>;
}

/** What tells apart a wrong status from a right one in one line. */
export const outcome = ({ status, body }: Answer): string => `${status} ${body.scimType ?? ""}`.trim();

export const userNames = ({ body }: Answer): readonly string[] =>
  (body.Resources ?? []).map(({ userName }) => userName).sort();

function subjectOf(server: ScimTestServer): Subject {
  const call: Subject["call"] = async (method, path, { body, headers, base = server.url } = {}) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        authorization: `Bearer ${server.token}`,
        ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
  };
  const list: Subject["list"] = (query) => call("GET", `/Users?${new URLSearchParams(query)}`);
  return {
    server,
    call,
    list,
    async find(filter) {
      const answer = await list({ filter });
      return answer.status === 200 ? userNames(answer) : outcome(answer);
    },
    async patchActive(id, operation) {
      const schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
      return outcome(await call("PATCH", `/Users/${id}`, { body: { schemas, Operations: [operation] } }));
    },
  };
}

/** What must hold of every server before a test of the SCIM client means anything, then the facts of this one. */
export function scimServerSuite(name: ScimServerName, facts: (subject: () => Subject) => void): void {
  suite(name, () => {
    let running: Subject | undefined;
    const subject = (): Subject => {
      assert.ok(running, "the server runs");
      return running;
    };
    before(async () => {
      running = subjectOf(await startScimServer(name));
    });
    beforeEach(() => subject().server.reset());
    after(() => running?.server[Symbol.asyncDispose]());

    test("refuses a request without the token", async () => {
      const { call } = subject();
      for (const authorization of ["", "Bearer wrong"]) {
        const answer = await call("GET", "/Users", { headers: { authorization } });
        assert.equal(answer.status, 401, authorization);
      }
    });

    test("a user is created, listed and deleted, and the store shows it", async () => {
      const { call, list, server } = subject();
      const created = await call("POST", "/Users", { body: scimUser({ userName: "Ada@example.com" }) });
      const { id } = created.body;
      assert.equal(created.status, 201);
      const stored = await server.users();
      assert.deepEqual(
        stored.map(({ userName, active, emails }) => [userName, active, emails.map((each) => each.toLowerCase())]),
        [["Ada@example.com", true, ["ada@example.com"]]],
      );
      assert.equal(stored[0]?.id, id);
      assert.deepEqual(userNames(await list({ startIndex: "1", count: "100" })), ["Ada@example.com"]);
      assert.equal((await call("GET", `/Users/${id}`)).body.id, id);
      const statuses = [];
      for (const method of ["DELETE", "DELETE", "GET"]) statuses.push((await call(method, `/Users/${id}`)).status);
      assert.deepEqual(statuses, [204, 404, 404]);
      assert.deepEqual(await server.users(), []);
    });

    test("a user name is unique, whatever its case", async () => {
      const { call, server } = subject();
      await server.seed([{ userName: "Ada@example.com" }]);
      const answer = await call("POST", "/Users", { body: scimUser({ userName: "ADA@example.com" }) });
      assert.equal(outcome(answer), "409 uniqueness");
      assert.equal((await server.users()).length, 1);
    });

    test("seeded users are there as they were given, until a reset", async () => {
      const { list, server } = subject();
      const seeded = Array.from({ length: 30 }, (_, at) => ({ userName: `u${at}@example.com`, active: at % 3 !== 0 }));
      await server.seed(seeded.slice(0, 20));
      await server.seed(seeded.slice(20));
      assert.deepEqual(
        (await server.users()).map(({ userName, active }) => ({ userName, active })),
        seeded,
      );
      assert.equal((await list({})).body.totalResults, 30);
      await assert.rejects(server.seed([{ userName: "U7@example.com" }]), /failed/);
      await server.reset();
      assert.deepEqual([await server.users(), (await list({})).body.totalResults], [[], 0]);
    });

    test("works through the recording proxy", async () => {
      const { call, server } = subject();
      await using proxy = await startScimProxy(server);
      const body = scimUser({ userName: "ada@example.com" });
      const created = await call("POST", "/Users", { body, base: proxy.url });
      assert.equal(created.status, 201);
      const location = created.headers.get("location");
      if (location !== null) assert.equal(location, `${proxy.url}/Users/${created.body.id}`);
      await call("GET", "/Users?count=1", { base: proxy.url });
      assert.deepEqual(
        proxy.requests.map(({ method, path, query, status }) => [method, path, { ...query }, status]),
        [
          ["POST", "/Users", {}, 201],
          ["GET", "/Users", { count: "1" }, 200],
        ],
      );
      assert.deepEqual(JSON.parse(proxy.requests[0]?.body ?? ""), body);
      assert.equal((await server.users()).length, 1);
    });

    facts(subject);
  });
}
