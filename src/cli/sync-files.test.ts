import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { configInput } from "../../test/helpers/config-input.ts";
import { recorder } from "../../test/helpers/recorder.ts";
import { sampleMembers, sampleSync } from "../../test/helpers/sample-sync.ts";
import { smallTeam, writeSync } from "../../test/helpers/written-sync.ts";
import { StatusError } from "../baton/status-error.ts";
import { diffCommand } from "./diff.ts";
import { inspectCommand } from "./inspect.ts";

const stop = new AbortController().signal;

suite("looking into sync files", () => {
  const directory = mkdtempSync(join(tmpdir(), "inspect-"));
  const [oldFile, newFile] = [join(directory, "old.c1z"), join(directory, "new.c1z")];
  after(() => rmSync(directory, { recursive: true }));
  before(async () => {
    writeFileSync(oldFile, (await writeSync(smallTeam)).bytes);
    const next = sampleSync([
      { id: "user_9fQ2", role: "member" },
      { id: "email:c@d", role: "member", removed: true },
      { id: "user_new", role: "owner" },
    ]);
    const before = smallTeam.users.find(({ id }) => id.resource === "user_b");
    assert.ok(before);
    const emailOfB = before.email ?? before.login;
    const users = next.users.map((user) =>
      user.id.resource === "user_new" ? { ...user, email: emailOfB, login: emailOfB } : user,
    );
    writeFileSync(newFile, (await writeSync({ ...next, users })).bytes);
  });

  async function inspect(...argv: string[]) {
    const out = recorder({ shows: "people" });
    const code = await inspectCommand({ out, stop, input: configInput({ argv: ["inspect", ...argv] }) });
    return { code, ...out.text() };
  }

  async function diff(...argv: string[]) {
    const out = recorder({ shows: "people" });
    const code = await diffCommand({ out, stop, input: configInput({ argv: ["diff", ...argv] }) });
    return { code, ...out.text() };
  }

  test("the summary says how much of what is in the file", async () => {
    const { code, stdout } = await inspect(oldFile);
    assert.equal(code, 0);
    assert.match(stdout, /^user +3$/m);
    assert.match(stdout, /^grants +2$/m);
    const json = JSON.parse((await inspect(oldFile, "--output=json")).stdout);
    assert.deepEqual([json.resources, json.grants, json.syncs], [{ role: 3, user: 3 }, 2, 1]);
  });

  test("tables row by row, as columns and as JSON lines", async () => {
    const { stdout } = await inspect(oldFile, "--table", "users");
    assert.deepEqual(
      stdout.split("\n").map((line) => line.split("\t")[1]),
      ["id", "email:c@d", "user_9fQ2", "user_b", undefined],
    );
    const lines = (await inspect(oldFile, "--table=entitlements", "--output=json")).stdout.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).resourceId),
      ["free-owner", "member", "owner"],
    );
  });

  test("one user by id or address, one role", async () => {
    assert.match((await inspect(oldFile, "--user", "user_b")).stdout, /role:member:assigned:user:user_b\t/);
    assert.equal((await inspect(oldFile, "--user", "nobody")).stdout, "");
    const owners = (await inspect(oldFile, "--role", "owner", "--output=json")).stdout.trim().split("\n");
    assert.deepEqual(
      owners.map((line) => JSON.parse(line).principalId),
      ["user_9fQ2"],
    );
  });

  test("what is not there is one clear line and an exit code", async () => {
    for (const [argv, expected, words] of [
      [[join(directory, "none.c1z")], 5, /there is no file/],
      [[oldFile, "--sync", "x"], 5, /holds no sync "x"; it holds /],
      [[oldFile, "--table", "x"], 3, /no table x/],
      [[], 2, /needs 1 file/],
      [[oldFile, "--tabel", "users"], 2, /did you mean --table/],
    ] as const) {
      const { code, stderr, stdout } = await inspect(...argv);
      assert.deepEqual([code, stdout], [expected, ""], stderr);
      assert.match(stderr, words);
    }
  });

  test("a diff names what came, went and changed, and ids that changed for the same address", async () => {
    const { code, stdout } = await diff(oldFile, newFile);
    assert.equal(code, 0);
    assert.match(stdout, /^\+ resource +user:user_new /m);
    assert.match(stdout, /^- resource +user:user_b /m);
    assert.match(stdout, /^! resource +user_new {2}.* was user_b$/m);
    assert.match(stdout, /^\+ grant +role:member:assigned:user:user_9fQ2$/m);
    assert.match(stdout, /^- grant +role:owner:assigned:user:user_9fQ2$/m);
    assert.match(stdout, /1 resource id changed/);
    const json = (await diff(oldFile, newFile, "--output=json")).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(json.some(({ change }) => change === "id_changed"));
    assert.equal((await diff(oldFile, oldFile)).stdout, "no difference\n");
  });

  test("names with control characters cannot speak to the terminal", async () => {
    const path = join(directory, "evil.c1z");
    const users = smallTeam.users.map((user) => ({ ...user, displayName: "a\u001b[31mb" }));
    writeFileSync(path, (await writeSync({ ...smallTeam, users })).bytes);
    assert.ok(!(await inspect(path, "--table=users")).stdout.includes("\u001b"));
  });

  suite("many rows", () => {
    const manyFile = join(directory, "many.c1z");
    const count = 10_000;
    before(async () => {
      writeFileSync(manyFile, (await writeSync(sampleSync(sampleMembers(count)))).bytes);
    });
    const calls: readonly (readonly [run: typeof inspectCommand, argv: readonly string[]])[] = [
      [inspectCommand, ["inspect", manyFile, "--table=users"]],
      [inspectCommand, ["inspect", manyFile, "--table=grants", "--output=json"]],
      [diffCommand, ["diff", oldFile, manyFile]],
      [diffCommand, ["diff", manyFile, oldFile, "--output=json"]],
    ];
    for (const [run, argv] of calls) {
      const words = argv.map((word) => word.replace(`${directory}/`, "")).join(" ");
      test(`${words} hears soon that it is to stop`, async () => {
        const out = recorder({ shows: "people" });
        const interrupt = new AbortController();
        let printed = 0;
        const stdout = (text: string): void => {
          printed += 1;
          // Heard at the next turn of the event loop, as a signal is.
          if (printed === 1) setImmediate(() => interrupt.abort(new StatusError("unavailable", "stop")));
          out.stdout(text);
        };
        const code = await run({ out: { ...out, stdout }, stop: interrupt.signal, input: configInput({ argv }) });
        assert.deepEqual([code, out.text().stderr], [1, "baton-cursor: interrupted\n"]);
        assert.ok(printed <= 2_001, `${printed} rows were printed`);
      });
    }

    /** A grant for every member but each seventh. */
    const [users, grants] = [count / 1_000, Math.floor((count * 6) / 7 / 1_000)];
    const silent: readonly (readonly [run: typeof inspectCommand, argv: readonly string[], least: number])[] = [
      [inspectCommand, ["inspect", manyFile, "--table=users", "--user=nobody"], users],
      [inspectCommand, ["inspect", manyFile, "--user=nobody"], users + grants],
      [inspectCommand, ["inspect", manyFile, "--role=free-owner"], grants],
      [diffCommand, ["diff", manyFile, manyFile], users + grants],
    ];
    for (const [run, argv, least] of silent) {
      const words = argv.map((word) => word.replace(`${directory}/`, "")).join(" ");
      test(`${words} lets others have their turn although it prints nothing`, async () => {
        let turns = 0;
        using counter = new DisposableStack();
        const hook = createHook({
          init: (_id, type) => {
            if (type === "Immediate") turns += 1;
          },
        }).enable();
        counter.defer(() => hook.disable());
        const out = recorder({ shows: "people" });
        const code = await run({ out, stop, input: configInput({ argv }) });
        assert.equal(code, 0, out.text().stderr);
        assert.ok(turns >= least, `${turns} turns`);
      });
    }
  });
});
