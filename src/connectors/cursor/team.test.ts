import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type CursorAnswer, type CursorServer, startCursorServer } from "../../../test/fakes/cursor-server.ts";
import { createRecordingLogger } from "../../../test/fakes/recording-logger.ts";
import { createTestClock } from "../../../test/helpers/clock.ts";
import type { Connector, Snapshot } from "../../baton/connector.ts";
import type { UserResource } from "../../baton/resource.ts";
import { Secret } from "../../baton/secret.ts";
import { StatusError } from "../../baton/status-error.ts";
import { createRateLimiter } from "../../http/rate-limiter.ts";
import { createTransport } from "../../http/transport.ts";
import { createTrust } from "../../http/trust.ts";
import { type CursorConnectorDeps, createCursorConnector } from "./connector.ts";

const never = new AbortController().signal;
const ada = { id: "user_ada", name: "Ada Byron", email: "ada@example.com", role: "owner", isRemoved: false };
const bob = { id: "user_bob", name: "", email: "Bob@Example.com", role: "member", isRemoved: false };

interface Harness extends AsyncDisposable {
  readonly cursor: CursorServer;
  readonly connector: Connector;
  readonly clock: ReturnType<typeof createTestClock>;
  readonly logged: () => string;
}

async function harness(members: readonly unknown[], more: Partial<CursorConnectorDeps> = {}): Promise<Harness> {
  const cursor = await startCursorServer({ members });
  const clock = createTestClock({ factor: 10_000 });
  const log = createRecordingLogger();
  const transport = createTransport({ userAgent: "t/1", proxy: {}, trust: createTrust([]), connectTimeoutMs: 5000 });
  const connector = createCursorConnector({
    apiKey: () => new Secret(cursor.apiKey),
    baseUrl: cursor.url,
    transport,
    limiter: createRateLimiter({ requestsPerMinute: 1000, concurrency: 1, maxPauseMs: 300_000, clock }),
    limits: { totalTimeoutMs: 10_000, maxBodyBytes: 1_000_000 },
    clock,
    random: () => 0.5,
    log,
    skipRemoved: false,
    shrink: { maxPercent: 30, strict: false, acknowledged: undefined },
    ...more,
  });
  return {
    cursor,
    connector,
    clock,
    logged: () => JSON.stringify(log.lines),
    async [Symbol.asyncDispose]() {
      transport.close();
      await cursor[Symbol.asyncDispose]();
    },
  };
}

function users(snapshot: Snapshot): UserResource[] {
  return [...snapshot.resources("user")].filter((resource) => resource.kind === "user");
}

const idsOf = (snapshot: Snapshot): string[] => users(snapshot).map(({ id }) => id.resource);
const grantsOf = (snapshot: Snapshot): string[] => [...snapshot.grants()].map(({ id }) => id);

/** The error of a read that must fail. */
async function failure(connector: Connector): Promise<StatusError> {
  try {
    await connector.readSnapshot(never);
  } catch (reason) {
    if (reason instanceof StatusError) return reason;
    throw reason;
  }
  throw new assert.AssertionError({ message: "the read succeeded" });
}

suite("what Cursor sends becomes what C1 sees", () => {
  test("users, three roles always, one entitlement each, a grant per active member", async () => {
    const removed = { id: "user_cleo", name: "Cleo", email: "cleo@example.com", role: "removed", isRemoved: true };
    await using h = await harness([bob, removed, ada]);
    const snapshot = await h.connector.readSnapshot(never);
    assert.deepEqual(idsOf(snapshot), ["user_ada", "user_bob", "user_cleo"]);
    assert.deepEqual(
      [...snapshot.resources("role")].map(({ id, displayName }) => [id.resource, displayName]),
      [
        ["free-owner", "Free Owner"],
        ["member", "Member"],
        ["owner", "Owner"],
      ],
    );
    assert.deepEqual(
      [...snapshot.entitlements()].map(({ id }) => id),
      ["role:free-owner:assigned", "role:member:assigned", "role:owner:assigned"],
    );
    assert.deepEqual(grantsOf(snapshot), ["role:member:assigned:user:user_bob", "role:owner:assigned:user:user_ada"]);
    const cleo = users(snapshot)[2];
    assert.deepEqual([cleo?.status, cleo?.statusDetails], ["disabled", "removed"]);
  });

  test("the request is the documented one", async () => {
    await using h = await harness([ada]);
    await h.connector.readSnapshot(never);
    const [request] = h.cursor.requests;
    assert.deepEqual([request?.method, request?.path, request?.query], ["GET", "/teams/members", {}]);
    assert.equal(request?.userAgent, "t/1");
  });

  test("removed people can be left out", async () => {
    const removed = { id: "user_x", email: "x@example.com", role: "removed", isRemoved: true };
    await using h = await harness([ada, removed], { skipRemoved: true });
    assert.deepEqual(idsOf(await h.connector.readSnapshot(never)), ["user_ada"]);
  });

  test("ids: text, number, publicId, missing", async () => {
    const row = (more: object) => ({ name: "", role: "member", isRemoved: false, ...more });
    await using h = await harness([
      { ...ada, id: "17" },
      row({ id: 42, email: "n@example.com" }),
      row({ id: 7, publicId: "user_seven", email: "p@example.com" }),
      row({ email: "Mi:ss@Example.com" }),
    ]);
    assert.deepEqual(idsOf(await h.connector.readSnapshot(never)), [
      "17",
      "42",
      "email:mi:ss@example.com",
      "user_seven",
    ]);
  });

  test("names fall back to the local part and then to the id; a bad address is no e-mail but stays the login", async () => {
    await using h = await harness([ada, bob, { id: "user_z", email: "not an address", role: "member" }]);
    const found = users(await h.connector.readSnapshot(never));
    assert.deepEqual(
      found.map(({ displayName, email, login }) => [displayName, email, login]),
      [
        ["Ada Byron", "ada@example.com", "ada@example.com"],
        ["Bob", "Bob@Example.com", "Bob@Example.com"],
        ["not an address", undefined, "not an address"],
      ],
    );
    assert.deepEqual(found[0]?.profile, {
      cursor_user_id: "user_ada",
      email: "ada@example.com",
      name: "Ada Byron",
      role: "owner",
      is_removed: false,
      first_name: "Ada",
      last_name: "Byron",
    });
  });

  test("roles in other spellings are the known ones; an unknown one is synced and said once", async () => {
    const roles = ["OWNER", "Free_Owner", "billing admin", "billing\u0001admin"];
    await using h = await harness(roles.map((role, at) => ({ id: `user_${at}`, email: `${at}@example.com`, role })));
    const snapshot = await h.connector.readSnapshot(never);
    await h.connector.readSnapshot(never);
    assert.deepEqual(grantsOf(snapshot), [
      "role:billing-admin:assigned:user:user_2",
      "role:billing-admin:assigned:user:user_3",
      "role:free-owner:assigned:user:user_1",
      "role:owner:assigned:user:user_0",
    ]);
    assert.equal(h.logged().split("does not know").length - 1, 1);
  });

  test("a re-hired person is one account; of a repeated id the active row counts; shared addresses are both kept", async () => {
    await using h = await harness([
      { id: "user_old", email: "ADA@example.com", role: "removed", isRemoved: true },
      ada,
      { ...bob, isRemoved: true },
      bob,
      { id: "user_twin", email: "bob@example.com", role: "member" },
      { name: "nobody", role: "member" },
    ]);
    const snapshot = await h.connector.readSnapshot(never);
    assert.deepEqual(idsOf(snapshot), ["user_ada", "user_bob", "user_twin"]);
    assert.match(h.logged(), /share an e-mail address/);
    assert.doesNotMatch(h.logged(), /@/);
  });

  test("pages are followed when the answer says so, and a server that ignores the page ends the reading", async () => {
    await using h = await harness([ada]);
    h.cursor.setTeam({ active: 95, removed: 5 });
    h.cursor.setPageSize(30);
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 100);
    assert.deepEqual(
      h.cursor.requests.map(({ query }) => query["page"]),
      [undefined, "2", "3", "4"],
    );
    h.cursor.script({
      json: { teamMembers: [ada], pagination: { hasNextPage: true } },
      times: Number.POSITIVE_INFINITY,
    });
    const before = h.cursor.requests.length;
    assert.deepEqual(idsOf(await h.connector.readSnapshot(never)), ["user_ada"]);
    assert.equal(h.cursor.requests.length - before, 2);
  });
});

suite("a list in pages that changes while it is read", () => {
  const people = Array.from({ length: 7 }, (_, at) => ({ ...bob, id: `user_${at}`, email: `${at}@example.com` }));
  const all = [ada, ...people];
  const page = (rows: readonly unknown[], hasNextPage: boolean) => ({
    json: { teamMembers: rows, pagination: { hasNextPage, pageSize: 4 } },
  });
  /** Ada moves to the end after the first page: `user_3` is on none. */
  const moving = [page(all.slice(0, 4), true), page([...all.slice(5), ada], false)];

  test("is read again, and a reading without a row that comes twice is taken", async () => {
    await using h = await harness(all);
    h.cursor.setPageSize(4);
    h.cursor.script(...moving);
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 8);
    assert.equal(h.cursor.requests.length, 4);
  });

  test("a last page of nothing but a row that was there before is a sign of it too", async () => {
    await using h = await harness(all);
    h.cursor.setPageSize(4);
    h.cursor.script(page(all.slice(0, 4), true), page([ada], false));
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 8);
  });

  test("a list that holds a row twice is taken when two readings in a row are the same", async () => {
    await using h = await harness([...all, { ...ada, isRemoved: true }]);
    h.cursor.setPageSize(4);
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 8);
    assert.equal(h.cursor.requests.length, 6);
  });

  test("a row that comes twice on one page is no sign of it", async () => {
    await using h = await harness([ada, ada, ...people]);
    h.cursor.setPageSize(4);
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 8);
    assert.equal(h.cursor.requests.length, 3);
  });

  test("three readings that moved, each another way: unavailable, and nothing is synced", async () => {
    await using h = await harness(all);
    for (const at of [1, 2, 3]) {
      const name = `moved ${at}`;
      h.cursor.script(page(all.slice(0, 4), true), page([...all.slice(5), { ...ada, name }], false));
    }
    const error = await failure(h.connector);
    assert.deepEqual([error.code, error.retryable, h.cursor.requests.length], ["unavailable", true, 6]);
    assert.match(error.message, /list changed while it was read, 3 times in a row; nothing was synced/);
  });
});

suite("a bad answer fails loudly and never reads as an empty team", () => {
  const bodies: readonly (readonly [string, CursorAnswer, RegExp])[] = [
    ["an empty list", { json: { teamMembers: [] } }, /is empty/],
    ["nobody active", { json: { teamMembers: [{ ...ada, isRemoved: true }] } }, /no active member/],
    ["no administrator", { json: { teamMembers: [bob] } }, /no active administrator/],
    ["no list", { json: {} }, /teamMembers/],
    ["a list at the root", { json: [ada] }, /an object/],
    ["a row that is no object", { json: { teamMembers: [ada, null] } }, /teamMembers\[1\]/],
    ["a field of another type", { json: { teamMembers: [{ ...ada, email: 5 }] } }, /teamMembers\[0\]\.email/],
    [
      "an address with a control character where it has to be the id",
      { json: { teamMembers: [ada, { email: "b\u0000@example.com", role: "member" }] } },
      /teamMembers\[1\]\.email.*without control characters/,
    ],
    [
      "an address that is too long for an id once it is composed",
      { json: { teamMembers: [ada, { email: `${"\u{1D160}".repeat(100)}@example.com`, role: "member" }] } },
      /teamMembers\[1\]\.email.*at most 512 bytes/,
    ],
    ["a page of a proxy", { body: "<html>hello</html>", headers: { "content-type": "text/html" } }, /proxy or portal/],
    ["an empty body", { body: "" }, /not valid JSON/],
    ["half a body", { body: '{"teamMembers":[{"id":"user_a' }, /cut short/],
  ];
  for (const [name, answer, message] of bodies) {
    test(name, async () => {
      await using h = await harness([ada]);
      h.cursor.script({ ...answer, times: Number.POSITIVE_INFINITY });
      const error = await failure(h.connector);
      assert.deepEqual([error.code, error.retryable], ["internal", true]);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /@example|Byron/);
    });
  }

  test("an answer that breaks off is read again, and a truncated roster is never taken", async () => {
    await using h = await harness([ada, bob]);
    h.cursor.script({ cutAfterBytes: 60 });
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 2);
    assert.equal(h.cursor.requests.length, 2);
  });

  test("an answer beyond the size limit names the option", async () => {
    await using h = await harness([ada], { limits: { totalTimeoutMs: 10_000, maxBodyBytes: 50 } });
    const error = await failure(h.connector);
    assert.equal(error.code, "resource_exhausted");
  });
});

suite("refusals tell the operator what to do", () => {
  const wrong = (message: string, status: number) => ({ status, json: { error: "Unauthorized", message } });
  const answers: readonly (readonly [string, CursorAnswer, string, RegExp])[] = [
    ["401", wrong("Invalid API key", 401), "unauthenticated", /wrong, revoked or expired/],
    ["401 for a personal key", wrong("Invalid Team API Key", 401), "unauthenticated", /not a team key/],
    ["401 for a scope", wrong("missing scope", 401), "unauthenticated", /scope does not allow/],
    ["403 for the plan", { status: 403, json: { message: "Enterprise only" } }, "permission_denied", /Enterprise plan/],
    ["403", { status: 403, json: { error: "no" } }, "permission_denied", /lacks the permission/],
    ["403 of a proxy", { status: 403, body: "<html>" }, "permission_denied", /proxy or firewall/],
    ["404", { status: 404, json: {} }, "not_found", /BATON_CURSOR_BASE_URL/],
    ["400", { status: 400, json: { message: "bad page" } }, "invalid_argument", /bad page/],
  ];
  for (const [name, answer, code, message] of answers) {
    test(`${name} is final for this read: one request`, async () => {
      await using h = await harness([ada]);
      h.cursor.script({ ...answer, times: Number.POSITIVE_INFINITY });
      const error = await failure(h.connector);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, new RegExp(h.cursor.apiKey));
      assert.equal(h.cursor.requests.length, 1);
    });
  }

  test("a 429 is waited out as long as it says, then the read succeeds", async () => {
    await using h = await harness([ada]);
    h.cursor.script({ status: 429, headers: { "retry-after": "17" }, json: { code: "error", message: "slow" } });
    await h.connector.readSnapshot(never);
    assert.ok(
      h.clock.sleeps.some((ms) => ms > 16_000 && ms <= 17_000),
      JSON.stringify(h.clock.sleeps),
    );
  });

  test("a 429 for ever is unavailable, with the rate limit for C1", async () => {
    await using h = await harness([ada]);
    h.cursor.script({ status: 429, json: {}, times: Number.POSITIVE_INFINITY });
    const error = await failure(h.connector);
    assert.equal(error.code, "unavailable");
    assert.deepEqual([error.rateLimit?.limit, error.rateLimit?.remaining], [1, 0]);
    assert.match(error.message, /20 requests per minute/);
  });

  test("503 and resets are repeated, five attempts in all", async () => {
    await using h = await harness([ada]);
    h.cursor.script({ status: 503 }, { reset: true });
    await h.connector.readSnapshot(never);
    h.cursor.script({ status: 503, times: Number.POSITIVE_INFINITY });
    const before = h.cursor.requests.length;
    assert.equal((await failure(h.connector)).code, "unavailable");
    assert.equal(h.cursor.requests.length - before, 5);
  });

  test("an abort ends a hanging read at once with the signal's reason", async () => {
    await using h = await harness([ada]);
    h.cursor.script({ hang: true });
    const stop = new AbortController();
    const read = h.connector.readSnapshot(stop.signal);
    setImmediate(() => stop.abort(new StatusError("unavailable", "connector shutting down")));
    await assert.rejects(read, /shutting down/);
  });
});

suite("shrink guard", () => {
  async function shrunk(strict: boolean, acknowledged?: number): Promise<Harness> {
    const h = await harness([ada], { shrink: { maxPercent: 30, strict, acknowledged } });
    h.cursor.setTeam({ active: 100 });
    h.connector.accepted(await h.connector.readSnapshot(never));
    h.cursor.setTeam({ active: 69 });
    return h;
  }

  test("a fall of more than the share is read twice, and believed with a warning when both agree", async () => {
    await using h = await shrunk(false);
    assert.equal(idsOf(await h.connector.readSnapshot(never)).length, 69);
    assert.equal(h.cursor.requests.length, 3);
    assert.match(h.logged(), /fell from 100 to 69 active members \(31 %\)/);
  });

  test("two readings that differ fail the sync", async () => {
    await using h = await shrunk(false);
    h.cursor.script({}, { json: { teamMembers: [ada, bob] } });
    const error = await failure(h.connector);
    assert.deepEqual([error.code, error.retryable], ["unavailable", true]);
  });

  test("a fall of just the share is nothing to look at", async () => {
    await using h = await shrunk(false);
    h.cursor.setTeam({ active: 70 });
    await h.connector.readSnapshot(never);
    assert.equal(h.cursor.requests.length, 2);
  });

  test("strict: fails until the new size is acknowledged, and says how", async () => {
    await using h = await shrunk(true);
    assert.match((await failure(h.connector)).message, /BATON_CURSOR_SHRINK_ACKNOWLEDGED=69/);
    await using acknowledged = await harness([ada], { shrink: { maxPercent: 30, strict: true, acknowledged: 69 } });
    acknowledged.cursor.setTeam({ active: 69 });
    assert.equal(idsOf(await acknowledged.connector.readSnapshot(never)).length, 69);
  });

  test("a small team may shrink as it likes, and an unaccepted sync is no measure", async () => {
    await using h = await harness([ada]);
    h.cursor.setTeam({ active: 20 });
    h.connector.accepted(await h.connector.readSnapshot(never));
    h.cursor.setTeam({ active: 2 });
    await h.connector.readSnapshot(never);
    h.cursor.setTeam({ active: 1000 });
    await h.connector.readSnapshot(never);
    h.cursor.setTeam({ active: 20 });
    await h.connector.readSnapshot(never);
    assert.equal(h.cursor.requests.length, 4);
  });
});
