import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ScimAnswer, ScimQuirks } from "../../test/fakes/scim-server.ts";
import { createTestClock } from "../../test/helpers/clock.ts";
import { serve } from "../../test/helpers/http-server.ts";
import { createTestScimClient, failsWith, forever } from "../../test/helpers/scim-client.ts";
import { newUser, type ScimScene, setScimScene } from "../../test/helpers/scim-scene.ts";
import type { StatusCode } from "../baton/status-error.ts";

const ada = "Ada@example.com";
const always = { times: Number.POSITIVE_INFINITY } as const;
const html = { "content-type": "text/html; charset=utf-8" };
const page = "<!DOCTYPE html><title>Sign in</title><p>ada@example.com</p>";

/** Every way in which the list of users is asked for. */
const askers: Readonly<Record<string, (scene: ScimScene) => Promise<unknown>>> = {
  validate: ({ client }) => client.validate(forever),
  lookup: ({ find }) => find(ada),
  "thorough lookup": ({ find }) => find(ada, true),
};

type Expected = readonly [answer: ScimAnswer, code: StatusCode, message: RegExp];

const rejections: Readonly<Record<string, Expected>> = {
  "401": [{ status: 401 }, "unauthenticated", /rejected THE_TOKEN; it is wrong, expired or was replaced/],
  "401 as a page": [{ status: 401, headers: html, body: page }, "unauthenticated", /rejected THE_TOKEN/],
  "403": [
    { status: 403, json: { detail: `${ada} may not list` } },
    "permission_denied",
    /accepted THE_TOKEN, but does not let it list users \(it says: \[e-mail\] may not list\)/,
  ],
  "403 as a page": [{ status: 403, headers: html, body: page }, "permission_denied", /let it list users: give it/],
  "404 on the collection": [
    { status: 404, json: { detail: "not found" } },
    "failed_precondition",
    /has no users at the configured address \(HTTP 404\): check THE_ENDPOINT/,
  ],
  "404 as a page": [{ status: 404, headers: html, body: page }, "failed_precondition", /check THE_ENDPOINT/],
  "a page": [
    { headers: html, body: page },
    "internal",
    /text\/html of \d+ bytes.*a web page or a portal.*THE_ENDPOINT/,
  ],
  "a page labelled as JSON": [{ body: page }, "internal", /a web page or a portal seems to answer.*check THE_ENDPOINT/],
  "no body": [{ body: "" }, "internal", /not valid JSON.*check THE_ENDPOINT/],
  "half an answer": [{ body: '{"totalResults":1,"Resou' }, "internal", /cut short\): check THE_ENDPOINT/],
  "too long an answer": [
    { body: JSON.stringify({ totalResults: 0, junk: "x".repeat(5_000) }) },
    "resource_exhausted",
    /longer than the limit of .* MiB: raise it, or check THE_ENDPOINT/,
  ],
};

const errorUrn = "urn:ietf:params:scim:api:messages:2.0:Error";

suite("an answer that nobody can work with", () => {
  for (const [name, [answer, code, message]] of Object.entries(rejections)) {
    for (const [asker, ask] of Object.entries(askers)) {
      test(`${name}: ${asker}`, async () => {
        await using scene = await setScimScene({ users: [ada], client: { maxBodyBytes: 4_000 } });
        scene.scim.script({ ...answer, ...always, on: { path: /^\/Users$/ } });
        await scene.fails(ask(scene), code, message);
        assert.deepEqual(scene.retries, []);
        assert.deepEqual(scene.scim.effects, []);
      });
    }
  }

  test("a small answer that unpacks to a huge one", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, " "));
    await using server = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "application/scim+json", "content-encoding": "gzip" }).end(bomb);
    });
    using client = createTestScimClient({ endpoint: server.url, token: "t" });
    await failsWith(client.client.validate(forever), "resource_exhausted", /longer than the limit of 1 MiB/);
  });

  test("a wrong token and one that was replaced meanwhile", async () => {
    await using scene = await setScimScene({ users: [ada] });
    using wrong = createTestScimClient({ endpoint: scene.scim.endpoint, token: "no-such-token" });
    await failsWith(wrong.client.validate(forever), "unauthenticated", /rejected THE_TOKEN/, ["no-such-token"]);
    await scene.client.validate(forever);
    scene.scim.setToken("another");
    await scene.fails(scene.client.createUser(newUser("bob@example.com"), forever), "unauthenticated", /THE_TOKEN/);
    assert.deepEqual(scene.scim.records.length, 1);
  });

  test("an address where another directory would be", async () => {
    await using scene = await setScimScene();
    const { token, url } = scene.scim;
    for (const endpoint of [url, `${url}/scim/v2/other`, `${scene.scim.endpoint}x`]) {
      using lost = createTestScimClient({ endpoint, token });
      await failsWith(lost.client.validate(forever), "failed_precondition", /check THE_ENDPOINT/, [token]);
      await failsWith(lost.client.findUsers(ada, true, forever), "failed_precondition", /check THE_ENDPOINT/, [token]);
    }
  });

  test("nobody who listens", async () => {
    const server = await serve(() => undefined);
    await server[Symbol.asyncDispose]();
    using client = createTestScimClient({ endpoint: server.url, token: "t" });
    await failsWith(client.client.validate(forever), "unavailable", /refused the connection: check the address/);
    assert.equal(client.retries.length, 4);
  });

  test("what a server says is quoted without addresses, keys and line breaks, and only so much of it", async () => {
    for (const [said, quoted] of [
      [{ detail: "a\n b" }, "a b"],
      [{ message: `for ${ada}: no` }, "for [e-mail] no"],
      [{ error: "GET /Users?filter=userName%20eq%20%22ada%40example.com%22" }, "GET [e-mail]"],
      [{ detail: `Bearer ${"k".repeat(40)}` }, "Bearer [withheld]"],
      [{ detail: "", error_description: "expired" }, "expired"],
      ["plain words", "plain words"],
      [
        { schema: [errorUrn], schemas: [errorUrn], status: 422, detail: "a number, and a word misspelt" },
        "a number, and a word misspelt",
      ],
      [{ detail: "no status, no schemas" }, "no status, no schemas"],
      [{ detail: "x y ".repeat(200) }, `${"x y ".repeat(50).slice(0, 199)}…`],
    ] as const) {
      await using scene = await setScimScene();
      scene.scim.script({ status: 422, json: said });
      const { message } = await scene.fails(scene.client.validate(forever), "invalid_argument", /HTTP 422/);
      assert.equal(/\(it says: (.*)\)$/.exec(message)?.[1], quoted);
    }
  });
});

suite("a failure that passes", { concurrency: 4 }, () => {
  const soon = new Date(Date.now() + 60_000).toUTCString();
  const failures: Readonly<Record<string, ScimAnswer>> = {
    "429 with seconds": { status: 429, headers: { "retry-after": "30" } },
    "429 with a date": { status: 429, headers: { "retry-after": soon } },
    "429 without a wait": { status: 429, headers: html, body: page },
    "500": { status: 500 },
    "502 as a page": { status: 502, headers: html, body: page },
    "503 with seconds": { status: 503, headers: { "retry-after": "30" } },
    "504": { status: 504 },
    "a reset": { reset: true },
    "a cut answer": { cutAfterBytes: 10 },
    "no answer": { hang: true },
    "an answer that never ends": { slowBody: { bytes: 1, everyMs: 50 } },
  };
  for (const [name, failure] of Object.entries(failures)) {
    for (const [asker, ask] of Object.entries(askers)) {
      test(`${name} is waited out: ${asker}`, async () => {
        const isSilent = failure.hang !== undefined || failure.slowBody !== undefined;
        const client = isSilent ? { totalTimeoutMs: 500 } : {};
        await using scene = await setScimScene({ users: [ada, "bob@example.com"], client });
        scene.scim.script({ ...failure, times: 2, on: { path: /^\/Users$/ } });
        await ask(scene);
        assert.deepEqual(
          scene.retries.map(({ operation, attempt }) => [operation, attempt]),
          [
            ["list_users", 1],
            ["list_users", 2],
          ],
        );
      });
    }
  }

  test("the waits are those that the server asked for, else they grow", async () => {
    const clock = createTestClock();
    await using scene = await setScimScene({ client: { clock } });
    scene.scim.script({ status: 429, headers: { "retry-after": "30" } }, { times: 3, status: 503 });
    await scene.client.validate(forever);
    assert.deepEqual(
      scene.retries.map(({ delayMs }) => delayMs),
      [30_000, 5_000, 10_000, 20_000],
    );
  });

  for (const [name, failure, code, message] of [
    ["an outage", { status: 503, json: { detail: "maintenance" } }, "unavailable", /HTTP 503 .*it says: maintenance/],
    ["a silent server", { hang: true }, "deadline_exceeded", /did not finish its answer within 0 s/],
    ["a server that asks for less", { status: 429 }, "unavailable", /asks for fewer requests: lower THE_RATE/],
  ] as const) {
    test(`${name} that lasts is told, never that nobody is there`, async () => {
      await using scene = await setScimScene({ client: { totalTimeoutMs: 400 } });
      scene.scim.script({ ...failure, ...always });
      const error = await scene.fails(scene.find(ada, true), code, message);
      assert.equal(error.retryable, true);
      assert.equal(scene.scim.requests.length, 5);
    });
  }
});

suite("a server's description of itself", () => {
  const descriptions: Readonly<Record<string, ScimQuirks | ScimAnswer>> = {
    "401": { claims: { status: 401 } },
    "403": { claims: { status: 403 } },
    "404": { claims: { status: 404 } },
    "500": { claims: { status: 500 } },
    "501": { claims: { status: 501 } },
    "a page": { headers: html, body: page },
    "no object": { json: [] },
    "an empty object": { json: {} },
    "odd claims": { json: { patch: { supported: "yes" }, etag: true, filter: { maxResults: "many" } } },
  };
  for (const [name, description] of Object.entries(descriptions)) {
    test(`is not needed: ${name}`, async () => {
      const isQuirk = "claims" in description;
      await using scene = await setScimScene({ quirks: isQuirk ? description : {}, users: [ada] });
      if (!isQuirk) scene.scim.script({ ...description, on: { path: /^\/Service/ } });
      const user = await scene.only(ada);
      assert.equal(await scene.client.setActive(user, false, forever), "done");
      assert.equal(await scene.client.deleteUser(user, forever), "deleted");
      const asked = scene.asked();
      assert.equal(asked.filter((each) => each.includes("Service")).length, 1, "it is asked for once");
      assert.ok(asked.some((each) => each.startsWith("PATCH")));
      assert.deepEqual(scene.retries, []);
    });
  }
});
