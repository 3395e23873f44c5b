import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RateLimitDescriptionSchema } from "../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import type { CursorAnswer } from "../fakes/cursor-server.ts";
import type { ScimAnswer } from "../fakes/scim-server.ts";
import {
  type AccountScene,
  type AccountSceneOptions,
  activeIds,
  always,
  deletion,
  directoryOf,
  effectsOf,
  outcome,
  people,
  refused,
  removalsOf,
  setAccountScene,
  team,
} from "./account-scene.ts";
import { deleteTask } from "./account-stage.ts";

const limit = { timeout: 40_000 };
/** Everybody is in the directory but `dora`. */
const users = ["ada@example.com", "bob@example.com", "cleo@example.com", "emil@example.com"];
/** Calls are given up after a second of real time. */
const impatient = { BATON_HTTP_TIMEOUT_SECONDS: "1" };
const lastAdmin = /is the last active administrator of the Cursor team/;

function scene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  return setAccountScene({ factor: 10_000, scim: { users }, ...options });
}

suite("T8 delete_resource: a member whom the directory does not know", { concurrency: 3 }, () => {
  test("9 with the two ways out, and nobody is removed", limit, async () => {
    await using stage = await scene();
    const finish = await refused(
      stage,
      deleteTask("user_dora"),
      9,
      /^user "user_dora" is an active Cursor member, but/,
    );
    assert.match(finish.message, /Remove the member in Cursor's dashboard/);
    assert.match(finish.message, /assign the person in the SCIM application once and deprovision there/);
    assert.ok(activeIds(stage).includes("user_dora"));
  });

  test("in an empty directory too", limit, async () => {
    await using stage = await scene({ scim: { users: [] } });
    await refused(stage, deleteTask("user_dora"), 9, /the SCIM directory has no record of it/);
  });
});

suite("delete_resource: a lookup that fails says nothing about the person", { concurrency: 3 }, () => {
  const page = { body: "<html></html>", headers: { "content-type": "text/html" } };
  const cutOff = { json: { totalResults: 500, Resources: [{ id: "1", userName: "x@example.com" }] } };
  const rows: readonly (readonly [string, Omit<ScimAnswer, "on" | "times">, number, RegExp])[] = [
    ["503", { status: 503 }, 14, /HTTP 503/],
    ["500", { status: 500 }, 14, /HTTP 500/],
    ["a reset", { reset: true }, 14, /./],
    ["silence", { hang: true }, 4, /did not finish its answer within 1 s/],
    ["a list that is cut off", cutOff, 14, /listed fewer users than it says it has/],
    ["401", { status: 401 }, 16, /rejected BATON_CURSOR_SCIM_TOKEN/],
    ["403", { status: 403 }, 7, /does not let it list users/],
    [
      "404 for the list",
      { status: 404 },
      9,
      /has no users at the configured address .*check BATON_CURSOR_SCIM_ENDPOINT/,
    ],
    ["a page", page, 13, /check BATON_CURSOR_SCIM_ENDPOINT/],
    ["another kind of JSON", { json: { users: [] } }, 13, /not as RFC 7644 has it/],
    ["a redirect to another server", { redirectTo: "http://127.0.0.2:9/Users" }, 9, /check BATON_CURSOR_SCIM_ENDPOINT/],
  ];
  for (const [what, answer, code, text] of rows) {
    for (const id of ["user_cleo", "user_dora", "user_gone"]) {
      test(`${what}, about ${id}: ${code}`, limit, async () => {
        await using stage = await scene({
          ...("hang" in answer ? { env: impatient } : {}),
          before: ({ scim }) => scim.script(always("GET", answer)),
        });
        const finish = await refused(stage, deleteTask(id), code, text);
        assert.doesNotMatch(finish.message, /is an active Cursor member|has no record of it/);
      });
    }
  }

  test("an address where no directory is: 9, 14 or 13, and never 'not managed'", limit, async () => {
    await using stage = await scene({ env: { BATON_CURSOR_SCIM_ENDPOINT: "http://127.0.0.1:9/scim" } });
    await refused(stage, deleteTask("user_dora"), 14, /127\.0\.0\.1:9/);
  });

  for (const [what, retryAfter] of [
    ["for ever", "2"],
    ["for longer than we wait", "1200"],
  ] as const) {
    test(`429 ${what}: 14 with what C1 needs to come back`, limit, async () => {
      const answer = { status: 429, headers: { "retry-after": retryAfter } };
      await using stage = await scene({ before: ({ scim }) => scim.script(always("GET", answer)) });
      const { details } = await refused(stage, deleteTask("user_dora"), 14, /asks for fewer requests/);
      assert.deepEqual(
        details.map(({ typeUrl }) => typeUrl),
        [`type.googleapis.com/${RateLimitDescriptionSchema.typeName}`],
      );
    });
  }
});

suite("delete_resource: who is meant is not clear", { concurrency: 3 }, () => {
  const further = (userName: string, ...addresses: readonly string[]) => ({
    id: `scim-${userName.split("@")[0]}`,
    userName,
    emails: addresses.map((value, at) => ({ value, primary: at === 0 })),
  });
  const rows: readonly (readonly [string, AccountSceneOptions, string, RegExp])[] = [
    [
      "two records with the address",
      { scim: { users: [...users, { id: "scim-2", userName: "cleo2", emails: [{ value: "Cleo@Example.com" }] }] } },
      "user_cleo",
      /2 records with this e-mail address \(ids "[^"]+", "scim-2"\)/,
    ],
    [
      "the record also has another active member's address",
      { scim: { users: ["ada@example.com", further("cleo@example.com", "cleo@example.com", "dora@example.com")] } },
      "user_cleo",
      /also has the e-mail address of another active Cursor member \("user_dora"\)/,
    ],
    [
      "the record is somebody else's, with this address as a further one",
      { scim: { users: ["ada@example.com", further("max@example.com", "max@example.com", "dora@example.com")] } },
      "user_dora",
      /\(id "scim-max"\) has it as a further address of somebody/,
    ],
    [
      "two active members with the address",
      { members: [...team, { ...people.cleo, id: "user_twin", email: "CLEO@example.com" }] },
      "user_cleo",
      /2 active Cursor members share this e-mail address \(ids "user_cleo", "user_twin"\)/,
    ],
    [
      "a member without an address",
      { members: [...team, { ...people.cleo, id: "user_blank", email: "" }] },
      "user_blank",
      /"user_blank" has no usable e-mail address in Cursor/,
    ],
    [
      "a member whose address is none",
      { members: [...team, { ...people.cleo, id: "user_odd", email: '"odd" <odd>' }] },
      "user_odd",
      /"user_odd" has no usable e-mail address in Cursor/,
    ],
  ];
  for (const [what, options, id, text] of rows) {
    test(`${what}: 9`, limit, async () => {
      await using stage = await scene(options);
      await refused(stage, deleteTask(id), 9, text);
    });
  }

  test("a record that also has the address of somebody who was removed is the person's own", limit, async () => {
    const record = further("cleo@example.com", "cleo@example.com", "gone@example.com");
    await using stage = await scene({ scim: { users: ["ada@example.com", record] } });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
  });
});

suite("delete_resource: the last administrator", { concurrency: 3 }, () => {
  test("of two at the same time exactly one is deleted", limit, async () => {
    await using stage = await scene({ delay: "manual" });
    const finishes = await Promise.all([
      outcome(stage, deleteTask("user_ada")),
      outcome(stage, deleteTask("user_bob")),
    ]);
    assert.deepEqual(finishes.map(({ code }) => code).toSorted(), [0, 9]);
    assert.match(finishes.find(({ ok }) => !ok)?.message ?? "", lastAdmin);
    assert.equal(stage.scim.effects.length, 1);
  });

  test("one after the other, while the roster lags and after it has followed", limit, async () => {
    await using stage = await scene({ delay: "manual" });
    assert.equal(await deletion(stage, deleteTask("user_bob")), "done");
    await refused(stage, deleteTask("user_ada"), 9, lastAdmin);
    stage.link.apply();
    await refused(stage, deleteTask("user_ada"), 9, lastAdmin);
    assert.deepEqual(activeIds(stage), ["user_ada", "user_cleo", "user_dora", "user_emil"]);
  });

  test("who is one is said on the ground of a new roster", limit, async () => {
    await using stage = await scene({ factor: 1 });
    await deletion(stage, deleteTask("user_emil"));
    stage.cursor.setMembers(team.map((row) => (row.id === "user_bob" ? { ...row, role: "member" } : row)));
    await refused(stage, deleteTask("user_ada"), 9, lastAdmin);
  });

  test("a deletion that was refused does not count", limit, async () => {
    await using stage = await scene({ before: ({ scim }) => scim.script({ status: 403, on: { method: "DELETE" } }) });
    await refused(stage, deleteTask("user_ada"), 7, /does not let it delete a user/);
    assert.equal(await deletion(stage, deleteTask("user_bob")), "done");
  });

  test("one that may have been carried out does, for an hour", limit, async () => {
    await using stage = await scene({
      factor: 1000,
      before: ({ scim }) => scim.script(always("DELETE", { status: 503 })),
    });
    await refused(stage, deleteTask("user_ada"), 14, /HTTP 503/);
    stage.scim.clearScript();
    await refused(stage, deleteTask("user_bob"), 9, lastAdmin);
    stage.daemon.clock.advanceMonotonic(61 * 60_000);
    assert.equal(await deletion(stage, deleteTask("user_bob")), "done");
    assert.deepEqual(effectsOf(stage), ["deleted bob@example.com"]);
  });
});

suite("delete_resource: Cursor does not answer as it should", { concurrency: 3 }, () => {
  const { ada, cleo } = people;
  const rows: readonly (readonly [string, CursorAnswer, number])[] = [
    ["rejects the key", { status: 401, json: { message: "Invalid API key" } }, 16],
    ["is down", { status: 503 }, 14],
    ["sends an empty team", { json: { teamMembers: [] } }, 13],
    ["sends a team of removed people", { json: { teamMembers: [{ ...ada, isRemoved: true }] } }, 13],
    ["sends a team without an administrator", { json: { teamMembers: [cleo] } }, 13],
    ["sends a page", { body: "<html></html>", headers: { "content-type": "text/html" } }, 13],
  ];
  for (const [what, answer, code] of rows) {
    test(`it ${what}: ${code}, nothing is deleted, and nobody is called gone`, limit, async () => {
      await using stage = await scene({
        before: ({ cursor }) => cursor.script({ ...answer, times: Number.POSITIVE_INFINITY }),
      });
      for (const id of ["user_cleo", "user_nobody"]) await refused(stage, deleteTask(id), code, /./);
      assert.deepEqual(stage.asked().scim, []);
    });
  }
});

suite("T8 delete_resource: the deletion itself", { concurrency: 3 }, () => {
  const carriedOut: readonly (readonly [string, Omit<ScimAnswer, "on" | "times">])[] = [
    ["hangs", { hangAfterEffect: true }],
    ["loses its answer", { resetAfterEffect: true }],
    ["answers 503", { status: 503, afterEffect: true }],
    ["answers 200", { status: 200, json: {}, afterEffect: true }],
    ["answers 404, because somebody else was faster", { status: 404, afterEffect: true }],
  ];
  for (const [what, answer] of carriedOut) {
    test(`is carried out and ${what}: success, one deletion`, limit, async () => {
      await using stage = await scene({
        ...("hangAfterEffect" in answer ? { env: impatient } : {}),
        before: ({ scim }) => scim.script({ ...answer, on: { method: "DELETE" } }),
      });
      assert.equal(await deletion(stage, deleteTask("user_cleo"), 20_000), "done");
      assert.deepEqual(effectsOf(stage), ["deleted cleo@example.com"]);
    });
  }

  for (const [what, answer, code] of [
    ["503 for ever", { status: 503 }, 14],
    ["a reset for ever", { reset: true }, 14],
    ["401", { status: 401 }, 16],
    ["403", { status: 403 }, 7],
    ["400", { status: 400 }, 3],
  ] as const) {
    test(`is answered with ${what}: ${code}, the record is there`, limit, async () => {
      await using stage = await scene({ before: ({ scim }) => scim.script(always("DELETE", answer)) });
      await refused(stage, deleteTask("user_cleo"), code, /./);
      assert.deepEqual(directoryOf(stage), users);
    });
  }

  for (const removes of ["false", "true"]) {
    test(
      `is carried out without a sign of it; asked again while the roster lags, removal ${removes}: done`,
      limit,
      async () => {
        await using stage = await scene({
          delay: "manual",
          // What is unclear is remembered for an hour.
          factor: 200,
          env: { BATON_CURSOR_REMOVE_UNMANAGED: removes },
          before: ({ scim }) => scim.script(always("DELETE", { status: 503, afterEffect: true })),
        });
        const first = await outcome(stage, deleteTask("user_cleo"), 20_000);
        assert.deepEqual([first.ok, first.code], [false, 14], first.message);
        stage.scim.clearScript();
        assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
        assert.deepEqual([effectsOf(stage), removalsOf(stage)], [["deleted cleo@example.com"], []]);
      },
    );
  }

  test("is interrupted by a rate limit: waited out", limit, async () => {
    const answer = { status: 429, headers: { "retry-after": "7" }, on: { method: "DELETE" } };
    await using stage = await scene({ before: ({ scim }) => scim.script(answer) });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
  });

  test("is accepted, but the record is still there: success, and the log says so", limit, async () => {
    await using stage = await scene({ before: ({ scim }) => scim.script({ status: 202, on: { method: "DELETE" } }) });
    const finish = await outcome(stage, deleteTask("user_cleo"));
    assert.equal(finish.ok, true, finish.message);
    assert.ok(stage.daemon.logLines.some((line) => line.includes('"result":"unconfirmed"')));
  });
});
