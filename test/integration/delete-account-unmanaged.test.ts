import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RateLimitDescriptionSchema } from "../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import type { CursorAnswer } from "../fakes/cursor-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import {
  type AccountScene,
  type AccountSceneOptions,
  activeIds,
  always,
  deletion,
  effectsOf,
  outcome,
  people,
  refused,
  removalsOf,
  setAccountScene,
  team,
} from "./account-scene.ts";
import { accountEnv, deleteTask, startAccountStage } from "./account-stage.ts";
import { printed, processEnv } from "./scene.ts";

const limit = { timeout: 40_000 };
/** Everybody is in the directory but `dora`. */
const users = ["ada@example.com", "bob@example.com", "cleo@example.com", "emil@example.com"];
const on = { BATON_CURSOR_REMOVE_UNMANAGED: "true" };
/** Calls are given up after a second of real time. */
const impatient = { ...on, BATON_HTTP_TIMEOUT_SECONDS: "1" };
const noMember = { status: 404, json: { error: "User is not a member of this team" } };
const removal = { method: "POST", path: /remove-member/ };

function scene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  return setAccountScene({ scim: { users }, ...options, env: { ...on, ...options.env } });
}

/** What was sent to remove members. */
function bodies(stage: AccountScene): unknown[] {
  return removalsOf(stage).map(({ body }) => body);
}

suite("removal of members whom the directory does not know", { concurrency: 3 }, () => {
  test("switched off: nobody is removed", limit, async () => {
    await using stage = await scene({ env: { BATON_CURSOR_REMOVE_UNMANAGED: "false" } });
    await refused(stage, deleteTask("user_dora"), 9, /is not managed through SCIM/);
  });

  test("such a member: removed once, by id; asked again, there is nobody", limit, async () => {
    await using stage = await scene();
    assert.equal(await deletion(stage, deleteTask("user_dora")), "done");
    stage.daemon.clock.advanceMonotonic(31_000);
    assert.equal(await deletion(stage, deleteTask("user_dora")), "gone");
    assert.deepEqual(bodies(stage), [{ userId: "user_dora" }]);
    assert.deepEqual(activeIds(stage), ["user_ada", "user_bob", "user_cleo", "user_emil"]);
    assert.deepEqual(effectsOf(stage), []);
  });

  for (const [what, row, id] of [
    ["a number", { id: 4711 }, "4711"],
    ["none", { id: "" }, "email:dora@example.com"],
  ] as const) {
    test(`a member whose id is ${what}: removed by address`, limit, async () => {
      const dora = { ...people.dora, email: "Dora@Example.com", ...row };
      await using stage = await scene({ members: [people.ada, people.cleo, dora] });
      assert.equal(await deletion(stage, deleteTask(id)), "done");
      assert.deepEqual(bodies(stage), [{ email: "Dora@Example.com" }]);
    });
  }

  test("a member whom it knows: deleted there, never removed past it", limit, async () => {
    await using stage = await scene();
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.deepEqual([effectsOf(stage), bodies(stage)], [["deleted cleo@example.com"], []]);
  });

  test("nor while the roster lags behind the deletion", limit, async () => {
    await using stage = await scene({ delay: "manual" });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.deepEqual(bodies(stage), []);
  });

  test("asked again while the roster lags behind the removal: done already", limit, async () => {
    await using stage = await scene({ cursor: { removals: "manual" } });
    assert.equal(await deletion(stage, deleteTask("user_dora")), "done");
    assert.equal(await deletion(stage, deleteTask("user_dora")), "done");
    assert.equal(bodies(stage).length, 1);
  });

  test("a removed member, and nobody at all: nothing to do", limit, async () => {
    await using stage = await scene();
    for (const id of ["user_gone", "user_nobody"]) assert.equal(await deletion(stage, deleteTask(id)), "gone");
    assert.deepEqual(bodies(stage), []);
  });

  test("an empty directory: refused, because it may be the wrong one", limit, async () => {
    await using stage = await scene({ scim: { users: [] } });
    await refused(
      stage,
      deleteTask("user_dora"),
      9,
      /that directory has no users at all; .*BATON_CURSOR_SCIM_ENDPOINT/,
    );
  });

  test("somebody who appears in the directory at the last moment is not removed", limit, async () => {
    await using stage = await scene();
    const looks: string[] = [];
    stage.scim.setOnRequest(({ query }, phase) => {
      if (phase === "received" && query["filter"] === 'userName eq "dora@example.com"') looks.push(phase);
      // The first look has found nobody in the whole directory by then.
      if (looks.length === 2 && stage.scim.records.length === users.length) stage.scim.seed("dora@example.com");
      return undefined;
    });
    await refused(stage, deleteTask("user_dora"), 14, /changed in Cursor or in the SCIM directory/);
    assert.equal(await deletion(stage, deleteTask("user_dora")), "done");
    assert.deepEqual([effectsOf(stage), bodies(stage)], [["deleted dora@example.com"], []]);
  });

  for (const [what, answer, code] of [
    ["503", { status: 503 }, 14],
    ["404", { status: 404 }, 9],
    ["a list that is cut off", { json: { totalResults: 500, Resources: [{ id: "1", userName: "x@x.y" }] } }, 14],
  ] as const) {
    test(`a directory that answers ${what}: ${code}, nobody is removed`, limit, async () => {
      await using stage = await scene({
        factor: 10_000,
        before: ({ scim }) => scim.script(always("GET", answer)),
      });
      await refused(stage, deleteTask("user_dora"), code, /./);
    });
  }

  test("a member whom C1 knows by Cursor's other id is named by that one", limit, async () => {
    const dora = { ...people.dora, id: "4711", publicId: "user_dora" };
    await using stage = await scene({ members: [people.ada, people.cleo, dora] });
    stage.cursor.script({ ...noMember, on: removal });
    const { code, message } = await outcome(stage, deleteTask("4711"), 20_000);
    assert.deepEqual([code, /user "4711" is no member of the team, but/.test(message)], [9, true], message);
    await using small = await scene({ members: [{ ...dora, role: "owner" }, people.cleo] });
    await refused(small, deleteTask("4711"), 9, /^user "4711" is the last active administrator/);
  });

  test("the last administrator stays", limit, async () => {
    const dora = { ...people.dora, role: "owner" };
    await using stage = await scene({ members: [dora, people.cleo, people.emil] });
    await refused(stage, deleteTask("user_dora"), 9, /is the last active administrator/);
  });

  test("a dry run removes nobody, and the brake counts removals", limit, async () => {
    await using dry = await scene({ env: { BATON_PROVISIONING_DRY_RUN: "true" } });
    await refused(dry, deleteTask("user_dora"), 9, /^dry run/);
    const members = [...team, { ...people.dora, id: "user_max", email: "max@example.com" }];
    await using braked = await scene({ members, env: { BATON_MAX_DELETES_PER_HOUR: "1" } });
    assert.equal(await deletion(braked, deleteTask("user_dora")), "done");
    await refused(braked, deleteTask("user_max"), 8, /may be deleted per hour/);
  });
});

suite("a removal that does not go well", { concurrency: 3 }, () => {
  const carriedOut: readonly (readonly [string, CursorAnswer])[] = [
    ["hangs", { hangAfterEffect: true }],
    ["loses its answer", { resetAfterEffect: true }],
    ["answers 503", { status: 503, afterEffect: true }],
    ["answers something else", { json: { outcome: "error" }, afterEffect: true }],
    ["answers 204", { status: 204, body: "", afterEffect: true }],
    ["says that there is no such member", { ...noMember, afterEffect: true }],
  ];
  for (const [what, answer] of carriedOut) {
    test(`is carried out and ${what}: the roster decides, one call`, limit, async () => {
      await using stage = await scene({
        ...("hangAfterEffect" in answer ? { env: impatient } : {}),
        before: ({ cursor }) => cursor.script({ ...answer, on: removal }),
      });
      assert.equal(await deletion(stage, deleteTask("user_dora"), 20_000), "done");
      assert.equal(removalsOf(stage).length, 1);
      assert.ok(!activeIds(stage).includes("user_dora"));
    });
  }

  const notCarriedOut: readonly (readonly [string, CursorAnswer, number])[] = [
    ["hangs", { hang: true }, 4],
    ["is reset", { reset: true }, 14],
    ["answers 500", { status: 500 }, 14],
    ["answers 401", { status: 401 }, 16],
    ["answers 403", { status: 403, json: { message: "Enterprise only" } }, 7],
    ["says that there is no such member", noMember, 9],
  ];
  for (const [what, answer, code] of notCarriedOut) {
    test(
      `is not carried out and ${what}: ${code}, not repeated, and the member is not called gone`,
      limit,
      async () => {
        await using stage = await scene({
          ...("hang" in answer ? { env: impatient } : {}),
          before: ({ cursor }) => cursor.script({ ...answer, on: removal }),
        });
        const finish = await outcome(stage, deleteTask("user_dora"), 20_000);
        assert.deepEqual([finish.ok, finish.code, removalsOf(stage).length], [false, code, 1], finish.message);
        assert.ok(activeIds(stage).includes("user_dora"));
        assert.equal(await deletion(stage, deleteTask("user_dora")), "done");
      },
    );
  }

  test("the look after an unclear failure fails as well: the first failure is reported", limit, async () => {
    await using stage = await scene();
    stage.cursor.script({ status: 500, delayMs: 300, on: removal });
    const finished = outcome(stage, deleteTask("user_dora"), 20_000);
    await until(() => removalsOf(stage).length === 1, "the removal");
    stage.cursor.script({ status: 401, json: { message: "Invalid API key" }, times: Number.POSITIVE_INFINITY });
    const finish = await finished;
    assert.deepEqual([finish.ok, finish.code, removalsOf(stage).length], [false, 14, 1], finish.message);
  });

  test("Cursor refuses, because a paid member must remain: 9 that says so", limit, async () => {
    const members = [{ ...people.ada, role: "free-owner" }, people.dora];
    await using stage = await scene({ members });
    const finish = await outcome(stage, deleteTask("user_dora"));
    assert.deepEqual([finish.ok, finish.code], [false, 9]);
    assert.match(finish.message, /must keep at least one admin and one paid member/);
  });

  test("Cursor asks for patience, for longer than we wait: 14 with what C1 needs to come back", limit, async () => {
    const answer = { status: 429, headers: { "retry-after": "1200" }, on: removal };
    await using stage = await scene({ factor: 10_000, before: ({ cursor }) => cursor.script(answer) });
    const finish = await outcome(stage, deleteTask("user_dora"), 20_000);
    assert.deepEqual([finish.code, removalsOf(stage).length], [14, 1], finish.message);
    assert.deepEqual(
      finish.details.map(({ typeUrl }) => typeUrl),
      [`type.googleapis.com/${RateLimitDescriptionSchema.typeName}`],
    );
  });
});

suite("the switch at start", { concurrency: 2 }, () => {
  test("without a directory it is refused, and C1 hears nothing", limit, async () => {
    await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
    await using daemon = await spawnConnector([], processEnv(stage, { BATON_PROVISIONING: "true", ...on }));
    const { code, stderr } = await daemon.ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /cursor-remove-unmanaged.*needs the SCIM directory/);
    assert.equal(stage.c1.calls("Hello").length, 0);
  });

  test("with a directory that rejects the token it does not start", limit, async () => {
    await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
    const env = { ...accountEnv(stage), ...on, BATON_CURSOR_SCIM_TOKEN: "another-token-0123456789" };
    await using daemon = await spawnConnector([], processEnv(stage, env));
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 16);
    assert.match(stderr, /rejected BATON_CURSOR_SCIM_TOKEN/);
    assert.equal(stage.c1.calls("Hello").length, 0);
  });

  test("without the switch a bad token is an error in the log, and syncs go on", limit, async () => {
    await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
    const env = { ...accountEnv(stage), BATON_CURSOR_SCIM_TOKEN: "another-token-0123456789" };
    await using daemon = await spawnConnector([], processEnv(stage, env));
    await stage.c1.awaitCall("GetTask", 1, 20_000);
    await printed(daemon, "accounts cannot be created or deleted");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  });

  test("with a directory that answers it starts, with a warning", limit, async () => {
    await using stage = await startAccountStage({ cursor: { members: team }, scim: { users } });
    await using daemon = await spawnConnector([], processEnv(stage, { ...accountEnv(stage), ...on }));
    const finish = await stage.c1.awaitFinish(stage.c1.enqueue(deleteTask("user_dora")), 20_000);
    assert.equal(finish.ok, true, finish.message);
    await printed(daemon, "are removed for good when C1 asks for it");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.equal(stage.scim.records.length, users.length);
  });
});
