import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ScimAnswer } from "../../test/fakes/scim-server.ts";
import { createTestClock } from "../../test/helpers/clock.ts";
import { forever } from "../../test/helpers/scim-client.ts";
import { ada, assertCreatedOnce, create, onPost, others, posts, stored } from "../../test/helpers/scim-creations.ts";
import { newUser, setScimScene } from "../../test/helpers/scim-scene.ts";

suite("a creation that fails", { concurrency: 4 }, () => {
  test("a rate limit says that nobody was created: it is waited out, and the user sent again after a look", async () => {
    for (const headers of [{ "retry-after": "7" }, {}]) {
      await using scene = await setScimScene({ users: others });
      scene.scim.script({ on: onPost, times: 2, status: 429, headers });
      await assertCreatedOnce(scene);
      const methods = scene.scim.requests.filter(({ path }) => path === "/Users").map(({ method }) => method);
      assert.equal(methods.join(" ").replaceAll(/(GET ?)+/g, "look "), "POST look POST look POST");
    }
  });

  const noAnswers: Readonly<Record<string, ScimAnswer>> = {
    "503 with seconds": { status: 503, headers: { "retry-after": "2" } },
    "502 as a page": { status: 502, headers: { "content-type": "text/html" }, body: "<html>ada@example.com" },
    "a reset connection": { reset: true },
    "no answer": { hang: true },
  };
  for (const [name, answer] of Object.entries(noAnswers)) {
    test(`${name}: nobody is there, so the failure stands, and it is not sent again`, async () => {
      await using scene = await setScimScene({ users: others, client: { totalTimeoutMs: 300 } });
      scene.scim.script({ ...answer, on: onPost });
      const code = name === "no answer" ? "deadline_exceeded" : "unavailable";
      const error = await scene.fails(create(scene), code, /127\.0\.0\.1/);
      assert.deepEqual([error.retryable, posts(scene).length, stored(scene)], [true, 1, others]);
      await assertCreatedOnce(scene);
    });
  }

  test("a wait that the server asks for is kept, in seconds or as a date", async () => {
    for (const [retryAfter, leastMs, mostMs] of [
      ["90", 89_000, 90_000],
      [new Date(Date.now() + 120_000).toUTCString(), 100_000, 120_000],
    ] as const) {
      const clock = createTestClock();
      await using scene = await setScimScene({ users: others, client: { clock } });
      scene.scim.script({ on: onPost, status: 429, headers: { "retry-after": retryAfter } });
      await assertCreatedOnce(scene);
      const longest = Math.max(...clock.sleeps);
      assert.ok(longest >= leastMs && longest <= mostMs, `${longest} ms`);
    }
  });

  const lost: Readonly<Record<string, ScimAnswer>> = {
    "the connection is reset after the effect": { resetAfterEffect: true },
    "no answer comes after the effect": { hangAfterEffect: true },
    "500 after the effect": { afterEffect: true, status: 500 },
    "a page after the effect": { afterEffect: true, body: "<!doctype html><p>Welcome", status: 200 },
    "half an answer after the effect": { afterEffect: true, status: 201, body: '{"id":"1' },
    "too long an answer after the effect": { afterEffect: true, status: 201, body: "x".repeat(5_000) },
    "a cut answer": { cutAfterBytes: 20 },
    "an answer that is no user": { afterEffect: true, status: 201, json: { ok: true } },
  };
  for (const [name, answer] of Object.entries(lost)) {
    for (const quirk of [{}, { filtersIgnored: true }, { filtersRefused: true }] as const) {
      test(`${name} (${Object.keys(quirk)[0] ?? "right filters"}): the record is found, not made again`, async () => {
        const client = { totalTimeoutMs: 400, maxBodyBytes: 4_000 };
        await using scene = await setScimScene({ users: others, quirks: quirk, client });
        scene.scim.script({ ...answer, on: onPost });
        await assertCreatedOnce(scene);
        assert.equal(posts(scene).length, 1);
      });
    }
  }

  test("when the record cannot be looked for either, the first failure is told, and it is not sent again", async () => {
    await using scene = await setScimScene();
    scene.scim.script({ on: onPost, status: 500, json: { detail: "boom" } }, { times: 100, status: 503 });
    await scene.fails(create(scene), "unavailable", /HTTP 500 when asked to create a user \(it says: boom\)/);
    assert.equal(posts(scene).length, 1);
  });

  test("a list that is cut off does not prove that nobody was created", async () => {
    await using scene = await setScimScene();
    const rows = [{ id: "1", userName: "bob@example.com" }];
    const lists = { times: 100, on: { path: /^\/Users$/, method: "GET" }, json: { totalResults: 9, Resources: rows } };
    scene.scim.script({ on: onPost, reset: true }, { on: onPost, status: 429 }, lists);
    await scene.fails(create(scene), "unavailable", /the connection to 127/);
    assert.equal(posts(scene).length, 1);
    await scene.fails(create(scene), "unavailable", /asks for fewer requests/);
    assert.equal(posts(scene).length, 2);
  });

  test("two records after a failure are for a person to sort out", async () => {
    await using scene = await setScimScene({ users: [ada] });
    scene.scim.seed({ userName: "ada", emails: [{ value: ada }] });
    scene.scim.script({ on: onPost, status: 500 });
    await scene.fails(create(scene), "failed_precondition", /has 2 records with this e-mail address/);
  });

  test("a rate limit that lasts ends after five attempts", async () => {
    await using scene = await setScimScene();
    scene.scim.script({ on: onPost, times: 100, status: 429 });
    await scene.fails(create(scene), "unavailable", /asks for fewer requests: lower THE_RATE/);
    assert.deepEqual([posts(scene).length, stored(scene)], [5, []]);
  });

  test("an answer about somebody else is not believed", async () => {
    await using scene = await setScimScene({ users: others });
    scene.scim.script({ on: onPost, afterEffect: true, status: 201, json: { id: "1", userName: others[0] } });
    await assertCreatedOnce(scene);
    scene.scim.script({ on: onPost, status: 201, json: { id: "1", userName: others[0] } });
    const creating = scene.client.createUser(newUser("dan@example.com"), forever);
    await scene.fails(creating, "failed_precondition", /accepted the new user, but shows none/);
  });

  test("a rate limit longer than anybody waits is told at once, with its end", async () => {
    await using scene = await setScimScene();
    scene.scim.script({ on: onPost, status: 429, headers: { "retry-after": "7200" } });
    const error = await scene.fails(create(scene), "unavailable", /asks for fewer requests: lower THE_RATE/);
    assert.ok((error.rateLimit?.resetAt.getTime() ?? 0) > Date.now() + 3_600_000);
    assert.equal(scene.scim.requests.length, 1);
  });

  test("a refusal is told in the server's words, without the address", async () => {
    await using scene = await setScimScene();
    const detail = `domain of ${ada} (ada%40example.com) is not verified`;
    scene.scim.script({ on: onPost, status: 400, json: { detail, scimType: "invalidValue" } });
    await scene.fails(create(scene), "invalid_argument", /it says: domain of \[e-mail\] \[e-mail\] is not verified/);
    scene.scim.script({ on: onPost, status: 404 });
    await scene.fails(create(scene), "failed_precondition", /no users at the configured address.*check THE_ENDPOINT/);
    scene.scim.script({ on: onPost, status: 403, json: { detail: "read only" } });
    await scene.fails(create(scene), "permission_denied", /THE_TOKEN.*does not let it create a user.*read only/);
    assert.deepEqual([posts(scene).length, scene.scim.requests.length], [3, 3]);
  });

  test("a 400 that only sounds like a duplicate is told in the server's words", async () => {
    await using scene = await setScimScene({ users: others });
    scene.scim.script({ on: onPost, status: 400, json: { detail: "no attribute called type exists" } });
    await scene.fails(create(scene), "failed_precondition", /\(it says: no attribute called type exists\)/);
  });

  test("on abort it ends at once with the reason", async () => {
    await using scene = await setScimScene();
    const giveUp = new AbortController();
    scene.scim.script({ on: onPost, hangAfterEffect: true });
    const creating = scene.client.createUser(newUser(ada), giveUp.signal);
    setTimeout(() => giveUp.abort(), 100);
    await scene.fails(creating, "cancelled", /./);
    assert.equal(scene.scim.requests.length, 1);
  });
});
