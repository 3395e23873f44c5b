import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startOtlpReceiver } from "../fakes/otlp-receiver.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { accountEnv, createTask, startAccountStage } from "./account-stage.ts";
import { printed, processEnv, startStandIns, syncTask } from "./scene.ts";

const limit = { timeout: 60_000 };

/** Starts a connector with these variables, lets it sync, and ends it. */
async function syncOnce(env: Record<string, string>): Promise<string> {
  await using stage = await startStandIns();
  const { c1 } = stage;
  await using daemon = await spawnConnector([], { ...processEnv(stage), ...env });
  const end = await c1.awaitFinish(c1.enqueue(syncTask));
  assert.equal(end.ok, true, end.message);
  await printed(daemon, "task succeeded");
  daemon.kill("SIGTERM");
  const { code, stderr } = await daemon.ended;
  assert.equal(code, 0, stderr);
  return stderr;
}

/** Lets a process write the name of each module that it loads to standard error. */
const tellsModules = `--import data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const load = (url, context, next) => {
    process.stderr.write("loads " + url.split("/").at(-1) + "\\n");
    return next(url, context);
  };
  registerHooks({ load });
`)}`;

suite("traces", { concurrency: 3 }, () => {
  const ways: readonly (readonly [string, (httpUrl: string, grpcHost: string) => Record<string, string>])[] = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url })],
    ["the address of traces alone", (url) => ({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` })],
    [
      "gRPC by the variables",
      (_, host) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}`, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }),
    ],
    [
      "--otel-collector-endpoint",
      (_, host) => ({ BATON_OTEL_COLLECTOR_ENDPOINT: host, BATON_OTEL_COLLECTOR_ENDPOINT_TLS_INSECURE: "true" }),
    ],
  ];
  for (const [name, envOf] of ways) {
    test(`${name}: a sync is one trace with its phases and calls`, limit, async () => {
      await using receiver = await startOtlpReceiver();
      const { httpUrl, grpcHost, spans } = receiver;
      const log = await syncOnce({ ...envOf(httpUrl, grpcHost), OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=acme" });
      assert.deepEqual(receiver.violations, []);
      assert.ok(receiver.requests.every((headers) => headers["x-tenant"] === "acme"));
      const root = spans.find(({ parentSpanId }) => parentSpanId === "") ?? assert.fail("there is no root span");
      assert.equal(root.name, "task sync_full");
      assert.equal(root.attributes["baton.task.outcome"], "success");
      assert.equal(root.resource["service.name"], "baton-cursor");
      const parts = spans.filter((span) => span !== root);
      for (const { parentSpanId, traceId } of parts)
        assert.deepEqual([parentSpanId, traceId], [root.spanId, root.traceId]);
      const names = new Set(parts.map((span) => span.name));
      for (const part of ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"]) {
        assert.ok(names.has(`sync ${part}`), `no phase ${part}: ${[...names].join(", ")}`);
      }
      for (const call of ["C1 Heartbeat", "C1 UploadAsset", "C1 FinishTask", "Cursor members"]) {
        assert.ok(names.has(call), `no call ${call}: ${[...names].join(", ")}`);
      }
      for (const { name, kind } of parts) assert.equal(kind, name.startsWith("sync ") ? 1 : 3, name);
      for (const { name, durationMs } of parts)
        assert.ok(durationMs <= root.durationMs + 1, `${name} outlasts its task`);
      const ended = log.split("\n").find((line) => line.includes("task succeeded")) ?? "{}";
      assert.equal(JSON.parse(ended).trace_id, root.traceId);
    });
  }

  test("a task that fails is an error span with its code, and no span holds a person or a secret", limit, async () => {
    await using receiver = await startOtlpReceiver();
    await using stage = await startAccountStage({ cursor: { team: { active: 3, removed: 0 } } });
    const { c1, cursor, scim } = stage;
    const env = { ...accountEnv(stage), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl };
    await using daemon = await spawnConnector([], processEnv(stage, env));
    await c1.awaitFinish(c1.enqueue(createTask("zoe@example.com")));
    cursor.script({ status: 401, json: { message: "Invalid API key" }, times: 4 });
    assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).code, 16);
    daemon.kill("SIGTERM");
    await daemon.ended;
    const failed = receiver.spans.find(({ name }) => name === "task sync_full");
    assert.deepEqual([failed?.statusCode, failed?.attributes["baton.task.code"]], [2, "unauthenticated"]);
    const refused = receiver.spans.find(({ name, statusCode }) => name === "Cursor members" && statusCode === 2);
    assert.equal(refused?.attributes["http.response.status_code"], 401);
    assert.ok(receiver.spans.some(({ name }) => name.startsWith("SCIM ")));
    for (const secret of [cursor.apiKey, scim.token, c1.clientSecret, "@example.com", "zoe"]) {
      assert.ok(!receiver.raw().includes(secret), "a span holds what it must not");
    }
  });

  test("a collector that is away: a warning without its headers, syncs go on, the end is prompt", limit, async () => {
    await using stage = await startStandIns();
    const { c1 } = stage;
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer hunter2",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
    await using daemon = await spawnConnector([], { ...processEnv(stage), ...env });
    assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
    await printed(daemon, "traces could not be sent");
    assert.equal((await c1.awaitFinish(c1.enqueue(syncTask))).ok, true);
    const beforeMs = performance.now();
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0);
    assert.ok(performance.now() - beforeMs < 10_000, "the end waited for the collector");
    assert.doesNotMatch(stderr, /hunter2/);
  });

  test("OpenTelemetry is loaded where it is on, and nowhere else", limit, async () => {
    await using receiver = await startOtlpReceiver();
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl };
    const cases: readonly (readonly [Record<string, string>, boolean])[] = [
      [on, true],
      [{}, false],
      [{ ...on, OTEL_SDK_DISABLED: "true" }, false],
      [{ ...on, BATON_OTEL_TRACING_DISABLED: "true" }, false],
    ];
    for (const [env, loaded] of cases) {
      await using stage = await startStandIns();
      const own = { ...processEnv(stage), ...env, NODE_OPTIONS: tellsModules };
      await using daemon = await spawnConnector([], own);
      assert.equal((await stage.c1.awaitFinish(stage.c1.enqueue(syncTask))).ok, true);
      daemon.kill("SIGTERM");
      const { stderr } = await daemon.ended;
      assert.match(stderr, /^loads main\.mjs$/m);
      assert.equal(/^loads otlp-/m.test(stderr), loaded, JSON.stringify(env));
      assert.equal(receiver.requests.length > 0, loaded);
      receiver.forget();
    }
  });

  test("a protocol that is not there: a configuration error that names those that are", limit, async () => {
    await using stage = await startStandIns();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
    await using daemon = await spawnConnector([], processEnv(stage, env));
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 2);
    assert.match(stderr, /OTEL_EXPORTER_OTLP_PROTOCOL.*http\/protobuf/s);
  });
});
