import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { serve } from "../../test/helpers/http-server.ts";
import { createTestScimClient, forever } from "../../test/helpers/scim-client.ts";
import { crowd, newUser, type ScimScene, setScimScene } from "../../test/helpers/scim-scene.ts";

const ada = "Ada@example.com";
const accept = "application/scim+json, application/json;q=0.9";

/** Every kind of request there is; nobody is left in the end. */
async function doEverything({ client, only, find }: ScimScene): Promise<void> {
  await client.validate(forever);
  assert.equal((await client.createUser(newUser(ada), forever)).kind, "created");
  assert.equal(await client.setActive(await only("ADA@example.com"), false, forever), "done");
  assert.equal((await only(ada)).active, false);
  assert.equal(await client.deleteUser(await only(ada), forever), "deleted");
  assert.deepEqual((await find(ada, true)).users, []);
}

suite("what every request is like", () => {
  test("it asks for SCIM, brings the token and names the program", async () => {
    await using scene = await setScimScene({ quirks: { patchUnsupported: 405, claims: { patch: true } } });
    await doEverything(scene);
    const { requests } = scene.scim;
    assert.deepEqual([...new Set(requests.map((each) => each.method))].sort(), [
      "DELETE",
      "GET",
      "PATCH",
      "POST",
      "PUT",
    ]);
    for (const { method, ...each } of requests) {
      const hasBody = method !== "GET" && method !== "DELETE";
      assert.deepEqual([each.accept, each.hasAuthorization, each.userAgent], [accept, true, "test-agent/1"]);
      assert.equal(each.contentType, hasBody ? "application/scim+json" : undefined);
      assert.equal(each.ifMatch, undefined);
    }
  });

  test("the endpoint is taken as it is, a slash at its end aside", async () => {
    await using scene = await setScimScene();
    const { endpoint, token } = scene.scim;
    using client = createTestScimClient({ endpoint: `${endpoint}/`, token: `${token}\n` });
    await client.client.validate(forever);
    assert.deepEqual(scene.asked(), ["GET /Users"]);
  });

  test("an unencrypted endpoint beyond this machine is refused", () => {
    assert.throws(() => createTestScimClient({ endpoint: "http://scim.example/v2", token: "t" }), {
      code: "invalid_argument",
      message: /https/,
    });
  });

  test("a server that takes plain JSON only is sent that, and not asked again", async () => {
    await using scene = await setScimScene({ acceptOnlyJson: true });
    await doEverything(scene);
    const types = scene.scim.requests.filter(({ contentType }) => contentType !== undefined);
    assert.deepEqual(
      types.map(({ method, contentType, status }) => [method, contentType, status]),
      [
        ["POST", "application/scim+json", 415],
        ["POST", "application/json", 201],
        ["PATCH", "application/json", 200],
      ],
    );
  });

  test("a server that takes neither is told", async () => {
    await using scene = await setScimScene();
    scene.scim.script({ on: { method: "POST" }, times: 2, status: 415 });
    await scene.fails(
      scene.client.createUser(newUser(ada), forever),
      "invalid_argument",
      /HTTP 415 when asked to create/,
    );
    assert.deepEqual(scene.scim.records, []);
  });
});

suite("redirects", () => {
  for (const status of [307, 308]) {
    test(`${status} to the same server is followed, with method and body`, async () => {
      await using scene = await setScimScene();
      const { client, scim } = scene;
      const { pathname } = new URL(scim.endpoint);
      const to = (method: string, redirectTo: string) => scim.script({ on: { method }, status, redirectTo });
      to("GET", `${scim.endpoint}/Users?startIndex=1&count=7`);
      await client.validate(forever);
      assert.equal(scim.requests[1]?.query["count"], "7", "the target brings its own query");
      to("POST", `${pathname}/Users`);
      const { user } = await client.createUser(newUser(ada), forever);
      to("PATCH", user.id);
      assert.equal(await client.setActive(user, false, forever), "done");
      to("DELETE", `../Users/./${user.id}`);
      assert.equal(await client.deleteUser(user, forever), "deleted");
      assert.deepEqual(
        scim.effects.map(({ kind }) => kind),
        ["created", "patched", "deleted"],
      );
      for (const method of ["POST", "PATCH", "DELETE"]) {
        const [first, second] = scim.requests.filter((request) => request.method === method);
        assert.deepEqual([first?.status, second?.body, second?.hasAuthorization], [status, first?.body, true]);
      }
    });

    test(`${status} to another server is not followed: no request arrives there`, async () => {
      await using scene = await setScimScene({ users: [ada] });
      const { client, scim } = scene;
      const arrived: string[] = [];
      await using thief = await serve((request, response) => {
        arrived.push(request.url ?? "");
        response.writeHead(200).end("{}");
      });
      const user = await scene.only(ada);
      const host = thief.url.slice("http://".length);
      for (const redirectTo of [
        `${thief.url}/Users`,
        `//${host}/Users`,
        `http://user:pw@${host}/`,
        "data:text/plain,",
      ]) {
        for (const act of [
          () => client.validate(forever),
          () => client.findUsers(ada, true, forever),
          () => client.createUser(newUser("bob@example.com"), forever),
          () => client.setActive(user, false, forever),
          () => client.deleteUser(user, forever),
        ]) {
          scim.script({ status, redirectTo, on: { path: /^\/Users/ } });
          const message = /redirects to another server .*THE_TOKEN goes nowhere else: check THE_ENDPOINT/;
          await scene.fails(act(), "failed_precondition", message);
        }
      }
      assert.deepEqual([arrived, scim.effects], [[], []]);
    });
  }

  test("a redirect that leads away in its second step is not followed either", async () => {
    await using scene = await setScimScene();
    const there = { status: 307, redirectTo: `${scene.scim.endpoint}/Users?startIndex=1&count=1` };
    scene.scim.script(there, { status: 307, redirectTo: "http://127.0.0.1:9/Users" });
    await scene.fails(scene.client.validate(forever), "failed_precondition", /to another server \(127\.0\.0\.1:9\)/);
  });

  test("a circle ends, and so does a redirect to nowhere", async () => {
    for (const redirect of [{ redirectTo: "Users?startIndex=1&count=1" }, {}, { redirectTo: "http://" }]) {
      await using scene = await setScimScene();
      scene.scim.script({ ...redirect, status: 308, times: Number.POSITIVE_INFINITY });
      await scene.fails(
        scene.client.validate(forever),
        "failed_precondition",
        /in a circle or to no address.*THE_ENDP/,
      );
      assert.ok(scene.scim.requests.length <= 4);
    }
  });

  for (const status of [300, 301, 302, 303, 304, 305]) {
    test(`${status} is not followed`, async () => {
      await using scene = await setScimScene();
      const answer = { status, redirectTo: `${scene.scim.endpoint}/Users?startIndex=1&count=1`, times: 2 };
      scene.scim.script(answer);
      const message = new RegExp(`redirect \\(HTTP ${status}\\): check THE_ENDPOINT`);
      await scene.fails(scene.client.validate(forever), "failed_precondition", message);
      await scene.fails(scene.client.createUser(newUser(ada), forever), "failed_precondition", message);
      assert.deepEqual([scene.scim.requests.length, scene.scim.records.length], [2, 0]);
    });
  }
});

suite("the rate of requests", () => {
  test("is never more than was set within any minute, retries and pages included", async () => {
    const atMs: number[] = [];
    const client = { clock: createVirtualClock(), requestsPerMinute: 7, onTicket: (ms: number) => atMs.push(ms) };
    await using scene = await setScimScene({ quirks: { filters501: true, capPage: 5 }, users: crowd(20), client });
    scene.scim.script({ times: 3, status: 503 });
    await Promise.all(crowd(8).map((email) => scene.find(email)));
    assert.equal(atMs.length, scene.scim.requests.length);
    assert.ok(atMs.length > 21, "it took several minutes");
    for (const [at, ms] of atMs.entries()) assert.ok(ms - (atMs[at - 7] ?? -60_000) >= 60_000, `request ${at}`);
  });

  test("is four at once at most", async () => {
    await using scene = await setScimScene({ users: crowd(20), onRequest: () => pause() });
    await Promise.all(crowd(12).map((email) => scene.find(email)));
    assert.equal(scene.scim.inFlight.max, 4);
  });
});

async function pause(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return undefined;
}
