import assert from "node:assert/strict";
import { emailKey } from "../../../src/baton/email-address.ts";
import { StatusError } from "../../../src/baton/status-error.ts";
import type { HttpResponse } from "../../../src/http/exchange.ts";
import { decodeJson } from "../../../src/http/json.ts";
import { createScimCalls, type ScimCalls, userPath } from "../../../src/scim/calls.ts";
import { readServiceProviderConfig } from "../../../src/scim/discovery.ts";
import { createExplain, type SettingNames, saysDuplicate, saysUnsupported } from "../../../src/scim/errors.ts";
import { type Listing, listUsers } from "../../../src/scim/paging.ts";
import { answersTo, readUser, readUserPage, type ScimUser } from "../../../src/scim/schema.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { assertHidden, attempt, attemptAsync, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget, Verdict } from "../harness/target.ts";
import { readSources } from "../harness/words.ts";

const names: SettingNames = { endpoint: "ENDPOINT", token: "TOKEN", requestsPerMinute: "RATE" };
const endpoint = "https://scim.example.com/v2";

const ada = {
  id: "u-1",
  userName: "ada@example.com",
  emails: [{ value: "ada@example.com", primary: true }],
  active: true,
};
const bob = {
  id: "u 2/é",
  userName: "bob",
  emails: [{ value: "Bob@Example.com" }],
  active: "False",
  meta: { version: 'W/"1"' },
};
const page = (totalResults: unknown, ...Resources: readonly unknown[]) => ({ totalResults, Resources });

function respond(
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { host: "scim.example.com", status, headers, body: Buffer.from(body) };
}

const userTarget: FuzzTarget = {
  name: "scim-users",
  covers: ["src/scim/schema.ts", "src/http/json.ts"],
  seeds: [
    ada,
    bob,
    page(2, ada, bob),
    page("2", { ...ada, id: 7 }),
    page(0),
    { Resources: [] },
    {},
    { ...ada, emails: "a@b" },
    { ...ada, active: "FALSE" },
    { ...ada, active: false },
    [],
    "x",
  ]
    .map((value) => JSON.stringify(value))
    .concat('{"totalResults":3,"Resources":[{"id":"u'),
  mutators: [mutateJson, mutateJson, mutateBytes],
  maxBytes: 30_000,
  cpuLimitMs: 500,
  run(input) {
    const response = respond(200, input);
    const one = attempt(() => readUser(decodeJson(response)), ["internal"]);
    if (one.value !== undefined) checkUser(one.value, Object(decodeJson(response)));
    const list = attempt(() => readUserPage(decodeJson(response)), ["internal"]);
    for (const { error } of [one, list]) {
      if (error !== undefined)
        assertHidden(
          Buffer.from(input).toString("utf8"),
          error.message,
          readSources(["src/scim/schema.ts", "src/http/json.ts"]),
        );
    }
    if (list.value !== undefined) checkPage(list.value, decodeJson(response));
    return one.value === undefined && list.value === undefined ? "refused" : "accepted";
  },
};

function checkPage({ totalResults, users }: ReturnType<typeof readUserPage>, sent: unknown): void {
  const { Resources: rows, totalResults: total }: { Resources?: unknown; totalResults?: unknown } = Object(sent);
  assert.ok(Array.isArray(rows) || total !== undefined, "a list says that it is one");
  assert.equal(users.length, Array.isArray(rows) ? rows.length : 0, "no user is left out");
  if (!Array.isArray(rows)) assert.notEqual(totalResults, undefined, "a list without users says how many there are");
  for (const [at, user] of users.entries()) checkUser(user, Object(Array.isArray(rows) ? rows[at] : undefined));
}

/** Accounts are deleted by these ids: each must lead to exactly the record that was meant. */
function checkUser(user: ScimUser, sent: { readonly id?: unknown; readonly active?: unknown }): void {
  if (typeof sent.id === "number") assert.ok(Number.isSafeInteger(sent.id), `${sent.id} is not the id that was sent`);
  assert.equal(user.id, String(sent.id), "the id is kept");
  const path = new URL(endpoint + userPath(user.id)).pathname;
  assert.match(path, /^\/v2\/Users\/[^/]+$/, "an id is one part of the path");
  assert.equal(decodeURIComponent(path.slice("/v2/Users/".length)), user.id, "and it can be read out of it");
  const inactive = typeof sent.active === "string" ? /^\s*false\s*$/i.test(sent.active) : sent.active === false;
  assert.equal(user.active, !inactive, "active as it was sent");
  if (user.primaryEmail !== undefined)
    assert.ok(answersTo(user, emailKey(user.primaryEmail)), "it answers to its address");
  for (const email of user.emails) assert.notEqual(email, "");
}

/** A server that answers with one text after the other and then with the last one for ever. */
function createServer(answers: readonly unknown[], maxCalls: number): ScimCalls {
  let calls = 0;
  return {
    async send(call) {
      assert.ok(calls < maxCalls, `more than ${maxCalls} calls for ${answers.length} answers`);
      const body = answers[Math.min(calls, answers.length - 1)] ?? {};
      calls += 1;
      return call.decode(respond(200, JSON.stringify(body)));
    },
  };
}

const pagingTarget: FuzzTarget = {
  name: "scim-paging",
  covers: ["src/scim/paging.ts", "src/scim/schema.ts", "src/scim/discovery.ts"],
  seeds: [
    [page(2, ada, bob)],
    [page(3, ada), page(3, bob), page(3, { ...ada, id: "3" }), page(3)],
    [page(1, ada), page(1, bob), page(0)],
    [page(undefined, ada), page(undefined, ada)],
    [{ totalResults: 5 }, page(5, ada)],
    [page(2, ada), "no page"],
    [{ patch: { supported: false }, etag: { supported: true }, filter: { maxResults: 50 } }],
  ].map((answers) => JSON.stringify(answers)),
  mutators: [mutateJson, mutateJson, mutateBytes],
  maxBytes: 20_000,
  cpuLimitMs: 1000,
  async run(input) {
    const parsed = attempt(() => decodeJson(respond(200, input)), ["internal"]).value;
    const answers: readonly unknown[] = Array.isArray(parsed) && parsed.length > 0 ? parsed : [parsed];
    const signal = new AbortController().signal;
    const config = await readServiceProviderConfig(createServer(answers, 1), names, signal);
    assert.ok(config.maxResults === undefined || config.maxResults > 0);
    const listing: Listing = { complete: false };
    const found: ScimUser[] = [];
    const all = answers.length + 2;
    const options = {
      calls: createServer(answers, all),
      names,
      pageSize: async () => 2,
      maxPages: all,
      maxUsers: 1000,
    };
    const { error } = await attemptAsync(async () => {
      for await (const users of listUsers(options, undefined, listing, signal)) found.push(...users);
    }, ["internal", "resource_exhausted"]);
    if (error !== undefined) return "refused";
    return checkListing(listing, found, answers);
  },
};

function checkListing({ complete }: Listing, found: readonly ScimUser[], answers: readonly unknown[]): Verdict {
  assert.equal(new Set(found.map(({ id }) => id)).size, found.length, "each user comes once");
  // The first answer was read for certain, whatever the server did later.
  const { totalResults: total } = Object(answers[0]);
  if (complete && Number.isSafeInteger(total)) {
    assert.ok(found.length >= Number(total), "complete is not fewer than the server says there are");
  }
  return "accepted";
}

/** The status in three digits, then the body. */
const problemTarget: FuzzTarget = {
  name: "scim-problem",
  covers: ["src/scim/errors.ts", "src/http/clean-text.ts"],
  seeds: [
    '400{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"uniqueness","detail":"taken by ada@example.com"}',
    '403{"message":"operation not supported"}',
    '409{"error":{"message":"exists"}}',
    '500"only a text"',
    "502<html>bad gateway</html>",
    "501",
    "400plain words with a token: 0123456789abcdef0123456789abcdef",
    "308",
  ],
  mutators: [
    (input, other, random, words) =>
      Buffer.concat([input.subarray(0, 3), mutateJson(input.subarray(3), other.subarray(3), random, words)]),
    mutateBytes,
    repeatPart,
  ],
  maxBytes: 30_000,
  cpuLimitMs: 500,
  run(input) {
    const status = Number(/^\d{3}$/.exec(Buffer.from(input.subarray(0, 3)).toString("latin1"))?.[0] ?? 418);
    const response = respond(status, input.subarray(3));
    const message = createExplain(names)(response, "create_user");
    checkMessage(message);
    assert.doesNotMatch(message, /\w@\w/, "addresses are withheld");
    assert.doesNotMatch(message, /[A-Za-z0-9_+/=-]{24}/, "tokens are withheld");
    if (status === 409) assert.ok(saysDuplicate(response));
    if (status === 501) assert.ok(saysUnsupported(response));
    return message.includes("(it says: ") ? "accepted" : "refused";
  },
};

/** A Location header, given to a call that is followed by another. */
const redirectTarget: FuzzTarget = {
  name: "scim-redirect",
  covers: ["src/scim/calls.ts"],
  seeds: [
    "/v2/Users/",
    "https://scim.example.com/other",
    "https://evil.example/v2",
    "//evil.example",
    "http://scim.example.com/",
    "\\\\evil",
    "",
  ],
  mutators: [mutateBytes],
  maxBytes: 4000,
  cpuLimitMs: 500,
  async run(input) {
    const location = Buffer.from(input).toString("utf8");
    const asked: string[] = [];
    const client = {
      async send<T>({
        address,
        decode,
        path,
      }: {
        address?: URL | undefined;
        path: string;
        decode(response: HttpResponse): T;
      }) {
        asked.push(address?.href ?? endpoint + path);
        return decode(asked.length === 1 ? respond(308, "", { location }) : respond(200, "{}"));
      },
    };
    const calls = createScimCalls(client, endpoint, names);
    const call = { operation: "list_users", method: "GET", path: "/Users", decode: () => "answered" } as const;
    const { error } = await attemptAsync(() => calls.send(call, new AbortController().signal), ["failed_precondition"]);
    for (const url of asked)
      assert.equal(new URL(url).origin, "https://scim.example.com", "the token goes nowhere else");
    return error instanceof StatusError ? "refused" : "accepted";
  },
};

export const scimTargets: readonly FuzzTarget[] = [userTarget, pagingTarget, problemTarget, redirectTarget];
