import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CursorOptions } from "../fakes/cursor-server.ts";
import { linkDirectory } from "../fakes/directory-link.ts";
import { startScimServer } from "../fakes/scim-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { processEnv, startStandIns } from "./scene.ts";

const limit = { timeout: 60_000 };

async function setStage(cursor: CursorOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await startStandIns({ cursor }));
  const scim = stack.use(await startScimServer());
  stack.use(linkDirectory(stage.cursor, scim));
  const active = stage.cursor.members.filter(({ isRemoved }) => isRemoved !== true).map(({ email = "" }) => email);
  scim.seed(...active.slice(1), "pending@example.com");
  const env = processEnv(stage, { BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint, BATON_CURSOR_SCIM_TOKEN: scim.token });
  const kept = stack.move();
  return {
    ...stage,
    scim,
    unmanaged: active[0] ?? "",
    async run(args: readonly string[], changes: Readonly<Record<string, string>> = {}) {
      await using process = await spawnConnector(
        ["doctor", ...args],
        { ...env, ...changes },
        { shows: args.includes("--list-people") ? "people" : undefined },
      );
      return await process.ended;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

suite("doctor", () => {
  test("a right set-up: a checklist without failures, nobody named, nothing changed", limit, async () => {
    await using stage = await setStage();
    const { code, stderr, stdout } = await stage.run([]);
    assert.equal(code, 0, stdout + stderr);
    for (const line of [
      /^ok +configuration: right, for service mode$/m,
      /^ok +temporary directory: .* MiB free$/m,
      /^(?:ok|warning) +C1: TLS: TLSv1\.3, certificate good for \d+ days$/m,
      /^ok +C1: token: /m,
      /^skipped +C1: Hello: add --hello/m,
      /^ok +Cursor: key: accepted$/m,
      /^ok +Cursor: member list: 5 rows, 4 active, \d+ bytes, not paginated$/m,
      /^ok +Cursor: member list, ids: 5 user_ text$/m,
      /^ok +SCIM: users: address and token accepted; 4 users, 4 on a page of 100$/m,
      /^ok +SCIM: filters: can be trusted$/m,
      /^ok +people managed through SCIM: 3$/m,
      /^ok +people in SCIM who have not signed in to Cursor: 1$/m,
      /^warning +members whom SCIM does not know: 1$/m,
    ]) {
      assert.match(stdout, line);
    }
    assert.doesNotMatch(stdout + stderr, /@/);
    assert.equal(stage.c1.calls("Hello").length, 0);
    assert.equal(stage.cursor.requests.filter(({ path }) => path === "/teams/members").length, 1, "read once");
    assert.deepEqual([stage.scim.effects, stage.scim.violations], [[], []]);
  });

  test("a team in pages: all of them count", limit, async () => {
    await using stage = await setStage({ team: { active: 6, removed: 1 }, pageSize: 3 });
    const { code, stdout } = await stage.run(["--list-people"]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ok +Cursor: member list: 7 rows, 6 active, \d+ bytes, in 3 page\(s\)$/m);
    assert.match(stdout, /^ok +people managed through SCIM: 5$/m);
    assert.match(stdout, /^ok +people in SCIM who have not signed in to Cursor: 1 \(pending@example\.com\)$/m);
    assert.ok(stdout.includes(`members whom SCIM does not know: 1 (${stage.unmanaged})`), stdout);
    assert.equal(stage.cursor.requests.filter(({ path }) => path === "/teams/members").length, 3, "each read once");
  });

  test("a member list that cannot be read: people are not compared, and that is said", limit, async () => {
    await using stage = await setStage();
    const { stdout } = await stage.run([], { BATON_CURSOR_API_KEY: "key_wrong" });
    assert.match(stdout, /^skipped +people: the member list was not read$/m);
  });

  test("what is there is shown on one line each, whatever it holds", limit, async () => {
    const cleo = { id: "user_c", name: "", email: "cleo@example.com", role: "odd\u001b[2Jrole", isRemoved: false };
    await using stage = await setStage();
    stage.cursor.setMembers([cleo, { ...cleo, id: "user_d", role: "constructor" }]);
    const { stdout } = await stage.run([]);
    assert.match(stdout, /^ok +Cursor: member list, roles: 1 odd \[2Jrole, 1 constructor$/m);
    assert.doesNotMatch(stdout, /(?!\n)\p{Cc}/u);
  });

  test("--hello says Hello once; --list-people names those in one place only", limit, async () => {
    await using stage = await setStage();
    const { code, stdout } = await stage.run(["--hello", "--list-people"]);
    assert.equal(code, 0, stdout);
    assert.equal(stage.c1.calls("Hello").length, 1);
    assert.ok(stdout.includes(`1 (${stage.unmanaged})`), stdout);
    assert.match(stdout, /1 \(pending@example\.com\)/);
  });

  test("every failure says what to do next, soon, and once", limit, async () => {
    await using stage = await setStage();
    const proxy = { HTTPS_PROXY: "http://127.0.0.1:1", BATON_CURSOR_BASE_URL: "https://cursor.example.com" };
    const cases: readonly (readonly [string, () => Readonly<Record<string, string>>, RegExp])[] = [
      [
        "a proxy that is not there",
        () => proxy,
        /^FAILED +Cursor: key: the proxy 127\.0\.0\.1:1 refused .*\n +-> .*HTTPS_PROXY/m,
      ],
      [
        "a rate limit",
        () => {
          stage.cursor.script({ status: 429, headers: { "retry-after": "60" }, json: { error: "x" }, times: 9 });
          return {};
        },
        /^FAILED +Cursor: key: Cursor's rate limit is reached.*\n +-> .*REQUESTS_PER_MINUTE/m,
      ],
      [
        "an outage of Cursor",
        () => {
          stage.cursor.script({ status: 503, json: { error: "x" }, times: 9 });
          return {};
        },
        /^FAILED +Cursor: key: .* answered HTTP 503.*\n +-> try again in some minutes; /m,
      ],
      [
        "a clock that is ten minutes late",
        () => {
          const date = new Date(Date.now() + 600_000).toUTCString();
          stage.cursor.script({ status: 404, headers: { date }, json: {}, times: 1 });
          return {};
        },
        /^FAILED +Cursor: clock: this machine's clock is \d+ s behind it\n +-> set the clock of the node \(NTP\)/m,
      ],
      [
        "a temporary directory that is not writable",
        () => ({ BATON_C1Z_TEMP_DIR: "/proc/self" }),
        /^FAILED +configuration: .*not writable\n +-> name an existing, writable directory/m,
      ],
      [
        "a client that C1 no longer knows",
        () => {
          stage.c1.token.failNext(401, 9);
          return {};
        },
        /^FAILED +C1: token: .*HTTP 401.*\n +-> .*rotated or revoked in C1.*clock/m,
      ],
    ];
    for (const [name, prepare, expected] of cases) {
      const changes = prepare();
      const startMs = performance.now();
      const { code, stdout } = await stage.run([], changes);
      assert.equal(code, 9, `${name}: ${stdout}`);
      assert.match(stdout, expected, name);
      assert.doesNotMatch(stdout, /^FAILED.*\n(?! +->)/m, name);
      assert.ok(performance.now() - startMs < 30_000, name);
      stage.cursor.clearScript();
      stage.c1.token.clearScript();
    }
    const { stdout } = await stage.run([], { BATON_CURSOR_SCIM_TOKEN: "wrong-token" });
    assert.equal(stdout.match(/^FAILED/gm)?.length, 1, stdout);
    assert.match(stdout, /^skipped +people: the directory was not read$/m);
  });

  test("as JSON, for machines", limit, async () => {
    await using stage = await setStage();
    const { ok, findings } = JSON.parse((await stage.run(["--json"])).stdout);
    assert.deepEqual(JSON.parse((await stage.run(["--output=json"])).stdout).ok, ok);
    assert.equal(ok, true);
    assert.ok(findings.length > 10);
    assert.deepEqual(Object.keys(findings[0]), ["name", "status", "detail", "fix"]);
  });

  test("what is wrong is told apart, with what to do, and exit code 9", limit, async () => {
    await using stage = await setStage();
    const cases: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
      ["a wrong configuration", { BATON_TASK_CONCURRENCY: "0" }, /^FAILED +configuration: .*task-concurrency/m],
      ["a rejected key", { BATON_CURSOR_API_KEY: "key_wrong" }, /^FAILED +Cursor: key: .*\n +-> .*dashboard/m],
      ["a personal key", { BATON_CURSOR_API_KEY: "user_key" }, /^FAILED +Cursor: key: .*not a team key/m],
      [
        "a rejected SCIM token",
        { BATON_CURSOR_SCIM_TOKEN: "wrong-token" },
        /^FAILED +SCIM: users: .*BATON_CURSOR_SCIM_TOKEN/m,
      ],
      [
        "a SCIM endpoint that leads nowhere",
        { BATON_CURSOR_SCIM_ENDPOINT: `${stage.scim.url}/nowhere` },
        /^FAILED +SCIM: users: .*no users at the configured address/m,
      ],
      [
        "a host that is not there",
        { BATON_CURSOR_BASE_URL: "https://nowhere.invalid" },
        /^FAILED +Cursor: name: nowhere\.invalid/m,
      ],
      ["a certificate nobody vouches for", { SSL_CERT_FILE: "" }, /^FAILED +C1: TLS: .*\n +-> .*SSL_CERT_FILE/m],
    ];
    for (const [name, changes, expected] of cases) {
      const { code, stderr, stdout } = await stage.run([], changes);
      assert.equal(code, 9, `${name}: ${stdout}${stderr}`);
      assert.match(stdout, expected, name);
      assert.doesNotMatch(stdout + stderr, /wrong-token|key_wrong/, name);
    }
  });

  test("the plan and the scope of a key are told apart", limit, async () => {
    await using stage = await setStage();
    const json = (message: string) => ({ error: "Forbidden", message });
    stage.cursor.script({ status: 403, json: json("Enterprise team membership required"), times: 2 });
    assert.match((await stage.run([])).stdout, /^FAILED +Cursor: key: .*plan has no Admin API/m);
    stage.cursor.script({ status: 401, json: json("missing scope"), times: 2 });
    assert.match((await stage.run([])).stdout, /^FAILED +Cursor: key: .*scope/m);
  });
});
