import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { suite, test } from "node:test";
import { type CursorServer, startCursorServer } from "../fakes/cursor-server.ts";
import { linkDirectory } from "../fakes/directory-link.ts";
import { type ScimFake, startScimServer } from "../fakes/scim-server.ts";
import { captureProcess } from "../helpers/capture-process.ts";
import { type ProcessEnd, spawnConnector } from "../helpers/daemon.ts";

const limit = { timeout: 60_000 };

interface Stage extends AsyncDisposable {
  readonly cursor: CursorServer;
  readonly scim: ScimFake;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program to its end, without a terminal. */
  run(...args: readonly string[]): Promise<ProcessEnd>;
}

/** Four active members, all of them in the directory, and one who has left. */
async function setStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const cursor = stack.use(await startCursorServer({ team: { active: 4, removed: 1 } }));
  const scim = stack.use(await startScimServer());
  scim.seed(...cursor.members.filter(({ isRemoved }) => isRemoved !== true).map(({ email = "" }) => email));
  stack.use(linkDirectory(cursor, scim));
  const env = {
    BATON_CURSOR_API_KEY: cursor.apiKey,
    BATON_CURSOR_BASE_URL: cursor.url,
    BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
    BATON_CURSOR_SCIM_TOKEN: scim.token,
  };
  const kept = stack.move();
  return {
    cursor,
    scim,
    env,
    async run(...args) {
      await using process = await spawnConnector(args, env, { shows: "people" });
      return await process.ended;
    },
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync();
      assert.deepEqual(scim.violations, []);
    },
  };
}

function member({ cursor }: Stage, index: number): { id: string; email: string } {
  const { email = "", id = "" } = cursor.members[index] ?? {};
  return { email, id };
}

function deletion(id: string, ...more: readonly string[]): readonly string[] {
  return ["--delete-resource", id, "--delete-resource-type", "user", ...more];
}

suite("accounts in a one-shot run", () => {
  test("creating needs no more than an e-mail address, and again changes nothing", limit, async () => {
    await using stage = await setStage();
    const first = await stage.run("--create-account-email", "new@example.com");
    assert.equal(first.code, 0);
    assert.match(
      first.stdout,
      /^new@example\.com is in the directory\. Cursor shows the account after the first sign-in/,
    );
    assert.match(first.stderr, /To be created in the SCIM directory:\n {2}e-mail +new@example\.com/);
    const second = await stage.run("--create-account-login", "NEW@example.com", "--output=json");
    assert.deepEqual(JSON.parse(second.stdout), { action: "create_account", result: "in_progress", resource: null });
    assert.deepEqual(
      stage.scim.effects.map(({ kind, userName }) => [kind, userName]),
      [["created", "new@example.com"]],
    );
  });

  test("the profile gives address and names; a member's answer holds the resource", limit, async () => {
    await using stage = await setStage();
    const profile = { email: "x@example.com", first_name: "Xi", last_name: "Yu" };
    assert.equal((await stage.run("--create-account-profile", JSON.stringify(profile))).code, 0);
    assert.deepEqual(stage.scim.records.at(-1)?.name, { givenName: "Xi", familyName: "Yu" });
    const { email, id } = member(stage, 2);
    const known = await stage.run("--create-account-email", email, "--output=json");
    const { resource, result } = JSON.parse(known.stdout);
    assert.deepEqual([result, resource.id.resource], ["already_exists", id]);
  });

  test("a deletion shows its target, and without a terminal it needs --yes", limit, async () => {
    await using stage = await setStage();
    const { email, id } = member(stage, 2);
    const refused = await stage.run(...deletion(id));
    assert.deepEqual([refused.code, refused.stdout], [9, ""]);
    assert.match(refused.stderr, new RegExp(`e-mail +${email}\\n`));
    assert.match(refused.stderr, /no terminal to ask.*add --yes/);
    assert.deepEqual(stage.scim.effects, []);

    const done = await stage.run(...deletion(id, "--yes", "--output=json"));
    assert.deepEqual([done.code, JSON.parse(done.stdout).result], [0, "deleted"]);
    assert.deepEqual(
      stage.scim.effects.map(({ kind, userName }) => [kind, userName]),
      [["deleted", email]],
    );
    const again = await stage.run(...deletion(id, "--yes", "--output=json"));
    assert.deepEqual([again.code, JSON.parse(again.stdout).result], [0, "gone"]);
  });

  test("--dry-run looks everything up and changes nothing", limit, async () => {
    await using stage = await setStage();
    const { id } = member(stage, 2);
    for (const args of [deletion(id, "--dry-run"), ["--create-account-email", "new@example.com", "--dry-run"]]) {
      const { code, stderr, stdout } = await stage.run(...args);
      assert.deepEqual([code, stdout], [0, "Dry run: nothing was changed.\n"]);
      assert.match(stderr, /To be (deleted|created) in the SCIM directory/);
    }
    assert.deepEqual(stage.scim.effects, []);
  });

  test("failures end with the number of their code, in JSON too", limit, async () => {
    await using stage = await setStage();
    const lastAdmins = [member(stage, 0).id, member(stage, 1).id];
    assert.equal((await stage.run(...deletion(lastAdmins[0] ?? "", "--yes"))).code, 0);
    const last = await stage.run(...deletion(lastAdmins[1] ?? "", "--yes", "--output=json"));
    assert.equal(last.code, 9);
    assert.equal(JSON.parse(last.stdout).error.code, "failed_precondition");
    assert.match(last.stderr, /last active administrator/);

    const role = await stage.run("--delete-resource=owner", "--delete-resource-type=role", "--yes");
    assert.equal(role.code, 12);
    assert.equal((await stage.run("--create-account-email=nobody")).code, 3);
    stage.scim.setToken("another");
    assert.equal((await stage.run("--create-account-email=new@example.com")).code, 16);
  });

  test("combinations that mean nothing are refused before anything is asked", limit, async () => {
    await using stage = await setStage();
    const both = await stage.run(...deletion("1"), "--create-account-email=a@example.com");
    assert.equal(both.code, 2);
    assert.match(both.stderr, /cannot be combined/);
    const untyped = await stage.run("--delete-resource=1");
    assert.equal(untyped.code, 2);
    assert.match(untyped.stderr, /--delete-resource-type .* is required together with the resource id/);
    assert.equal((await stage.run("--create-account-profile=[]")).code, 2);
    // A variable of a script that is empty must not turn a deletion into a sync.
    assert.equal((await stage.run("--delete-resource=", "--delete-resource-type=user")).code, 2);
    assert.equal((await stage.run("--create-account-email=")).code, 2);
    assert.equal((await stage.run("--dry-run")).code, 2);
    assert.deepEqual([stage.scim.requests.length, stage.cursor.requests.length], [0, 0]);
  });

  test("without a directory it says what to set", limit, async () => {
    await using stage = await setStage();
    const { BATON_CURSOR_SCIM_ENDPOINT: _endpoint, BATON_CURSOR_SCIM_TOKEN: _token, ...env } = stage.env;
    await using process = await spawnConnector(["--create-account-email=new@example.com"], env);
    const { code, stderr } = await process.ended;
    assert.equal(code, 12);
    assert.match(stderr, /set BATON_CURSOR_SCIM_ENDPOINT and BATON_CURSOR_SCIM_TOKEN/);
  });
});

const pseudoTerminal = spawnSync("script", ["--version"]).status === 0;
const noTerminal = pseudoTerminal ? false : "SKIPPED: needs the program script (util-linux) for a pseudo-terminal";

suite("a deletion at a terminal", { skip: noTerminal }, () => {
  async function answer(stage: Stage, id: string, words: string): Promise<{ code: number | null; screen: string }> {
    const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;
    const command = [executable, ...deletion(id)].join(" ");
    const capture = captureProcess([], stage.env, { shows: "people" });
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: { ...process.env, ...stage.env } });
    let screen = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      screen += text;
      if (screen.includes("Type yes: ") && child.stdin.writable) child.stdin.end(`${words}\n`);
    });
    const [code] = await once(child, "close");
    capture.lookAtOutput({ stdout: screen, stderr: "" });
    capture.end();
    return { code, screen };
  }

  test("asks, and anything but yes leaves everything as it is", limit, async () => {
    await using stage = await setStage();
    const { email, id } = member(stage, 2);
    const no = await answer(stage, id, "no");
    assert.equal(no.code, 1, no.screen);
    assert.match(no.screen, new RegExp(email));
    assert.match(no.screen, /Nothing was changed/);
    assert.deepEqual(stage.scim.effects, []);
    const yes = await answer(stage, id, "yes");
    assert.equal(yes.code, 0, yes.screen);
    assert.equal(stage.scim.effects.length, 1);
  });
});
