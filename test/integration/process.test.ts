import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { grpcCodes } from "../fakes/c1-server.ts";
import { type CursorAnswer, type CursorServer, startCursorServer } from "../fakes/cursor-server.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { printed, processEnv, type Scene, startStandIns, syncTask } from "./scene.ts";

const limit = { timeout: 40_000 };
const executable = new URL("../../dist/baton-cursor", import.meta.url).pathname;

/** A daemon in a process of its own, between stand-ins, that has said Hello. */
async function runningDaemon(
  env: Readonly<Record<string, string>> = {},
  options: Parameters<typeof startStandIns>[0] = {},
): Promise<Omit<Scene, "daemon"> & { readonly daemon: DaemonProcess }> {
  await using stack = new AsyncDisposableStack();
  const standIns = stack.use(await startStandIns(options));
  const daemon = stack.use(await spawnConnector([], processEnv(standIns, env)));
  await standIns.c1.awaitCall("GetTask", 1, 20_000);
  const kept = stack.move();
  return { ...standIns, daemon, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function healthUrl(daemon: DaemonProcess): Promise<string> {
  await printed(daemon, '"health_port"');
  const line =
    daemon
      .stderr()
      .split("\n")
      .find((text) => text.includes('"health_port"')) ?? "{}";
  return `http://127.0.0.1:${JSON.parse(line).health_port}`;
}

suite("the process in service mode", { concurrency: 2 }, () => {
  test("S1 SIGTERM while idle: exit 0 at once", limit, async () => {
    await using stage = await runningDaemon();
    stage.daemon.kill("SIGTERM");
    const { code, stdout } = await stage.daemon.ended;
    assert.deepEqual([code, stdout, stage.daemon.leftovers()], [0, "", []]);
  });

  test("S1 SIGINT during Hello's back-off: exit 0 at once", limit, async () => {
    await using stage = await startStandIns();
    stage.c1.script("Hello", [{ error: grpcCodes.UNAVAILABLE, times: Number.POSITIVE_INFINITY }]);
    await using daemon = await spawnConnector([], processEnv(stage));
    await stage.c1.awaitCall("Hello", 1, 20_000);
    daemon.kill("SIGINT");
    assert.equal((await daemon.ended).code, 0);
  });

  test("S1 SIGTERM while collecting: C1 is told UNAVAILABLE, retryable, and exit 0", limit, async () => {
    await using stage = await runningDaemon();
    const { c1, cursor, daemon } = stage;
    cursor.script({ hang: true });
    const taskId = c1.enqueue(syncTask);
    await c1
      .until(() => cursor.requests.length === 1 || undefined, undefined, "the request to Cursor")
      .catch(() => undefined);
    await c1.until(() => c1.task(taskId).beats >= 1, undefined, "the first heartbeat");
    daemon.kill("SIGTERM");
    const finish = await c1.awaitFinish(taskId);
    assert.deepEqual([finish.code, finish.nonRetryable, finish.message], [14, false, "connector shutting down"]);
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(daemon.leftovers(), []);
  });

  test("S1 SIGTERM while uploading: the upload ends well within the grace, and exit 0", limit, async () => {
    await using stage = await runningDaemon({}, { cursor: { team: { active: 20_000 } } });
    const { c1, daemon } = stage;
    c1.script("UploadAsset", [{ chunkDelayMs: 150 }]);
    const taskId = c1.enqueue(syncTask);
    await c1.awaitCall("UploadAsset", 1, 20_000);
    daemon.kill("SIGTERM");
    assert.equal((await c1.awaitFinish(taskId, 20_000)).ok, true);
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(daemon.leftovers(), []);
  });

  test("S1 a stalled upload is given up when the grace is over", limit, async () => {
    await using stage = await runningDaemon({ BATON_SHUTDOWN_GRACE: "500ms" });
    const { c1, daemon } = stage;
    c1.script("UploadAsset", [{ stallAtChunk: 0 }]);
    const taskId = c1.enqueue(syncTask);
    await c1.awaitCall("UploadAsset");
    daemon.kill("SIGTERM");
    const finish = await c1.awaitFinish(taskId);
    assert.deepEqual([finish.code, finish.nonRetryable], [14, false]);
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(daemon.leftovers(), []);
  });

  test(
    "a log file that cannot be written: said once on standard error, work goes on, and so does the log",
    limit,
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "baton-logs-"));
      try {
        const path = join(directory, "baton.log");
        await using stage = await runningDaemon({ BATON_LOG_PATH: path });
        const { c1, daemon } = stage;
        await rm(directory, { recursive: true });
        for (let round = 0; round < 2; round += 1) assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
        mkdirSync(directory);
        daemon.kill("SIGTERM");
        const { code, stderr } = await daemon.ended;
        assert.equal(code, 0);
        assert.match(stderr, /^baton-cursor: the log file .* cannot be written \(ENOENT\): .*BATON_LOG_PATH\n$/);
        assert.match(readFileSync(path, "utf8"), /"msg":"lines of this log were lost .*","lost":\d+\}\n\{.*stopped/s);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  );

  for (const [name, redirection] of [
    ["standard error on a full disk", "2>/dev/full"],
    ["standard error whose reader has ended", "2> >(head -c 1 >/dev/null)"],
  ] as const) {
    test(`${name}: lines are lost, work is not`, limit, async () => {
      await using stage = await startStandIns();
      const { c1 } = stage;
      const command = ["-c", `exec "$0" ${redirection}`, executable];
      await using daemon = await spawnConnector(command, processEnv(stage), { program: "/bin/bash" });
      for (let round = 0; round < 3; round += 1) assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
      daemon.kill("SIGTERM");
      const { code, stderr } = await daemon.ended;
      assert.deepEqual([code, stderr], [0, ""]);
    });
  }

  test("S2 a second signal ends the process on the spot with 1", limit, async () => {
    await using stage = await runningDaemon();
    const { c1, daemon } = stage;
    c1.script("UploadAsset", [{ stallAtChunk: 0 }]);
    c1.enqueue(syncTask);
    await c1.awaitCall("UploadAsset");
    daemon.kill("SIGTERM");
    await printed(daemon, '"draining"');
    daemon.kill("SIGINT");
    assert.equal((await daemon.ended).code, 1);
  });

  test("S3 SIGKILL during a sync: the next start sweeps what it left, and the task goes through", limit, async () => {
    const shared = await mkdtemp(join(tmpdir(), "baton-shared-"));
    try {
      await using stage = await startStandIns();
      const { c1 } = stage;
      c1.script("UploadAsset", [{ stallAtChunk: 0 }]);
      const taskId = c1.enqueue(syncTask);
      {
        // Disposing removes the directory, so the first process gets it through its environment only.
        const first = await spawnConnector([], processEnv(stage, { BATON_TMPDIR: shared }), { cwd: shared });
        await c1.awaitCall("UploadAsset", 1, 20_000);
        first.kill("SIGKILL");
        await first.ended;
      }
      assert.equal(readdirSync(shared).length, 1);
      await using second = await spawnConnector([], processEnv(stage, { BATON_TMPDIR: shared }), { cwd: shared });
      await c1.until(() => c1.calls("Hello").length === 2, 20_000, "the second Hello");
      assert.deepEqual(readdirSync(shared), []);
      c1.requeue(taskId);
      assert.equal((await c1.awaitFinish(taskId)).ok, true);
      second.kill("SIGTERM");
      assert.equal((await second.ended).code, 0);
    } finally {
      await rm(shared, { recursive: true, force: true });
    }
  });

  test("S4 a port in use: a start-up error that names it, before anything is said to C1", limit, async () => {
    await using first = await runningDaemon();
    const port = new URL(await healthUrl(first.daemon)).port;
    await using stage = await startStandIns();
    await using second = await spawnConnector([], processEnv(stage, { BATON_HEALTH_CHECK_PORT: port }));
    const { code, stderr } = await second.ended;
    assert.equal(code, 9);
    assert.match(stderr, new RegExp(`failed to start health check server on 127\\.0\\.0\\.1:${port}`));
    assert.equal(stage.c1.calls("Hello").length, 0);
  });

  test("S5 live, ready and health while Cursor is down, and the health-check command", limit, async () => {
    await using stage = await runningDaemon({}, { cursor: {} });
    const url = await healthUrl(stage.daemon);
    const port = new URL(url).port;
    stage.cursor.script({ status: 401, json: { message: "Invalid API key" }, times: Number.POSITIVE_INFINITY });
    const statuses = await Promise.all(
      ["live", "ready", "health"].map(async (path) => (await fetch(`${url}/${path}`)).status),
    );
    assert.deepEqual(statuses, [200, 200, 503]);
    for (const [endpoint, expected] of [
      ["live", 0],
      ["ready", 0],
      ["health", 1],
    ] as const) {
      const args = ["health-check", "--endpoint", endpoint, "--health-check-port", port];
      await using probe = await spawnConnector(args, {});
      const { code, stdout } = await probe.ended;
      assert.deepEqual([code, stdout], [expected, ""], endpoint);
    }
  });

  test(
    "S7 a client id without a secret, a bad concurrency and a missing directory: all said at once, exit 2",
    limit,
    async () => {
      await using run = await spawnConnector(
        [],
        {
          BATON_CLIENT_ID: "a@b.example.com/ccc",
          BATON_CURSOR_API_KEY: "key_x",
          BATON_TASK_CONCURRENCY: "101",
          BATON_TMPDIR: "/nonexistent/tmp",
        },
        { cwd: tmpdir() },
      );
      const { code, stderr, stdout } = await run.ended;
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /3 problems/);
      assert.match(stderr, /client-secret.*required in service mode/s);
      assert.match(stderr, /101/);
    },
  );

  test("S8 no secret, token or e-mail address in the log of a run with failures, at level debug", limit, async () => {
    await using stage = await runningDaemon({ BATON_LOG_LEVEL: "debug" });
    const { c1, cursor, daemon } = stage;
    assert.equal((await c1.awaitFinish(c1.enqueue({ ...syncTask, debug: true }))).ok, true);
    cursor.setMembers([
      { email: "lonely@example.com", role: "owner" },
      { email: "lonely@example.com", role: "owner" },
    ]);
    await c1.awaitFinish(c1.enqueue(syncTask));
    cursor.script({ status: 401, json: { message: `Invalid key ${cursor.apiKey} of lonely@example.com` } });
    await c1.awaitFinish(c1.enqueue(syncTask));
    c1.script("FinishTask", [{ error: grpcCodes.INVALID_ARGUMENT, message: `bad ${c1.clientId}` }]);
    c1.enqueue(syncTask);
    await printed(daemon, "could not be reported");
    daemon.kill("SIGTERM");
    const { stderr, stdout } = await daemon.ended;
    const tokens = c1.calls("GetTask").map(({ authorization }) => authorization?.split(" ")[1] ?? "none");
    const secrets = [cursor.apiKey, c1.clientSecret, c1.clientSecret.split(":").at(-1) ?? "none", ...new Set(tokens)];
    for (const secret of secrets) assert.ok(!(stderr + stdout).includes(secret));
    assert.doesNotMatch(stderr, /@example\.com/);
  });
});

interface OneShot {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: readonly string[];
  readonly leftovers: readonly string[];
}

/** One run without a client id in a directory of its own. */
async function oneShot(
  cursor: CursorServer,
  cwd: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<OneShot> {
  await using run = await spawnConnector(
    args,
    { BATON_CURSOR_API_KEY: cursor.apiKey, BATON_CURSOR_BASE_URL: cursor.url, ...env },
    { cwd },
  );
  const { code, stdout, stderr } = await run.ended;
  return { code, stdout, stderr, files: readdirSync(cwd), leftovers: run.leftovers() };
}

async function inDirectory(work: (cwd: string) => Promise<void>): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), "one-shot-"));
  try {
    await work(cwd);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

const team = { active: 4, removed: 1 };

suite("one shot", { concurrency: 2 }, () => {
  test("leaves sync.c1z, private, with a summary on standard output", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      const run = await oneShot(cursor, cwd);
      assert.equal(run.code, 0, run.stderr);
      assert.deepEqual([run.files, run.leftovers], [["sync.c1z"], []]);
      assert.equal(statSync(join(cwd, "sync.c1z")).mode & 0o777, 0o600);
      assert.match(run.stdout, /^users, active {3}4$/m);
      assert.match(run.stdout, /^grants {10}4$/m);
    }),
  );

  const failures: readonly (readonly [string, CursorAnswer, number])[] = [
    ["a wrong key", { status: 401, json: { message: "Invalid API key" } }, 16],
    ["a plan without the API", { status: 403, json: { message: "Enterprise" } }, 7],
    ["a page instead of JSON", { body: "<html>", headers: { "content-type": "text/html" } }, 13],
    ["an empty team", { json: { teamMembers: [] } }, 13],
  ];
  for (const [name, answer, code] of failures) {
    test(`${name}: exit ${code}, the old file stays, nothing else is left`, limit, () =>
      inDirectory(async (cwd) => {
        await using cursor = await startCursorServer({ team });
        cursor.script({ ...answer, times: Number.POSITIVE_INFINITY });
        writeFileSync(join(cwd, "sync.c1z"), "old");
        const run = await oneShot(cursor, cwd);
        assert.equal(run.code, code, run.stderr);
        assert.deepEqual([run.files, run.leftovers, run.stdout], [["sync.c1z"], [], ""]);
        assert.equal(readFileSync(join(cwd, "sync.c1z"), "utf8"), "old");
        assert.match(run.stderr, /^baton-cursor: /m);
      }),
    );
  }

  test("a target that is a directory: refused before Cursor is asked", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      mkdirSync(join(cwd, "sync.c1z"));
      const run = await oneShot(cursor, cwd);
      assert.equal(run.code, 9, run.stderr);
      assert.match(run.stderr, /--file/);
      assert.deepEqual([run.files, run.leftovers], [["sync.c1z"], []]);
      assert.equal(cursor.requests.length, 0);
    }),
  );

  test("a place that does not exist: refused before Cursor is asked", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      const run = await oneShot(cursor, cwd, ["-f", "missing/sync.c1z"]);
      assert.deepEqual([run.code, run.files, cursor.requests.length], [2, [], 0], run.stderr);
    }),
  );

  test("Ctrl-C in the middle: exit 1, the old file stays, nothing else is left", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      cursor.script({ hang: true });
      writeFileSync(join(cwd, "sync.c1z"), "old");
      await using run = await spawnConnector(
        [],
        { BATON_CURSOR_API_KEY: cursor.apiKey, BATON_CURSOR_BASE_URL: cursor.url },
        { cwd },
      );
      while (cursor.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
      run.kill("SIGINT");
      assert.equal((await run.ended).code, 1);
      assert.deepEqual([readdirSync(cwd), run.leftovers()], [["sync.c1z"], []]);
      assert.equal(readFileSync(join(cwd, "sync.c1z"), "utf8"), "old");
    }),
  );

  test("filters of the command line are those of the file", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      const run = await oneShot(cursor, cwd, ["--sync-resource-types=role", "-f", "roles.c1z"]);
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, /^users, active {3}0$/m);
      assert.ok(existsSync(join(cwd, "roles.c1z")));
    }),
  );

  test("a refused flag: exit 12 with the reason", limit, () =>
    inDirectory(async (cwd) => {
      await using cursor = await startCursorServer({ team });
      const run = await oneShot(cursor, cwd, ["--skip-full-sync"]);
      assert.deepEqual([run.code, run.files, cursor.requests.length], [12, [], 0]);
      assert.match(run.stderr, /everybody has left/);
    }),
  );
});

suite("S6 commands without any configuration", { concurrency: 2 }, () => {
  for (const [args, pattern] of [
    [["--version"], /^baton-cursor version \d+\.\d+\.\d+\n$/],
    [["--help"], /--cursor-api-key/],
    [["capabilities"], /"@type": "type\.googleapis\.com\/c1\.connector\.v2\.ConnectorCapabilities"/],
    [["config"], /"cursor-api-key"/],
  ] as const) {
    test(args.join(" "), limit, async () => {
      await using run = await spawnConnector(args, {});
      const { code, stderr, stdout } = await run.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, pattern);
      // Without a configuration it says what the connector can do at most.
      assert.equal(/ACCOUNT_PROVISIONING/.test(stdout), args[0] === "capabilities");
    });
  }
});
