import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  RateLimitDescription_Status,
  RateLimitDescriptionSchema,
} from "../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import type { Finish } from "../fakes/c1-server.ts";
import type { CursorAnswer } from "../fakes/cursor-server.ts";
import type { ScimAnswer } from "../fakes/scim-server.ts";
import {
  type AccountScene,
  type AccountSceneOptions,
  always,
  creation,
  effectsOf,
  people,
  refused,
  setAccountScene,
  team,
} from "./account-scene.ts";
import { createTask } from "./account-stage.ts";

const limit = { timeout: 40_000 };
const zoe = "zoe@example.com";
const others = ["ada@example.com", "bob@example.com", "cleo@example.com"];
/** Where nothing is answered, calls are given up after a second of real time. */
function patience(answer: ScimAnswer): AccountSceneOptions {
  const silent = answer.hang === true || answer.hangAfterEffect === true;
  return silent ? { env: { BATON_HTTP_TIMEOUT_SECONDS: "1" } } : {};
}

/** A scene in which the directory answers like this from the start. */
function troubled(answers: readonly ScimAnswer[], options: AccountSceneOptions = {}): Promise<AccountScene> {
  return setAccountScene({
    factor: 10_000,
    scim: { users: others },
    ...options,
    before: (stage) => {
      stage.scim.script(...answers);
      options.before?.(stage);
    },
  });
}

/** How many requests to create reached the directory. */
function posts({ scim }: AccountScene): number {
  return scim.requests.filter(({ method }) => method === "POST").length;
}

suite("T7 create_account: a request that fails is never sent twice blindly", { concurrency: 3 }, () => {
  const carriedOut: readonly (readonly [string, Omit<ScimAnswer, "on" | "times">])[] = [
    ["hangs", { hangAfterEffect: true }],
    ["loses its answer", { resetAfterEffect: true }],
    ["answers 500", { status: 500, afterEffect: true }],
    ["answers 503", { status: 503, afterEffect: true }],
    ["answers with half a body", { cutAfterBytes: 20 }],
    ["answers with a page", { body: "<html></html>", headers: { "content-type": "text/html" }, afterEffect: true }],
  ];
  for (const [what, answer] of carriedOut) {
    test(`a creation that was carried out and ${what}: looked up, answered, one record`, limit, async () => {
      await using scene = await troubled([{ ...answer, on: { method: "POST" } }], patience(answer));
      assert.equal((await creation(scene, createTask(zoe)))[0], 103);
      assert.deepEqual([effectsOf(scene), posts(scene)], [[`created ${zoe}`], 1]);
    });
  }

  const notCarriedOut: readonly (readonly [string, Omit<ScimAnswer, "on" | "times">, number])[] = [
    ["hangs", { hang: true }, 4],
    ["is reset", { reset: true }, 14],
    ["answers 500", { status: 500 }, 14],
    ["answers 503", { status: 503 }, 14],
    ["answers 503 and names a time", { status: 503, headers: { "retry-after": "3" } }, 14],
  ];
  for (const [what, answer, code] of notCarriedOut) {
    test(
      `a creation that was not carried out and ${what}: ${code}, one attempt; asked again, it is done`,
      limit,
      async () => {
        await using scene = await troubled([{ ...answer, on: { method: "POST" } }], patience(answer));
        await refused(scene, createTask(zoe), code, /./);
        assert.equal(posts(scene), 1);
        assert.equal((await creation(scene, createTask(zoe)))[0], 103);
        assert.deepEqual(effectsOf(scene), [`created ${zoe}`]);
      },
    );
  }

  test("the look after the failure fails as well: the first failure is reported", limit, async () => {
    await using scene = await troubled([]);
    scene.scim.setOnRequest((request) => {
      // From the creation on, nothing is answered any more.
      if (request.method === "POST") scene.scim.script(always("GET", { status: 503 }));
      return request.method === "POST" ? "drop" : undefined;
    });
    await refused(scene, createTask(zoe), 14, /./);
    assert.equal(posts(scene), 1);
  });
});

suite("T7 create_account: somebody else makes the record meanwhile", { concurrency: 3 }, () => {
  for (const [what, active, effects] of [
    ["active", true, []],
    ["inactive: made active", false, [`patched ${zoe}`]],
  ] as const) {
    test(`409, and the record is ${what}`, limit, async () => {
      await using scene = await troubled([]);
      scene.scim.setOnRequest(({ method }, phase) => {
        if (method === "POST" && phase === "received") scene.scim.seed({ userName: zoe, active });
        return undefined;
      });
      assert.equal((await creation(scene, createTask(zoe)))[0], 103);
      assert.deepEqual(effectsOf(scene), effects);
    });
  }

  for (const [what, quirks] of [
    ["409", {}],
    ["400 that speaks of a duplicate", { duplicateStatus: 400, duplicateWithoutScimType: true }],
  ] as const) {
    test(`${what}, but no record is shown: 9, says where to look, no loop`, limit, async () => {
      await using scene = await troubled([], { scim: { users: others, quirks: { ...quirks, hiddenUsers: [zoe] } } });
      await refused(scene, createTask(zoe), 9, /says that there is such a user already.*but shows none/);
      assert.equal(posts(scene), 1);
    });
  }

  test("an inactive record vanishes before it is made active: 14, and asked again it is created", limit, async () => {
    await using scene = await troubled([], { scim: { users: [...others, { userName: zoe, active: false }] } });
    scene.scim.setOnRequest(({ method }, phase) => {
      const [record] = scene.scim.records.filter(({ userName }) => userName === zoe);
      if (method === "PATCH" && phase === "received" && record !== undefined) scene.scim.remove(record.id);
      return undefined;
    });
    await refused(scene, createTask(zoe), 14, /vanished from the SCIM directory .*: ask again/);
    assert.equal((await creation(scene, createTask(zoe)))[0], 103);
    assert.deepEqual(effectsOf(scene), [`created ${zoe}`]);
  });

  test("two tasks for one person at once: one after the other, one creation, both are answered", limit, async () => {
    await using scene = await troubled([{ delayMs: 200, on: { method: "POST" } }]);
    const tasks = [createTask(zoe), createTask("ZOE@example.com")];
    const arms = await Promise.all(tasks.map((task) => creation(scene, task)));
    assert.deepEqual(
      arms.map(([arm]) => arm),
      [103, 103],
    );
    assert.deepEqual([posts(scene), scene.scim.records.length], [1, others.length + 1]);
  });
});

suite("T7 create_account: rate limits", { concurrency: 3 }, () => {
  test("a short one of the creation is waited out", limit, async () => {
    const answer = { status: 429, headers: { "retry-after": "7" }, on: { method: "POST" } };
    await using scene = await troubled([answer], { factor: 50 });
    assert.equal((await creation(scene, createTask(zoe)))[0], 103);
    assert.deepEqual([effectsOf(scene), posts(scene)], [[`created ${zoe}`], 2]);
    const sent = scene.asked().scim;
    const limited = sent.findIndex(({ method }) => method === "POST");
    const waitedMs = ((sent[limited + 1]?.atMs ?? 0) - (sent[limited]?.atMs ?? 0)) * 50;
    assert.ok(waitedMs > 6500, `${waitedMs} ms`);
  });

  for (const method of ["POST", "GET"]) {
    test(`one of ${method} that is longer than we wait: 14 with what C1 needs to come back`, limit, async () => {
      const headers = { "retry-after": "1200", "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0" };
      await using scene = await troubled([{ status: 429, headers, on: { method } }]);
      const beforeMs = scene.daemon.clock.nowMs();
      const finish = await refused(
        scene,
        createTask(zoe),
        14,
        /asks for fewer requests: lower BATON_SCIM_REQUESTS_PER_/,
      );
      const description = rateLimitOf(finish);
      assert.deepEqual(
        [description.status, description.limit, description.remaining],
        [RateLimitDescription_Status.OVERLIMIT, 60n, 0n],
      );
      const waitMs = Number(description.resetAt?.seconds ?? 0n) * 1000 - beforeMs;
      assert.ok(waitMs > 1_190_000 && waitMs < 1_210_000, String(waitMs));
    });
  }
});

function rateLimitOf({ details }: Finish) {
  const [detail, ...more] = details;
  assert.deepEqual(more, []);
  return (detail && anyUnpack(detail, RateLimitDescriptionSchema)) ?? assert.fail("no rate limit in the details");
}

suite("T7 create_account: who is meant is not clear", { concurrency: 3 }, () => {
  test("two records with the address: 9 with their ids", limit, async () => {
    const users = [...others, { id: "scim-1", userName: zoe }, { id: "scim-2", userName: "Zoe@Example.com" }];
    await using scene = await troubled([], { scim: { users } });
    await refused(scene, createTask(zoe), 9, /2 records with this e-mail address \(ids "scim-1", "scim-2"\)/);
  });

  test(
    "two records with the address, the first of them inactive: 9 with their ids, nobody is made active",
    limit,
    async () => {
      const own = { id: "scim-2", userName: "zoe", emails: [{ value: zoe, primary: true }] };
      const users = [...others, { id: "scim-1", userName: zoe, active: false }, own];
      await using scene = await troubled([], { scim: { users } });
      await refused(scene, createTask(zoe), 9, /2 records with this e-mail address \(ids "scim-1", "scim-2"\)/);
    },
  );

  test(
    "an inactive record, and a list that is cut off where the filter on addresses is refused: 14",
    limit,
    async () => {
      const cutOff = { json: { totalResults: 500, Resources: [{ id: "1", userName: "x@example.com" }] } };
      const users = [...others, { id: "scim-1", userName: zoe, active: false }];
      const on = { method: "GET", path: /Users$/ };
      const answers = [
        { ...always("GET", { status: 400 }), on: { ...on, query: /filter=emails/ } },
        { ...always("GET", cutOff), on: { ...on, query: /^(?!.*filter=)/ } },
      ];
      await using scene = await troubled(answers, { scim: { users } });
      await refused(scene, createTask(zoe), 14, /listed fewer users than it says it has/);
    },
  );

  test("two active members with the address: 9 with their ids", limit, async () => {
    const twin = { ...people.cleo, id: "user_twin", email: "CLEO@example.com" };
    await using scene = await troubled([], { members: [...team, twin] });
    await refused(scene, createTask("cleo@example.com"), 9, /\(ids "user_cleo", "user_twin"\)/);
    assert.deepEqual(scene.asked().scim, []);
  });

  test("the address is a further one of somebody else's record: 9, nobody is made active", limit, async () => {
    const emails = [{ value: "max@example.com", primary: true }, { value: zoe }];
    const users = [...others, { id: "scim-max", userName: "max@example.com", active: false, emails }];
    await using scene = await troubled([], { scim: { users } });
    await refused(scene, createTask(zoe), 9, /\(id "scim-max"\) has it as a further address of somebody/);
  });

  for (const active of [true, false]) {
    test(
      `the same, where it comes to light only when the server refuses the new user (active: ${active})`,
      limit,
      async () => {
        await using scene = await troubled([], { scim: { users: others, quirks: { hiddenUsers: [zoe] } } });
        scene.scim.setOnRequest(({ method }, phase) => {
          const emails = [{ value: "max@example.com", primary: true }, { value: zoe }];
          if (method === "POST" && phase === "received")
            scene.scim.seed({ id: "scim-max", userName: "max@example.com", active, emails });
          return undefined;
        });
        await refused(scene, createTask(zoe), 9, /\(id "scim-max"\) has it as a further address of somebody/);
      },
    );
  }
});

suite("create_account: others do not answer as they should", { concurrency: 3 }, () => {
  const page = { body: "<html></html>", headers: { "content-type": "text/html" } };
  const directory: readonly (readonly [string, ScimAnswer, number, RegExp])[] = [
    ["rejects the token", { status: 401 }, 16, /rejected BATON_CURSOR_SCIM_TOKEN/],
    ["forbids", { status: 403 }, 7, /does not let it/],
    ["is not there (404)", { status: 404 }, 9, /check BATON_CURSOR_SCIM_ENDPOINT/],
    ["sends a page", page, 13, /check BATON_CURSOR_SCIM_ENDPOINT/],
    ["leads elsewhere", { redirectTo: "http://127.0.0.2:9/scim/Users" }, 9, /check BATON_CURSOR_SCIM_ENDPOINT/],
    ["is down", { status: 503 }, 14, /HTTP 503/],
    ["hangs", { hang: true }, 4, /did not finish its answer within 1 s/],
  ];
  for (const [what, answer, code, text] of directory) {
    test(`the directory ${what}: ${code}`, limit, async () => {
      await using scene = await troubled([{ ...answer, times: Number.POSITIVE_INFINITY }], patience(answer));
      await refused(scene, createTask(zoe), code, text);
      assert.equal(posts(scene), 0);
    });
  }

  test("the directory refuses the new user: 3 in its words, without the address", limit, async () => {
    const json = { detail: `userName ${zoe} is outside of the verified domains` };
    await using scene = await troubled([{ status: 400, json, on: { method: "POST" } }]);
    await refused(scene, createTask(zoe), 3, /is outside of the verified domains/);
  });

  const cursor: readonly (readonly [string, CursorAnswer, number])[] = [
    ["rejects the key", { status: 401, json: { message: "Invalid API key" } }, 16],
    ["is down", { status: 503 }, 14],
    ["sends an empty team", { json: { teamMembers: [] } }, 13],
    ["sends something else", { json: { members: [] } }, 13],
  ];
  for (const [what, answer, code] of cursor) {
    test(`Cursor ${what}: ${code}, and nothing is made`, limit, async () => {
      await using scene = await troubled([], {
        before: (stage) => stage.cursor.script({ ...answer, times: Number.POSITIVE_INFINITY }),
      });
      await refused(scene, createTask(zoe), code, /./);
      assert.equal(posts(scene), 0);
    });
  }
});

suite("create_account: dry run", { concurrency: 3 }, () => {
  const env = { BATON_PROVISIONING_DRY_RUN: "true" };
  for (const [what, users] of [
    ["create", others],
    ["make active", [...others, { userName: zoe, active: false }]],
  ] as const) {
    test(`what would ${what} is looked up, then 9`, limit, async () => {
      await using scene = await troubled([], { env, scim: { users } });
      await refused(scene, createTask(zoe), 9, /^dry run \(BATON_PROVISIONING_DRY_RUN\): .*; nothing was changed$/);
      assert.ok(scene.asked().scim.length > 0);
    });
  }

  test("where nothing would be done there is nothing to refuse", limit, async () => {
    await using scene = await troubled([], { env });
    assert.equal((await creation(scene, createTask("cleo@example.com")))[0], 102);
    assert.equal(scene.scim.effects.length, 0);
  });
});
