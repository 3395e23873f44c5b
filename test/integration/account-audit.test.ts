import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type AccountScene,
  type AccountSceneOptions,
  accountTask,
  always,
  auditLines,
  outcome,
  people,
  refused,
  setAccountScene,
} from "./account-scene.ts";
import { createTask, deleteTask } from "./account-stage.ts";

const limit = { timeout: 40_000 };
const others = ["ada@example.com", "bob@example.com", "cleo@example.com", "ödön.ő@example.com"];
/** A row without an id of Cursor's: its resource id is made from the address. */
const nameless = { ...people.emil, id: "", email: "Ödön.Ő@Example.com" };

function scene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  const members = [people.ada, people.bob, people.cleo, nameless];
  return setAccountScene({ members, scim: { users: others }, ...options });
}

/** What is logged must hold none of these, nor anything that looks like an address. */
function assertNobodyNamed({ daemon }: AccountScene, ...parts: readonly string[]): void {
  for (const line of daemon.logLines) {
    for (const part of parts) assert.ok(!line.includes(part), `${part} in ${line}`);
    assert.doesNotMatch(line, /[^\s"]@[^\s"]/, line);
  }
}

suite("the audit trail", { concurrency: 3 }, () => {
  test("one line for each change, with the task, the target as a digest, and the result", limit, async () => {
    await using stage = await scene();
    const { c1 } = stage;
    const tasks = [createTask("zoe@example.com"), createTask("cleo@example.com"), deleteTask("user_cleo")];
    const ids: string[] = [];
    for (const task of tasks) {
      const id = c1.enqueue(task);
      assert.equal((await c1.awaitFinish(id)).ok, true);
      ids.push(id);
    }
    const lines = auditLines(stage);
    const common = { level: "info", msg: "provisioning action" };
    assert.deepEqual(
      lines.map(({ target: _target, ...fields }) => fields),
      [
        { ...common, task_id: ids[0], task_type: "create_account", action: "create_account", result: "in_progress" },
        { ...common, task_id: ids[1], task_type: "create_account", action: "create_account", result: "already_exists" },
        { ...common, task_id: ids[2], task_type: "delete_resource", action: "delete_resource", result: "deleted" },
      ],
    );
    const targets = lines.map(({ target }) => String(target));
    assert.match(targets[0] ?? "", /^email:person-[0-9a-f]{12}$/);
    assert.match(targets[1] ?? "", /^email:person-[0-9a-f]{12}$/);
    assert.notEqual(targets[0], targets[1]);
    assert.equal(targets[2], "user:user_cleo");
    assertNobodyNamed(stage, "zoe", "cleo@");
  });

  test("letters beyond ASCII, and ids made from addresses: the same digest for the same person", limit, async () => {
    await using stage = await scene();
    await outcome(stage, accountTask({ accountInfo: { profile: { email: "Ödön.Ő@Example.com" } } }));
    await outcome(stage, deleteTask("email:ödön.ő@example.com"));
    await outcome(stage, deleteTask("email:ödön.ő@bücher.example"));
    const [created, deleted, unknown] = auditLines(stage).map(({ target, result }) => [String(target), result]);
    assert.deepEqual([created?.[1], deleted?.[1], unknown?.[1]], ["already_exists", "deleted", "gone"]);
    assert.match(String(created?.[0]), /^email:person-[0-9a-f]{12}$/);
    assert.equal(deleted?.[0], `user:${created?.[0]}`);
    assert.match(String(unknown?.[0]), /^user:email:person-[0-9a-f]{12}$/);
    assertNobodyNamed(stage, "dön", "Ő", "ő", "ücher");
  });

  test("what fails has a line with the code; neither it nor the other lines name anybody", limit, async () => {
    const answer = { status: 400, json: { detail: "zoe@example.com: domain not verified" } };
    await using stage = await scene({ before: ({ scim }) => scim.script(always("POST", answer)) });
    await refused(stage, createTask("zoe@example.com"), 3, /domain not verified/);
    assert.equal((await outcome(stage, deleteTask("email:zoe@example.com"))).ok, true);
    const [line] = auditLines(stage);
    assert.deepEqual([line?.["level"], line?.["result"], line?.["code"]], ["warn", "failed", "invalid_argument"]);
    assertNobodyNamed(stage, "zoe");
  });

  test("a dry run says what it declined", limit, async () => {
    await using stage = await scene({ env: { BATON_PROVISIONING_DRY_RUN: "true" } });
    await refused(stage, createTask("zoe@example.com"), 9, /^dry run/);
    await refused(stage, deleteTask("user_cleo"), 9, /^dry run/);
    assert.deepEqual(
      auditLines(stage).map(({ action, level, result }) => [action, level, result]),
      [
        ["create_account", "info", "declined"],
        ["delete_resource", "info", "declined"],
      ],
    );
  });

  test("what is refused before anything is looked up leaves no line", limit, async () => {
    await using stage = await scene({ env: { BATON_PROVISIONING: "false" } });
    await refused(stage, createTask("zoe@example.com"), 9, /not enabled/);
    await refused(stage, deleteTask("user_cleo"), 9, /not enabled/);
    assert.deepEqual(auditLines(stage), []);
  });

  test("BATON_LOG_PII=true: the address itself", limit, async () => {
    await using stage = await scene({ env: { BATON_LOG_PII: "true" } });
    await outcome(stage, createTask("zoë@example.com"));
    await outcome(stage, deleteTask("email:ödön.ő@example.com"));
    assert.deepEqual(
      auditLines(stage).map(({ target }) => target),
      ["email:zoë@example.com", "user:email:ödön.ő@example.com"],
    );
  });
});
