import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TaskInit } from "../fakes/c1-server.ts";
import type { ScimQuirks } from "../fakes/scim-server.ts";
import {
  type AccountScene,
  type AccountSceneOptions,
  activeIds,
  deletion,
  directoryOf,
  effectsOf,
  people,
  refused,
  removalsOf,
  rosterReadings,
  setAccountScene,
  syncedUsers,
  team,
} from "./account-scene.ts";
import { deleteTask } from "./account-stage.ts";

const limit = { timeout: 40_000 };
/** Everybody is in the directory but `dora`. */
const users = ["ada@example.com", "bob@example.com", "cleo@example.com", "emil@example.com", "gone@example.com"];

/** Waits in real time, so that tasks share a roster for 30 s however busy the machine is. */
const sharing = { factor: 1 };

function scene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  return setAccountScene({ scim: { users }, ...options });
}

function without(...names: readonly string[]): string[] {
  return users.filter((name) => !names.includes(name));
}

function taskOf(resourceType: string, resource: string): TaskInit {
  return { taskType: { case: "deleteResource", value: { resourceId: { resourceType, resource } } } };
}

suite("T8 delete_resource: what is refused before anybody is asked", { concurrency: 3 }, () => {
  type Refusal = readonly [number, RegExp];
  const malformed: Refusal = [3, /^malformed delete resource task$/];
  const tasks: readonly (readonly [string, TaskInit])[] = [
    ["no id", { taskType: { case: "deleteResource", value: {} } }],
    ["no type", taskOf("", "user_cleo")],
    ["an empty id", taskOf("user", "")],
    ["a long type", taskOf("x".repeat(1025), "user_cleo")],
    ["a long id", taskOf("user", "é".repeat(513))],
    ["a role", taskOf("role", "owner")],
    ["another type", taskOf("group", "g1")],
    ["a user", deleteTask("user_cleo")],
  ];
  const always: Readonly<Record<string, Refusal>> = {
    "no id": malformed,
    "no type": malformed,
    "an empty id": malformed,
    "a long type": [3, /^the resource type is longer than 1024 bytes$/],
    "a long id": [3, /^the resource id is longer than 1024 bytes$/],
  };
  const noDelete = (type: string): Refusal => [
    12,
    new RegExp(`^resource type ${type} does not have resource Delete\\(\\) configured$`),
  ];
  const off: Refusal = [9, /^provisioning is not enabled$/];
  const types = { "a role": noDelete("role"), "another type": noDelete("group") };

  for (const [what, env, expected] of [
    ["switch off", { BATON_PROVISIONING: "false" }, { ...always, "a role": off, "another type": off, "a user": off }],
    [
      "no directory",
      { BATON_CURSOR_SCIM_ENDPOINT: "", BATON_CURSOR_SCIM_TOKEN: "" },
      { ...always, ...types, "a user": noDelete("user") },
    ],
    ["switch on, with directory", {}, { ...always, ...types }],
  ] as const) {
    test(what, limit, async () => {
      await using stage = await scene({ env });
      for (const [name, task] of tasks) {
        const refusal = (expected as Readonly<Record<string, Refusal>>)[name];
        if (refusal !== undefined) await refused(stage, task, ...refusal);
      }
      assert.deepEqual(stage.asked(), { cursor: [], scim: [] });
    });
  }
});

suite("delete_resource: who is deleted", { concurrency: 3 }, () => {
  test(
    "an active member who is managed: the one record, and nobody else; asked again, there is nobody",
    limit,
    async () => {
      await using stage = await scene();
      assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
      assert.deepEqual(effectsOf(stage), ["deleted cleo@example.com"]);
      assert.deepEqual(directoryOf(stage), without("cleo@example.com"));
      assert.deepEqual(activeIds(stage), ["user_ada", "user_bob", "user_dora", "user_emil"]);
      stage.daemon.clock.advanceMonotonic(31_000);
      assert.equal(await deletion(stage, deleteTask("user_cleo")), "gone");
      assert.deepEqual([stage.scim.effects.length, removalsOf(stage).length], [1, 0]);
    },
  );

  test("asked again while the roster lags: done already, nothing more is sent", limit, async () => {
    await using stage = await scene({ delay: "manual" });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.deepEqual(effectsOf(stage), ["deleted cleo@example.com"]);
    stage.link.apply();
    stage.daemon.clock.advanceMonotonic(31_000);
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "gone");
  });

  test("whom a sync has seen gone and who is back since is somebody to delete again", limit, async () => {
    await using stage = await scene();
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.ok(!activeIds(stage).includes("user_cleo"));
    await syncedUsers(stage);
    stage.cursor.setMembers(team);
    stage.daemon.clock.advanceMonotonic(31_000);
    await refused(stage, deleteTask("user_cleo"), 9, /is an active Cursor member, but/);
  });

  test("two tasks for the same person at once: one after the other, one deletion, both succeed", limit, async () => {
    await using stage = await scene({ delay: "manual" });
    stage.scim.script({ delayMs: 200, on: { method: "DELETE" } });
    const task = deleteTask("user_cleo");
    assert.deepEqual(await Promise.all([deletion(stage, task), deletion(stage, task)]), ["done", "done"]);
    assert.equal(stage.scim.requests.filter(({ method }) => method === "DELETE").length, 1);
  });

  test("T8 an unknown user: nothing to delete, said on the ground of a new roster", limit, async () => {
    await using stage = await scene(sharing);
    // The first task leaves a roster behind that others may share.
    await deletion(stage, deleteTask("user_cleo"));
    const before = rosterReadings(stage);
    assert.equal(await deletion(stage, deleteTask("user_nobody")), "gone");
    assert.ok(rosterReadings(stage) > before);
    assert.equal(stage.scim.effects.length, 1);
  });

  test("somebody who joined since the roster was read is found in a new one", limit, async () => {
    await using stage = await scene(sharing);
    await deletion(stage, deleteTask("user_emil"));
    stage.scim.seed("zoe@example.com");
    const { id = "" } = stage.link.signIn("zoe@example.com");
    assert.equal(await deletion(stage, deleteTask(id)), "done");
    assert.deepEqual(effectsOf(stage), ["deleted emil@example.com", "deleted zoe@example.com"]);
  });

  test("a removed member with a record: the record goes", limit, async () => {
    await using stage = await scene();
    assert.equal(await deletion(stage, deleteTask("user_gone")), "done");
    assert.deepEqual(effectsOf(stage), ["deleted gone@example.com"]);
  });

  test("a removed member without a record: nothing to delete", limit, async () => {
    await using stage = await scene({ scim: { users: without("gone@example.com") } });
    assert.equal(await deletion(stage, deleteTask("user_gone")), "gone");
    assert.deepEqual(effectsOf(stage), []);
  });

  test("a removed member without an address: nothing to delete", limit, async () => {
    await using stage = await scene({ members: [...team, { ...people.gone, id: "user_blank", email: "" }] });
    assert.equal(await deletion(stage, deleteTask("user_blank")), "gone");
  });

  test("an inactive record of an active member goes too", limit, async () => {
    await using stage = await scene({
      scim: { users: [...without("cleo@example.com"), { userName: "cleo@example.com", active: false }] },
    });
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "done");
    assert.deepEqual(directoryOf(stage), without("cleo@example.com"));
  });

  test("a person removed by somebody else since the roster was read is not called unmanaged", limit, async () => {
    await using stage = await scene(sharing);
    await deletion(stage, deleteTask("user_emil"));
    const [cleo] = stage.scim.records.filter(({ userName }) => userName === "cleo@example.com");
    stage.scim.remove(cleo?.id ?? "");
    assert.equal(await deletion(stage, deleteTask("user_cleo")), "gone");
  });

  test("an old id of a person who came back under another one: nothing to delete", limit, async () => {
    const old = { ...people.cleo, id: "user_old", role: "removed", isRemoved: true };
    await using stage = await scene({ members: [...team, old] });
    assert.equal(await deletion(stage, deleteTask("user_old")), "gone");
    assert.deepEqual(directoryOf(stage), users);
  });
});

suite("delete_resource: ids of other kinds", { concurrency: 3 }, () => {
  const nameless = { ...people.cleo, id: "", email: "Cleo@Example.com" };
  const rows: readonly (readonly [string, AccountSceneOptions, string, "done" | "gone"])[] = [
    ["of a row without an id", { members: [people.ada, nameless] }, "email:cleo@example.com", "done"],
    ["typed with capitals", { members: [people.ada, nameless] }, "email:Cleo@EXAMPLE.com", "done"],
    ["of a row that has an id by now", {}, "email:cleo@example.com", "done"],
    ["of a removed row", { members: [people.ada, { ...nameless, isRemoved: true }] }, "email:cleo@example.com", "done"],
    ["of nobody in Cursor, but in the directory", { members: [people.ada] }, "email:cleo@example.com", "done"],
    ["of nobody", {}, "email:zoe@example.com", "gone"],
    ["that holds no address", {}, "email:zoe", "gone"],
    ["that holds nothing", {}, "email:", "gone"],
  ];
  for (const [what, options, id, expected] of rows) {
    test(`an id made from an address, ${what}: ${expected}`, limit, async () => {
      await using stage = await scene(options);
      assert.equal(await deletion(stage, deleteTask(id)), expected);
      assert.deepEqual(effectsOf(stage), expected === "done" ? ["deleted cleo@example.com"] : []);
    });
  }

  test("with it the last administrator is protected as with another id", limit, async () => {
    const members = [people.ada, { ...people.bob, role: "member" }];
    await using stage = await scene({ members });
    for (const id of ["email:ada@example.com", "email:ADA@example.com", "user_ada"]) {
      await refused(stage, deleteTask(id), 9, /is the last active administrator/);
    }
  });

  for (const [what, row] of [
    ["a number beside the public id", { id: 4711, publicId: "user_cleo" }],
    ["a text of digits beside the public id", { id: "4711", publicId: "user_cleo" }],
  ] as const) {
    test(`Cursor's other id: ${what}`, limit, async () => {
      await using stage = await scene({ members: [people.ada, { ...people.cleo, ...row }] });
      assert.equal(await deletion(stage, deleteTask("4711")), "done");
      assert.deepEqual(effectsOf(stage), ["deleted cleo@example.com"]);
    });
  }

  test("Cursor's other id, when two members have it: 9", limit, async () => {
    const [first, second] = [people.cleo, people.emil].map(({ id, ...row }) => ({ ...row, id: 4711, publicId: id }));
    await using stage = await scene({ members: [people.ada, first, second] });
    await refused(stage, deleteTask("4711"), 9, /2 Cursor members share this id \(ids "user_cleo", "user_emil"\)/);
    assert.equal(await deletion(stage, deleteTask("user_emil")), "done");
  });
});

suite("delete_resource: whatever the directory is like, one record and the right one", { concurrency: 3 }, () => {
  const crowd = Array.from({ length: 230 }, (_, n) => `person${n}@example.com`);
  const quirks: readonly (readonly [string, ScimQuirks])[] = [
    ["filters are ignored", { filtersIgnored: true }],
    ["filters tell apart capitals", { filterCaseSensitive: true }],
    ["filters are refused", { filtersRefused: true }],
    ["filters are not there (501)", { filters501: true }],
    ["every list is the whole list", { ignoresPaging: true, filtersIgnored: true }],
    ["pages are short and the total is that of the page", { capPage: 50, totalResultsIsPageLength: true }],
    ["user names are stored in small letters", { lowerCasesUserName: true }],
    ["ETags are demanded", { etagSupported: true }],
  ];
  for (const [what, quirk] of quirks) {
    test(what, limit, async () => {
      const own = "Person117@Example.com";
      const members = [...team, { ...people.emil, id: "user_117", email: own }];
      await using stage = await scene({ members, scim: { users: crowd, quirks: quirk } });
      assert.equal(await deletion(stage, deleteTask("user_117"), 20_000), "done");
      assert.deepEqual(
        directoryOf(stage),
        crowd.filter((name) => name !== own.toLowerCase()),
      );
      await refused(stage, deleteTask("user_dora"), 9, /no record/);
    });
  }
});
