/** Each option of the program can be set through the chart, or there is a reason why not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { type Config, environmentOnly, options, optionTable } from "../../../src/config/options.ts";
import { spawnConnector } from "../../helpers/daemon.ts";
import { chart, render } from "../helm.ts";
import { at, records } from "../objects.ts";
import { containerOf } from "../pod.ts";
import { envOf, everyCase } from "../rendered.ts";
import { root } from "../tools.ts";

/** Rarely needed: by `extraEnv`, each with a value that is not its default. docs/kubernetes.md lists them. */
const byExtraEnv: Readonly<Record<string, string>> = {
  BATON_ALLOW_REPOINT: "true",
  BATON_CURSOR_MAX_BODY_MIB: "128",
  BATON_GET_TASKS: "true",
  BATON_HTTP_TIMEOUT_SECONDS: "60",
  BATON_LOG_PATH: "stderr,/tmp/baton-cursor.log",
  BATON_OTEL_COLLECTOR_ENDPOINT: "collector:4317",
  BATON_OTEL_COLLECTOR_ENDPOINT_TLS_INSECURE: "true",
  BATON_OTEL_TRACING_DISABLED: "true",
  BATON_SYNC_RESOURCE_TYPES: "user",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
  OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces",
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc",
  OTEL_SDK_DISABLED: "true",
};

const readByItsLibrary = "comes by extraEnv as well, and OpenTelemetry's exporter reads it itself";

/** What makes no sense in the chart's pods, with the reason. */
const notForTheChart: Readonly<Record<string, string>> = {
  BATON_CONFIG_PATH: "values take the place of the file",
  BATON_STORAGE_ENGINE: "has no effect on a file",
  BATON_TMPDIR: "the chart names the temporary directory by its option",
  KUBECONFIG: "the pod has a service account",
  OTEL_EXPORTER_OTLP_CERTIFICATE: readByItsLibrary,
  OTEL_EXPORTER_OTLP_HEADERS: readByItsLibrary,
  OTEL_EXPORTER_OTLP_TIMEOUT: readByItsLibrary,
  SSL_CERT_FILE: "NODE_EXTRA_CA_CERTS does the same, and certificateAuthority sets that",
};

/** What the chart sets in one case or another. */
const byValues = new Set(everyCase.flatMap(({ objects }) => [...envOf(objects).keys()]));
for (const name of Object.keys(byExtraEnv)) byValues.delete(name);

const works = optionTable.filter(({ oneShot, standing }) => standing === "works" && !oneShot).map(({ env }) => env);
const others = environmentOnly.flatMap(({ env }) => env.split(", "));

suite("options of the program in the chart", () => {
  for (const env of [...works, ...others]) {
    test(`${env} has exactly one place`, () => {
      const places = [byValues.has(env), env in byExtraEnv, env in notForTheChart];
      assert.equal(places.filter(Boolean).length, 1, "a value, extraEnv, or a reason why not: put it into this test");
    });
  }

  test("there is no entry for what is no option", () => {
    const known = new Set([...works, ...others]);
    for (const env of [...Object.keys(byExtraEnv), ...Object.keys(notForTheChart)]) assert.ok(known.has(env), env);
  });

  test("extraEnv brings each of the rest to the program, which takes it", { timeout: 60_000 }, async () => {
    const extraEnv = Object.entries(byExtraEnv).map(([name, value]) => ({ name, value }));
    const objects = render({
      values: { image: { repository: "r/x" }, credentials: { existingSecret: "s" }, extraEnv },
    });
    const given = records(at(containerOf(objects, "Deployment"), "env")).filter(
      ({ name }) => String(name) in byExtraEnv,
    );
    assert.deepEqual(given, extraEnv);
    const env = { BATON_CURSOR_API_KEY: "key_1", ...byExtraEnv };
    await using process = await spawnConnector(["--check-config"], env);
    const { code, stdout, stderr } = await process.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/# environment$/gm)?.length, Object.keys(env).length, stdout);
  });

  test("docs/kubernetes.md names those that come by extraEnv", () => {
    const text = readFileSync(`${root}docs/kubernetes.md`, "utf8");
    for (const name of Object.keys(byExtraEnv)) assert.ok(text.includes(`\`${name}\``), name);
  });

  test("numbers have the same bounds in the values' schema as in the program", () => {
    const schema: unknown = JSON.parse(readFileSync(`${chart}/values.schema.json`, "utf8"));
    const rows: readonly (readonly [path: string, option: keyof Config])[] = [
      ["c1.taskConcurrency", "taskConcurrency"],
      ["cursor.maxShrinkPercent", "cursorMaxShrinkPercent"],
      ["cursor.requestsPerMinute", "cursorRequestsPerMinute"],
      ["cursor.shrinkAcknowledged", "cursorShrinkAcknowledged"],
      ["provisioning.maxDeletesPerHour", "maxDeletesPerHour"],
      ["provisioning.scimRequestsPerMinute", "scimRequestsPerMinute"],
    ];
    for (const [path, option] of rows) {
      const steps = path.split(".").flatMap((step) => ["properties", step]);
      const bounds = ["minimum", "maximum"].map((bound) => at(schema, ...steps, bound));
      const parses = (value: unknown) => options[option].type.parse([String(value)]).ok;
      assert.deepEqual(bounds.map(parses), [true, true], path);
      assert.deepEqual([Number(bounds[0]) - 1, Number(bounds[1]) + 1].map(parses), [false, false], path);
    }
  });
});
