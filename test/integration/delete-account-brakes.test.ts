import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type AccountScene,
  type AccountSceneOptions,
  activeIds,
  crowd,
  deletion,
  directoryOf,
  effectsOf,
  outcome,
  refused,
  rosterReadings,
  setAccountScene,
} from "./account-scene.ts";
import { createTask, deleteTask } from "./account-stage.ts";

const limit = { timeout: 40_000 };
const users = ["ada@example.com", "bob@example.com", "cleo@example.com", "emil@example.com", "gone@example.com"];
/** Waits in real time, so that tasks share a roster for 30 s however busy the machine is. */
const sharing = { factor: 1 };

function scene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  return setAccountScene({ scim: { users }, ...options });
}

suite("the roster is shared", { concurrency: 3 }, () => {
  const many = { BATON_GET_TASKS: "true", BATON_TASK_CONCURRENCY: "20" };
  const { ids, ...team } = crowd(15);

  test("15 deletions at once read it once or twice", limit, async () => {
    await using stage = await scene({ ...sharing, ...team, env: many });
    const tasks = ids.map((id) => deletion(stage, deleteTask(id), 20_000));
    assert.deepEqual(new Set(await Promise.all(tasks)), new Set(["done"]));
    assert.equal(stage.scim.effects.length, 15);
    assert.ok(rosterReadings(stage) <= 2, String(rosterReadings(stage)));
  });

  test("tasks one after the other share it for BATON_CURSOR_ROSTER_MAX_AGE, creations too", limit, async () => {
    await using stage = await scene({ ...sharing, ...team });
    for (const id of ids.slice(0, 3)) await deletion(stage, deleteTask(id));
    await outcome(stage, createTask("zoe@example.com"));
    assert.equal(rosterReadings(stage), 1);
    stage.daemon.clock.advanceMonotonic(31_000);
    await outcome(stage, createTask("max@example.com"));
    assert.equal(rosterReadings(stage), 2);
  });

  test("BATON_CURSOR_ROSTER_MAX_AGE=0s: none is older than its task", limit, async () => {
    await using stage = await scene({ ...sharing, ...team, env: { ...many, BATON_CURSOR_ROSTER_MAX_AGE: "0s" } });
    for (const id of ids.slice(0, 3)) {
      const before = rosterReadings(stage);
      await deletion(stage, deleteTask(id));
      assert.ok(rosterReadings(stage) > before);
    }
    const rest = ids.slice(3).map((id) => deletion(stage, deleteTask(id), 20_000));
    assert.deepEqual(new Set(await Promise.all(rest)), new Set(["done"]));
    assert.equal(stage.scim.effects.length, 15);
  });
});

suite("the brake on deletions", { concurrency: 3 }, () => {
  const held =
    /^2 accounts may be deleted per hour and as many were; nothing was changed: .* in \d+ min or raise BATON_MAX_DELETES_PER_HOUR$/;
  const two = { env: { BATON_MAX_DELETES_PER_HOUR: "2", BATON_TASK_CONCURRENCY: "10" } };

  test("beyond it: 8, final, says so; after an hour it goes on", limit, async () => {
    await using stage = await scene({ ...two, factor: 100 });
    await deletion(stage, deleteTask("user_cleo"));
    await deletion(stage, deleteTask("user_emil"));
    await refused(stage, deleteTask("user_gone"), 8, held);
    stage.daemon.clock.advanceMonotonic(60 * 60_000);
    assert.equal(await deletion(stage, deleteTask("user_gone")), "done");
    assert.equal(stage.scim.effects.length, 3);
  });

  test("what deletes nothing takes nothing from it, and is not held", limit, async () => {
    await using stage = await scene({ ...two, factor: 100 });
    for (let count = 0; count < 3; count += 1) {
      assert.equal(await deletion(stage, deleteTask("user_nobody")), "gone");
      await refused(stage, deleteTask("user_dora"), 9, /no record/);
    }
    await deletion(stage, deleteTask("user_cleo"));
    await deletion(stage, deleteTask("user_emil"));
    assert.equal(await deletion(stage, deleteTask("user_nobody")), "gone");
    await outcome(stage, createTask("zoe@example.com"));
    assert.deepEqual(effectsOf(stage).at(-1), "created zoe@example.com");
  });

  test("tasks at the same time cannot slip past it", limit, async () => {
    const { ids, ...team } = crowd(8);
    await using stage = await scene({ ...two, ...team, factor: 100 });
    const finishes = await Promise.all(ids.map((id) => outcome(stage, deleteTask(id), 20_000)));
    assert.deepEqual(finishes.map(({ code }) => code).toSorted(), [0, 0, 8, 8, 8, 8, 8, 8]);
    assert.equal(stage.scim.effects.length, 2);
  });

  test("a deletion that the brake holds back is not taken for one that happened", limit, async () => {
    await using stage = await scene({ factor: 100, env: { BATON_MAX_DELETES_PER_HOUR: "1" } });
    await deletion(stage, deleteTask("user_cleo"));
    await refused(stage, deleteTask("user_ada"), 8, /may be deleted per hour/);
    stage.daemon.clock.advanceMonotonic(60 * 60_000);
    assert.equal(await deletion(stage, deleteTask("user_bob")), "done");
  });

  test("none allowed: 8", limit, async () => {
    await using stage = await scene({ env: { BATON_MAX_DELETES_PER_HOUR: "0" } });
    await refused(stage, deleteTask("user_cleo"), 8, /^BATON_MAX_DELETES_PER_HOUR is 0/);
  });
});

suite("dry run", { concurrency: 3 }, () => {
  test("9 instead of each deletion, nothing is changed, and nothing counts", limit, async () => {
    const env = { BATON_PROVISIONING_DRY_RUN: "true", BATON_MAX_DELETES_PER_HOUR: "1" };
    await using stage = await scene({ env });
    for (const id of ["user_cleo", "user_emil", "user_ada", "user_bob"]) {
      await refused(stage, deleteTask(id), 9, /^dry run .*: the account would have been deleted; nothing was changed$/);
    }
    assert.deepEqual(directoryOf(stage), users);
  });

  test("what would be refused or is done already is answered as ever", limit, async () => {
    await using stage = await scene({ env: { BATON_PROVISIONING_DRY_RUN: "true" } });
    await refused(stage, deleteTask("user_dora"), 9, /no record/);
    assert.equal(await deletion(stage, deleteTask("user_nobody")), "gone");
  });
});

suite("a directory without deletion", { concurrency: 3 }, () => {
  for (const status of [405, 501, 403] as const) {
    const quirks = { deleteForbidden: status };

    test(
      `HTTP ${status}, deactivation not allowed: 9 that names the switch, nobody is made inactive`,
      limit,
      async () => {
        await using stage = await scene({ scim: { users, quirks } });
        for (const id of ["user_cleo", "user_ada", "user_bob"]) {
          await refused(stage, deleteTask(id), 9, /BATON_CURSOR_SCIM_ALLOW_DEACTIVATION=true/);
        }
        assert.deepEqual(directoryOf(stage), users);
      },
    );

    test(`HTTP ${status}, deactivation allowed: inactive, and Cursor follows`, limit, async () => {
      const env = { BATON_CURSOR_SCIM_ALLOW_DEACTIVATION: "true" };
      await using stage = await scene({ scim: { users, quirks }, env });
      assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
      assert.ok(directoryOf(stage).includes("cleo@example.com (inactive)"));
      assert.ok(!activeIds(stage).includes("user_cleo"));
      assert.equal(await deletion(stage, deleteTask("user_ada")), "done");
      await refused(stage, deleteTask("user_bob"), 9, /is the last active administrator/);
    });
  }

  test("allowed, but not needed: deleted", limit, async () => {
    await using stage = await scene({ env: { BATON_CURSOR_SCIM_ALLOW_DEACTIVATION: "true" } });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.deepEqual(effectsOf(stage), ["deleted cleo@example.com"]);
  });

  test("a directory that makes people inactive where it should delete: success, no switch needed", limit, async () => {
    await using stage = await scene({ scim: { users, quirks: { deactivateOnDelete: true } } });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.ok(directoryOf(stage).includes("cleo@example.com (inactive)"));
  });

  test("one that deletes whom we make inactive: success", limit, async () => {
    const quirks = { deleteForbidden: 405, deletesInactive: true } as const;
    const env = { BATON_CURSOR_SCIM_ALLOW_DEACTIVATION: "true" };
    await using stage = await scene({ scim: { users, quirks }, env });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.ok(!directoryOf(stage).some((name) => name.startsWith("cleo")));
  });
});
