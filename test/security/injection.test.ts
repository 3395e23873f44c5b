import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { MemberRow } from "../fakes/cursor-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { people, setAccountScene, team } from "../integration/account-scene.ts";
import { createTask, creationArm, deleteTask } from "../integration/account-stage.ts";
import { processEnv, setScene, startStandIns, syncTask } from "../integration/scene.ts";
import { nasty } from "./nasty.ts";
import { inScratch } from "./scratch.ts";

const limit = { timeout: 60_000 };

const nastyRow = (name: string, index: number): MemberRow => ({
  id: `user_nasty${index}`,
  name,
  email: `nasty${index}@example.com`,
  role: "member",
  isRemoved: false,
});

/** Fails when a line is not one JSON object with a message. */
function assertJsonLines(text: string): void {
  for (const line of text.split("\n").filter((part) => part !== "")) {
    const parsed: unknown = JSON.parse(line);
    assert.ok(typeof parsed === "object" && parsed !== null && "msg" in parsed, `not a log line of ours: ${line}`);
    assert.ok(!("msg" in parsed && parsed.msg === "forged"), "a line of the log is forged");
  }
}

suite("names that are more than names", { concurrency: 2 }, () => {
  test("a roster full of them: synced as they are, and every line of the log is ours", limit, async () => {
    await using stage = await startStandIns();
    const { c1, cursor } = stage;
    cursor.setMembers([{ ...nastyRow("Ada", 99), role: "owner" }, ...nasty.map(nastyRow)]);
    await using daemon = await spawnConnector(
      [],
      processEnv(stage, { BATON_LOG_LEVEL: "debug", BATON_LOG_PII: "true" }),
    );
    const end = await c1.awaitFinish(c1.enqueue(syncTask));
    assert.equal(end.ok, true, end.message);
    assert.equal(c1.uploads.at(-1)?.contents?.grants, nasty.length + 1);
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0);
    assertJsonLines(stderr);
  });

  for (const what of ["role", "email", "id"] as const) {
    test(`a roster whose ${what} is one of them: a sync or a refusal, never a broken line`, limit, async () => {
      await using stage = await startStandIns();
      const { c1, cursor } = stage;
      await using daemon = await spawnConnector([], processEnv(stage, { BATON_LOG_LEVEL: "debug" }));
      for (const [index, text] of nasty.entries()) {
        cursor.setMembers([
          { ...nastyRow("Ada", 99), role: "owner" },
          { ...nastyRow("Bob", index), [what]: text },
        ]);
        const { ok, message } = await c1.awaitFinish(c1.enqueue(syncTask));
        if (!ok) assert.match(message, /^[^\p{Cc}\u2028\u2029]+$/u);
      }
      daemon.kill("SIGTERM");
      assertJsonLines((await daemon.ended).stderr);
    });
  }

  test("on a terminal nothing of them acts: inspect and diff show no control characters", limit, () =>
    inScratch(async (cwd) => {
      await using stage = await startStandIns();
      const { cursor } = stage;
      const env = { BATON_CURSOR_API_KEY: cursor.apiKey, BATON_CURSOR_BASE_URL: cursor.url };
      const run = async (...args: readonly string[]): Promise<string> => {
        await using process = await spawnConnector(args, env, { cwd, shows: "people" });
        const { code, stdout, stderr } = await process.ended;
        assert.equal(code, 0, stderr);
        return stdout + stderr;
      };
      cursor.setMembers([{ ...nastyRow("Ada", 99), role: "owner" }]);
      await run("--file", "old.c1z");
      cursor.setMembers([{ ...nastyRow("Ada", 99), role: "owner" }, ...nasty.map(nastyRow)]);
      await run("--file", "new.c1z");
      const shown = [
        await run("inspect", "new.c1z"),
        await run("inspect", "new.c1z", "--table=users"),
        await run("diff", "old.c1z", "new.c1z"),
      ].join("");
      assert.match(shown, /nasty3@example\.com/);
      assert.doesNotMatch(shown, /[^\P{Cc}\n\t]|[\u2028\u2029\u202e]/u);
    }),
  );
});

suite("tasks that are more than tasks", { concurrency: 2 }, () => {
  test("an e-mail address with a line break or a filter in it: 3, and the directory is not asked", limit, async () => {
    await using scene = await setAccountScene();
    let refused = 0;
    for (const text of [...nasty, 'a"or"b']) {
      const before = scene.scim.requests.length;
      const end = await scene.c1.awaitFinish(scene.c1.enqueue(createTask(`${text}@example.com`)));
      // Some are odd, but addresses all the same.
      if (!/[\p{Cc}\p{Zl}\p{Zp}"\s]/u.test(text) && scene.scim.requests.length > before) continue;
      assert.equal(end.code, 3, `${JSON.stringify(text)}: ${end.message}`);
      assert.equal(scene.scim.requests.length, before, JSON.stringify(text));
      refused += 1;
    }
    assert.ok(refused >= 3);
    const created = scene.scim.effects.map(({ userName }) => userName);
    for (const userName of created) assert.doesNotMatch(userName, /[\p{Cc}"\s]/u);
    assertJsonLines(scene.daemon.logLines.join(""));
  });

  test("an id with a path, a filter or a line break in it: no such member, and nobody is deleted", limit, async () => {
    await using scene = await setAccountScene();
    const ids = [...nasty, `${people.cleo.id}/../${people.dora.id}`, `email:${nasty[4]}`, ".", "..", "Users"];
    for (const id of ids) {
      const end = await scene.c1.awaitFinish(scene.c1.enqueue(deleteTask(id)));
      assert.ok(!end.ok || end.annotations.length > 0, `${JSON.stringify(id)} was deleted`);
    }
    assert.deepEqual(scene.scim.effects, []);
    assert.deepEqual(
      scene.cursor.requests.filter(({ method }) => method !== "GET"),
      [],
    );
    for (const { path } of scene.scim.requests) assert.match(path, /^\/(Users|ServiceProviderConfig)(\/[^/]+)?$/);
  });

  test("a SCIM id with a path in it stays one segment", limit, async () => {
    const id = "../Groups/1?x=y#z";
    await using scene = await setAccountScene({
      scim: {
        users: [
          { id, userName: people.cleo.email },
          ...team.filter((row) => row !== people.cleo).map(({ email }) => email.toLowerCase()),
        ],
      },
    });
    const end = await scene.c1.awaitFinish(scene.c1.enqueue(deleteTask(people.cleo.id)));
    assert.equal(end.ok, true, end.message);
    const writes = scene.scim.requests.filter(({ method }) => method !== "GET").map(({ path }) => path);
    assert.deepEqual(new Set(writes), new Set([`/Users/${encodeURIComponent(id)}`]));
  });

  test("a task id that is a path: nothing is written outside the temporary directory", limit, () =>
    inScratch(async (root) => {
      const tempDir = join(root, "a", "b", "c");
      await mkdir(tempDir, { recursive: true });
      await using stage = await startStandIns({ c1: { taskIds: "any" } });
      const { c1 } = stage;
      await using daemon = await spawnConnector([], { ...processEnv(stage), BATON_TMPDIR: tempDir });
      const inside = join("a", "b", "c", "");
      const outside = new Set<string>();
      const watching = setInterval(() => {
        const names = readdirSync(root, { recursive: true }).map(String);
        for (const name of names)
          if (!`${name}/`.startsWith(inside) && !inside.startsWith(`${name}/`)) outside.add(name);
      }, 2);
      try {
        for (const id of ["../../outside", "/outside", "..\\..\\outside", "a/../../outside", "../b/c/inside"]) {
          const end = await c1.awaitFinish(c1.enqueue({ ...syncTask, id, debug: true }));
          assert.equal(end.ok, true, `${id}: ${end.message}`);
          const kinds = c1.uploads.filter(({ taskId, ok }) => taskId === id && ok).map(({ kind }) => kind);
          assert.deepEqual(kinds.sort(), ["c1z", "debug_log"], id);
        }
      } finally {
        clearInterval(watching);
      }
      assert.deepEqual([...outside], []);
      daemon.kill("SIGTERM");
      await daemon.ended;
      const files = readdirSync(root, { recursive: true }).map(String).sort();
      assert.deepEqual(
        files.filter((name) => statSync(join(root, name)).isFile()),
        [],
      );
      assert.deepEqual(files, ["a", join("a", "b"), join("a", "b", "c")]);
    }),
  );
});

suite("JSON that reaches for the prototype", () => {
  /** As a literal, `__proto__` would set the prototype; parsed, it is a member like any other. */
  const poisoned = (row: object, poison: object): unknown =>
    JSON.parse(
      JSON.stringify({ ...row, polluted: "no" }).replace(
        /^\{/,
        `{"__proto__":${JSON.stringify({ ...poison, polluted: "yes" })},"constructor":{"prototype":${JSON.stringify(poison)}},`,
      ),
    );

  test("in a roster: the sync is the same, and no object has changed", limit, async () => {
    await using scene = await setScene();
    const { c1, cursor } = scene;
    const contents = async () => {
      const end = await c1.awaitFinish(c1.enqueue(syncTask));
      assert.equal(end.ok, true, end.message);
      const { users, roles, grants } = c1.uploads.at(-1)?.contents ?? assert.fail("nothing was uploaded");
      return { users, roles, grants };
    };
    // What a row does not say itself is what a poisoned prototype would say.
    const rows = cursor.members
      .filter(({ isRemoved }) => isRemoved !== true)
      .map(({ email, name, role }) => ({ email, name, role }));
    cursor.setMembers(rows);
    const plain = await contents();
    assert.equal(plain.users, rows.length);
    const poison = { isRemoved: true, id: "user_poison", publicId: "user_poison" };
    cursor.setMembers(rows.map((row) => poisoned(row, poison)));
    assert.deepEqual(await contents(), plain);
    assert.equal("polluted" in {}, false);
  });

  test("in the directory's answers: the record is what it says itself, and no object has changed", limit, async () => {
    const id = "cleo-1";
    await using scene = await setAccountScene({ scim: { users: [{ id, userName: people.cleo.email }] } });
    const { scim, c1 } = scene;
    const record = poisoned(
      { id, userName: people.cleo.email },
      { active: false, emails: [{ value: "evil@example.com" }] },
    );
    const list = poisoned({ totalResults: 1, Resources: [record] }, { totalResults: 9, itemsPerPage: 1 });
    scim.script({ on: { method: "GET", path: /^\/Users$/ }, times: 9, json: list });
    const end = await c1.awaitFinish(c1.enqueue(createTask(people.cleo.email)));
    assert.equal(end.ok, true, end.message);
    assert.equal(creationArm(end), "alreadyExists");
    assert.deepEqual(scim.effects, []);
    assert.equal("polluted" in {}, false);
  });

  test("in the token's answer: what only its prototype says is not there", limit, async () => {
    const answer = poisoned({ token_type: "Bearer" }, { access_token: "evil", expires_in: 3600 });
    await using scene = await setScene({ before: ({ token }) => token.answerNext(JSON.stringify(answer), 2) });
    await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.equal(scene.c1.calls("Hello").length, 1);
    assert.equal(scene.c1.token.requests.length, 3);
    assert.equal("polluted" in {}, false);
  });

  test("in an account's profile: the account is made from its own fields", limit, async () => {
    await using scene = await setAccountScene();
    const profile = JSON.parse('{"__proto__":{"first_name":"Evil"},"last_name":"Right"}');
    const value = { accountInfo: { emails: [{ address: "new@example.com", isPrimary: true }], profile } };
    await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: "createAccount", value } }));
    const record = scene.scim.records.find(({ userName }) => userName === "new@example.com");
    assert.match(JSON.stringify(record?.name), /Right/);
    assert.doesNotMatch(JSON.stringify(record), /Evil/);
    assert.equal("first_name" in {}, false);
  });
});
