import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  clientId,
  clientSecret,
  configInput,
  oneShotEnv,
  serviceEnv,
  type World,
} from "../../test/helpers/config-input.ts";
import { recorder } from "../../test/helpers/recorder.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { StatusError } from "../baton/status-error.ts";
import { ConfigError } from "../config/problem.ts";
import { capabilitiesCommand } from "./capabilities.ts";
import { checkConfigCommand } from "./check-config.ts";
import { configCommand } from "./config-schema.ts";
import { dispatch } from "./dispatch.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { helpCommand } from "./help.ts";
import { reportError } from "./report.ts";
import { versionCommand } from "./version.ts";

const metadata: ConnectorMetadata = {
  displayName: "Cursor",
  description: "People and roles of a Cursor team",
  helpUrl: "https://docs.example/cursor",
  resourceTypes: [
    {
      type: { id: "role", displayName: "Role", trait: "role", skipEntitlementsAndGrants: false },
      capabilities: ["sync"],
    },
    {
      type: { id: "user", displayName: "User", trait: "user", skipEntitlementsAndGrants: true },
      capabilities: ["sync"],
    },
  ],
  accountFields: [],
};

const choose = (world: World) => dispatch(configInput(world)).command;

/** Exit code and what was printed when the program is called like this and the command line is at fault. */
function refused(world: World): { readonly code: number; readonly stderr: string; readonly stdout: string } {
  const out = recorder();
  try {
    dispatch(configInput(world));
  } catch (error) {
    return { code: reportError(error, out), ...out.text() };
  }
  return assert.fail("accepted");
}

suite("dispatch", () => {
  for (const [command, argv] of [
    ["help", ["--help"]],
    ["help", ["-h"]],
    ["help", ["help"]],
    ["help", ["capabilities", "--help"]],
    ["help", ["--nonsense", "--help"]],
    ["version", ["--version"]],
    ["version", ["-v"]],
    ["capabilities", ["capabilities"]],
    ["capabilities", ["--log-level", "debug", "capabilities"]],
    ["config", ["config"]],
    ["health-check", ["health-check", "--endpoint=live"]],
  ] as const) {
    test(`${argv.join(" ")} without any configuration: ${command}`, () => assert.equal(choose({ argv }), command));
  }

  test("a client id means service mode, with the credentials taken apart", () => {
    const invocation = dispatch(configInput({ env: serviceEnv }));
    assert.ok(invocation.command === "service");
    assert.equal(invocation.parsed.config.clientId?.tokenHost, "acme.example.com");
    assert.equal(invocation.parsed.config.healthCheck, true);
  });

  test("without one it is a one-shot run; --check-config only looks", () => {
    assert.equal(choose({ env: oneShotEnv }), "one-shot");
    assert.equal(choose({ env: { ...serviceEnv, BATON_CLIENT_ID: "", BATON_CLIENT_SECRET: "" } }), "one-shot");
    assert.equal(choose({ env: serviceEnv, argv: ["--check-config"] }), "check-config");
    assert.equal(choose({ env: oneShotEnv, argv: ["--check-config=false"] }), "one-shot");
  });
});

suite("wrong use", () => {
  for (const [why, world, code, pattern] of [
    ["client id without secret", { env: { ...serviceEnv, BATON_CLIENT_SECRET: "" } }, 2, /client-secret is required/],
    ["no slot", { env: oneShotEnv, argv: ["--task-concurrency=0"] }, 2, /from 1 to 100/],
    ["too many slots", { env: oneShotEnv, argv: ["--task-concurrency", "101"] }, 2, /from 1 to 100/],
    ["bad temporary directory", { env: oneShotEnv, argv: ["--c1z-temp-dir=/gone"] }, 2, /\/gone, which does not exist/],
    ["client id without @", { env: { ...serviceEnv, BATON_CLIENT_ID: "acme/ccc" } }, 2, /invalid client id/],
    ["client id without slash", { env: { ...serviceEnv, BATON_CLIENT_ID: "c@acme" } }, 2, /invalid client id/],
    [
      "client secret v2",
      { env: { ...serviceEnv, BATON_CLIENT_SECRET: clientSecret.replace(":v1:", ":v2:") } },
      2,
      /invalid client secret/,
    ],
    [
      "padded client secret",
      { env: { ...serviceEnv, BATON_CLIENT_SECRET: `${clientSecret}=` } },
      2,
      /invalid client secret/,
    ],
    ["refused option", { env: oneShotEnv, argv: ["--grant-entitlement=e"] }, 12, /can only be read/],
    ["refused command", { argv: ["completion", "bash"] }, 12, /the command completion is not supported/],
    ["mistyped command", { argv: ["capabilites"] }, 2, /did you mean capabilities\?/],
    ["a flag that lost its dashes", { argv: ["check-config"] }, 2, /did you mean --check-config\?/],
    ["unknown flag of a command", { argv: ["config", "--nonsense"] }, 2, /--nonsense is not known/],
    ["two commands", { argv: ["config", "capabilities"] }, 2, /1 stray word/],
    ["a flag of health-check", { env: oneShotEnv, argv: ["--endpoint=live"] }, 2, /--endpoint is not known/],
  ] as const) {
    test(`${why}: exit code ${code}`, () => {
      const { code: exitCode, stderr, stdout } = refused(world);
      assert.equal(exitCode, code);
      assert.match(stderr, pattern);
      assert.match(stderr, /^baton-cursor: the configuration has (a problem|\d+ problems):\n {2}\S/m);
      assert.equal(stdout, "");
      assert.ok(!stderr.includes(clientSecret.slice(40)), "the secret is shown");
    });
  }

  test("a stray word is not repeated, and the other problems are reported with it", () => {
    const { stderr } = refused({ argv: ["hunter2hunter2", "--log-level=loud"] });
    assert.doesNotMatch(stderr, /hunter2/);
    assert.match(stderr, /log-level/);
    assert.match(stderr, /1 stray word/);
    assert.match(refused({ env: oneShotEnv, argv: ["hunter2hunter2"] }).stderr, /1 stray word/);
  });

  test("warnings come before the problems", () => {
    const { stderr } = refused({ env: { BATON_CURSOR_APIKEY: "x" } });
    assert.match(
      stderr,
      /^baton-cursor: warning: BATON_CURSOR_APIKEY .*\nbaton-cursor: the configuration has a problem:\n/,
    );
  });

  test("other errors end with their gRPC number", () => {
    const out = recorder();
    assert.equal(reportError(new StatusError("unauthenticated", "rejected: do this"), out), 16);
    assert.deepEqual(out.text(), { stdout: "", stderr: "baton-cursor: rejected: do this\n" });
    assert.equal(exitCodeOf(new Error("x")), 13);
    assert.equal(exitCodeOf(new StatusError("ok", "x")), 13);
    assert.equal(exitCodeOf(new ConfigError([])), 2);
  });
});

suite("commands that need no configuration", () => {
  test("version", async () => {
    const out = recorder();
    assert.equal(await versionCommand({ out, version: "1.2.3" }), 0);
    assert.deepEqual(out.text(), { stdout: "baton-cursor version 1.2.3\n", stderr: "" });
  });

  test("help fits 80 columns and names every working option with its variable", async () => {
    const out = recorder();
    assert.equal(await helpCommand({ out }), 0);
    const { stdout, stderr } = out.text();
    assert.equal(stderr, "");
    assert.deepEqual(
      stdout.split("\n").filter((line) => line.length > 80),
      [],
    );
    for (const part of [
      "--cursor-api-key value",
      "[BATON_CURSOR_API_KEY]",
      "-f, --file",
      "BATON_GET_TASKS",
      "--check-config",
    ]) {
      assert.ok(stdout.includes(part), part);
    }
    for (const hidden of ["--workers", "--skip-full-sync", "--storage-engine"])
      assert.ok(!stdout.includes(hidden), hidden);
  });

  test("capabilities prints exactly what is advertised, type first, without a newline", async () => {
    const out = recorder();
    assert.equal(await capabilitiesCommand({ out, metadata }), 0);
    const expected = {
      "@type": "type.googleapis.com/c1.connector.v2.ConnectorCapabilities",
      resourceTypeCapabilities: [
        {
          resourceType: { id: "role", displayName: "Role", traits: ["TRAIT_ROLE"] },
          capabilities: ["CAPABILITY_SYNC"],
          permissions: {},
        },
        {
          resourceType: {
            id: "user",
            displayName: "User",
            traits: ["TRAIT_USER"],
            annotations: [{ "@type": "type.googleapis.com/c1.connector.v2.SkipEntitlementsAndGrants" }],
          },
          capabilities: ["CAPABILITY_SYNC"],
          permissions: {},
        },
      ],
      connectorCapabilities: ["CAPABILITY_SYNC"],
      credentialDetails: {},
    };
    assert.deepEqual(out.text(), { stdout: JSON.stringify(expected, undefined, 2), stderr: "" });
  });

  test("config prints the schema: operators' defaults, the form, and what belongs together", async () => {
    const out = recorder();
    assert.equal(await configCommand({ out, metadata }), 0);
    const { stdout } = out.text();
    const schema = JSON.parse(stdout);
    assert.equal(stdout, JSON.stringify(schema, undefined, 2));
    assert.equal(schema.displayName, "Cursor");
    assert.equal(schema.helpUrl, "https://docs.example/cursor");
    assert.deepEqual(schema.constraints, [
      { kind: "CONSTRAINT_KIND_REQUIRED_TOGETHER", fieldNames: ["cursor-scim-endpoint", "cursor-scim-token"] },
    ]);
    const fields = new Map<string, Record<string, unknown>>(
      schema.fields.map(({ name, description, ...rest }: { name: string; description: string }) => {
        assert.ok(description.length > 10, name);
        return [name, rest];
      }),
    );
    assert.deepEqual(
      [...fields]
        .filter(([, field]) => field["isOps"] === true)
        .map(([name]) => name)
        .sort(),
      [
        "health-check",
        "health-check-bind-address",
        "health-check-port",
        "http-timeout-seconds",
        "log-level",
        "log-level-debug-expires-at",
        "otel-collector-endpoint",
        "otel-collector-endpoint-tls-cert",
        "otel-collector-endpoint-tls-cert-path",
        "otel-collector-endpoint-tls-insecure",
        "otel-logging-disabled",
        "otel-tracing-disabled",
        "session-store-maximum-size",
      ],
    );
    assert.deepEqual(fields.get("cursor-api-key"), {
      displayName: "API Key",
      placeholder: "key_...",
      isRequired: true,
      isSecret: true,
      stringField: { rules: { isRequired: true } },
    });
    assert.equal(fields.get("cursor-scim-token")?.["isSecret"], true);
    assert.deepEqual(fields.get("http-timeout-seconds")?.["intField"], {
      defaultValue: "300",
      rules: { lte: "1800", gte: "1" },
    });
    assert.deepEqual(fields.get("session-store-maximum-size")?.["intField"], { defaultValue: "15728640" });
    assert.deepEqual(fields.get("health-check-port")?.["intField"], { defaultValue: "8081" });
    assert.deepEqual(fields.get("otel-tracing-disabled")?.["boolField"], {});
  });
});

suite("--check-config", () => {
  const print = async (world: World) => {
    const invocation = dispatch(configInput({ ...world, argv: ["--check-config", ...(world.argv ?? [])] }));
    assert.ok(invocation.command === "check-config");
    const out = recorder();
    assert.equal(await checkConfigCommand({ out, parsed: invocation.parsed }), 0);
    return out.text();
  };

  test("prints every value with its source, secrets hidden, warnings apart", async () => {
    const { stdout, stderr } = await print({
      argv: ["--task-concurrency=5"],
      env: { ...serviceEnv, BATON_WORKERS: "2" },
      files: { "/srv/.baton.yaml": "shutdown-grace: 1m30s\n" },
    });
    assert.match(stdout, /^# The configuration is right\. Mode service/);
    assert.match(stdout, /^client-id: "\[redacted\], of acme\.example\.com" +# environment$/m);
    assert.match(stdout, /^client-secret: "\[redacted\]" +# environment$/m);
    assert.match(stdout, /^task-concurrency: 5 +# flag$/m);
    assert.match(stdout, /^shutdown-grace: 1m30s +# \.baton\.yaml$/m);
    assert.match(stdout, /^http-timeout-seconds: 300$/m);
    assert.match(stdout, /^# BATON_HOST_ID=machine$/m);
    assert.match(stderr, /^baton-cursor: warning: --workers .*\n$/);
    for (const secret of [clientId, clientSecret, "key_1"]) assert.ok(!(stdout + stderr).includes(secret), secret);
  });

  test("what it prints is YAML that means the same", async () => {
    const argv = [
      "--file=a: b#c",
      '--log-path="x,y",stderr',
      "--sync-resource-types=user,role",
      "--cursor-skip-removed",
    ];
    const { stdout } = await print({ argv, env: oneShotEnv });
    const again = await print({ env: oneShotEnv, files: { "/srv/.baton.yaml": stdout } });
    const strip = (text: string) => text.replace(/ +# .*$/gm, "");
    assert.deepEqual(strip(again.stdout), strip(stdout));
  });
});
