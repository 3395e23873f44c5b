import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { clientSecret, configInput, oneShotEnv, serviceEnv, type World } from "../../test/helpers/config-input.ts";
import type { Config } from "./options.ts";
import { parseConfig } from "./parse.ts";
import { ConfigError } from "./problem.ts";

const parse = (world: World) => parseConfig(configInput({ ...world, env: { ...oneShotEnv, ...world.env } }));

/** The problems of a configuration that must not pass, as `field message: fix` lines. */
function problemsOf(world: World): string[] {
  return failure({ ...world, env: { ...oneShotEnv, ...world.env } }).problems.map(
    ({ field, message, fix }) => `${field} ${message}: ${fix}`,
  );
}

function failure(world: World): ConfigError {
  try {
    parseConfig(configInput(world));
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error;
  }
  return assert.fail("accepted");
}

suite("where options come from", () => {
  const env = { BATON_TASK_CONCURRENCY: "5" };
  const files = { "/srv/.baton.yaml": "task-concurrency: 7\n" };

  test("flag over environment over file over default", () => {
    const read = (world: World) => {
      const { config, origins } = parse(world);
      return [config.taskConcurrency, origins.taskConcurrency];
    };
    assert.deepEqual(read({ argv: ["--task-concurrency=4"], env, files }), [4, "flag"]);
    assert.deepEqual(read({ env, files }), [5, "environment"]);
    assert.deepEqual(read({ files }), [7, "file"]);
    assert.deepEqual(read({}), [3, "default"]);
  });

  test("an empty variable counts as not set, an empty flag asks for the default", () => {
    const files = { "/srv/.baton.yaml": "file: from-file.c1z\n" };
    assert.equal(parse({ env: { BATON_FILE: "" }, files }).config.file, "from-file.c1z");
    assert.equal(parse({ argv: ["--file="], env: { BATON_FILE: "x.c1z" }, files }).config.file, "sync.c1z");
    assert.deepEqual(problemsOf({ argv: ["--task-concurrency="] }), [
      '--task-concurrency (BATON_TASK_CONCURRENCY) is "", not a whole number: give a whole number from 1 to 100',
    ]);
  });

  test("the last of a repeated flag wins; lists add up", () => {
    const argv = ["--file=a", "-f", "b", "--log-path", '"x,y",stderr', "--log-path=z"];
    const { config } = parse({ argv });
    assert.equal(config.file, "b");
    assert.deepEqual(config.logPath, ["x,y", "stderr", "z"]);
  });

  test("credentials: flag over secrets directory over environment over file", () => {
    const secrets = { "/secrets/BATON_CURSOR_API_KEY": "from-dir\n" };
    const yaml = { "/srv/.baton.yaml": "cursor-api-key: from-file\nsecrets-dir: /secrets\n" };
    const key = (world: World) => parseConfig(configInput(world)).config.cursorApiKey?.reveal();
    const env = { BATON_CURSOR_API_KEY: "from-env" };
    assert.equal(key({ argv: ["--cursor-api-key=from-flag"], env, files: { ...secrets, ...yaml } }), "from-flag");
    assert.equal(key({ env, files: { ...secrets, ...yaml } }), "from-dir");
    assert.equal(key({ env, files: { "/srv/.baton.yaml": "cursor-api-key: from-file\n" } }), "from-env");
    assert.equal(key({ files: { "/srv/.baton.yaml": "cursor-api-key: from-file\n" } }), "from-file");
  });

  test("white space around credentials is dropped", () => {
    const env = { BATON_CURSOR_API_KEY: " key_1 \r\n", BATON_CLIENT_ID: `${serviceEnv.BATON_CLIENT_ID}\n` };
    const { config } = parse({ env: { ...env, BATON_CLIENT_SECRET: `${clientSecret}\n` } });
    assert.equal(config.cursorApiKey?.reveal(), "key_1");
    assert.equal(config.clientId?.full, serviceEnv.BATON_CLIENT_ID);
    assert.equal(config.clientSecret?.reveal(), clientSecret);
  });
});

suite("secrets directory", () => {
  const env = { BATON_SECRETS_DIR: "/secrets" };

  test("is read behind its ..data link, so that a rotation cannot mix old and new files", () => {
    const { config } = parse({
      env: { ...env, BATON_CURSOR_API_KEY: "" },
      links: { "/secrets/..data": "/secrets/..2026" },
      files: { "/secrets/BATON_CURSOR_API_KEY": "stale", "/secrets/..2026/BATON_CURSOR_API_KEY": "fresh" },
    });
    assert.equal(config.cursorApiKey?.reveal(), "fresh");
  });

  test("one warning names everything on which it differs from the environment", () => {
    const files = {
      "/secrets/BATON_CURSOR_API_KEY": "new\n",
      "/secrets/BATON_CLIENT_ID": `${serviceEnv.BATON_CLIENT_ID}\n`,
      "/secrets/BATON_CURSOR_SCIM_TOKEN": "",
    };
    assert.deepEqual(parse({ env: { ...serviceEnv, ...env }, files }).warnings, [
      "the secrets directory and the environment differ on BATON_CURSOR_API_KEY: the directory wins",
    ]);
    assert.deepEqual(parse({ argv: ["--cursor-api-key=x"], env: { ...serviceEnv, ...env }, files }).warnings, []);
  });

  test("other options never come from it", () => {
    assert.equal(parse({ env, files: { "/secrets/BATON_TASK_CONCURRENCY": "9" } }).config.taskConcurrency, 3);
  });

  test("must exist, and its files must be readable", () => {
    assert.deepEqual(problemsOf({ env: { BATON_SECRETS_DIR: "gone" } }), [
      "--secrets-dir (BATON_SECRETS_DIR) is /srv/gone, which does not exist: mount the Secret there, or unset it",
    ]);
    const unreadable = ["/secrets/BATON_CURSOR_SCIM_TOKEN"];
    assert.match(problemsOf({ env, files: { "/secrets/x": "" }, unreadable })[0] ?? "", /SCIM_TOKEN.*cannot be read/);
  });
});

suite("YAML file", () => {
  const yaml = (text: string, world: World = {}) => ({ ...world, files: { "/srv/.baton.yaml": text } });

  test("BATON_CONFIG_PATH names another one, and it must be there", () => {
    const env = { BATON_CONFIG_PATH: "conf/my.yml" };
    assert.equal(parse({ env, files: { "/srv/conf/my.yml": "file: x" } }).config.file, "x");
    assert.deepEqual(problemsOf({ env }), [
      "BATON_CONFIG_PATH names conf/my.yml, which does not exist: correct the path, or unset the variable",
    ]);
    assert.match(problemsOf({ env, unreadable: ["/srv/conf/my.yml"] })[0] ?? "", /cannot be read \(EACCES\)/);
    assert.match(
      problemsOf({ env: { BATON_CONFIG_PATH: "my.json" } })[0] ?? "",
      /expected config file to have \.yaml or \.yml extension/,
    );
  });

  test("values stay the text they are; lists, booleans, nulls and upper-case keys are understood", () => {
    const { config } = parse(
      yaml("Log-Path: [a, 'b,c']\nprovisioning: True\nfile: 012\nlog-level: ~\nmetrics-port:\nhealth-check: 'false'\n"),
    );
    assert.deepEqual(config.logPath, ["a", "b,c"]);
    assert.equal(config.provisioning, true);
    assert.equal(config.file, "012");
    assert.equal(config.logLevel, "info");
    assert.equal(config.metricsPort, undefined);
    assert.equal(config.healthCheck, false);
    for (const empty of ["", "# nothing\n", "---\n", "~"]) assert.deepEqual(parse(yaml(empty)).warnings, []);
  });

  for (const [why, text, pattern] of [
    ["broken syntax", "file: a: b", /not valid YAML \(BLOCK_AS_IMPLICIT_KEY, line 1\)/],
    ["a key twice", "file: a\nfile: b", /not valid YAML \(DUPLICATE_KEY, line 2\)/],
    ["a plain text", "cursor-api-key hunter2", /not a mapping/],
    ["several documents", "file: a\n---\nfile: b", /several documents/],
    ["nested values", "file:\n  path: hunter2", /file in \.baton\.yaml has nested values \(line 1\)/],
    ["an alias", "file: *hunter2", /nested values/],
  ] as const) {
    test(`${why}: a problem that does not repeat the content`, () => {
      const [problem = ""] = problemsOf(yaml(text));
      assert.match(problem, pattern);
      assert.doesNotMatch(problem, /hunter2/);
    });
  }

  test("an unknown key is a warning with its line and the nearest key", () => {
    assert.deepEqual(parse(yaml("file: a\nlog-levle: debug\n")).warnings, [
      ".baton.yaml, line 2: the key is not an option and has no effect; did you mean log-level?",
    ]);
  });

  test("a bad value names the file", () => {
    assert.deepEqual(problemsOf(yaml("task-concurrency: many")), [
      '--task-concurrency (BATON_TASK_CONCURRENCY) is "many", not a whole number (in .baton.yaml): give a whole number from 1 to 100',
    ]);
  });
});

suite("values", () => {
  const good: readonly [string, string, keyof Config, unknown][] = [
    ["BATON_TASK_CONCURRENCY", "100", "taskConcurrency", 100],
    ["BATON_HTTP_TIMEOUT_SECONDS", "1800", "httpTimeoutSeconds", 1800],
    ["BATON_GET_TASKS", "T", "getTasks", true],
    ["BATON_C1_API_HOST", "h.example:443", "c1ApiHost", "h.example:443"],
    ["BATON_C1_API_HOST", "", "c1ApiHost", undefined],
    ["BATON_HOST_ID", "pod-7", "hostId", "pod-7"],
    ["BATON_HOST_ID", "", "hostId", "machine"],
    ["POD_NAME", "baton-cursor-7d9f-abcde", "hostId", "baton-cursor-7d9f-abcde"],
    ["POD_NAME", "", "hostId", "machine"],
    ["BATON_LEASE_NAME", "baton-cursor", "leaseName", "baton-cursor"],
    ["BATON_LOG_LEVEL", "WARN", "logLevel", "warn"],
    ["BATON_LOG_LEVEL", "dpanic", "logLevel", "error"],
    ["BATON_LOG_FORMAT", "json", "logFormat", "json"],
    ["BATON_LOG_PATH", "stdout,a.log", "logPath", ["stderr", "a.log"]],
    ["BATON_HEALTH_CHECK_BIND_ADDRESS", "::", "healthCheckBindAddress", "::"],
    ["BATON_SHUTDOWN_GRACE", "1m30s", "shutdownGraceMs", 90_000],
    ["BATON_CURSOR_BASE_URL", "https://proxy.example/cursor/", "cursorBaseUrl", "https://proxy.example/cursor"],
    ["BATON_CURSOR_BASE_URL", "http://127.0.0.1:80", "cursorBaseUrl", "http://127.0.0.1"],
    ["BATON_CURSOR_BASE_URL", "http://[::1]:8080", "cursorBaseUrl", "http://[::1]:8080"],
    ["BATON_CURSOR_MAX_SHRINK_PERCENT", "0", "cursorMaxShrinkPercent", 0],
    ["BATON_CURSOR_SHRINK_ACKNOWLEDGED", "120", "cursorShrinkAcknowledged", 120],
    ["BATON_SYNC_RESOURCE_TYPES", "user, role,user", "syncResourceTypes", ["user", "role"]],
    ["BATON_STORAGE_ENGINE", "", "storageEngine", "sqlite"],
  ];
  for (const [name, text, key, value] of good) {
    test(`${name}=${text}`, () => assert.deepEqual(parse({ env: { [name]: text } }).config[key], value));
  }

  for (const [name, text, pattern] of [
    ["BATON_TASK_CONCURRENCY", "0", /is 0: give a whole number from 1 to 100/],
    ["BATON_TASK_CONCURRENCY", "101", /is 101/],
    ["BATON_TASK_CONCURRENCY", "1.5", /not a whole number/],
    ["BATON_HTTP_TIMEOUT_SECONDS", "0", /from 1 to 1800/],
    ["BATON_HTTP_TIMEOUT_SECONDS", "-1", /from 1 to 1800/],
    ["BATON_HTTP_TIMEOUT_SECONDS", "1801", /from 1 to 1800/],
    ["BATON_GET_TASKS", "yes", /is "yes": write true or false/],
    ["BATON_C1_API_HOST", "https://acme.conductor.one", /without https:\/\//],
    ["BATON_HOST_ID", "x".repeat(257), /has 257 characters/],
    ["BATON_LEASE_NAME", "Baton_Cursor", /not a name that Kubernetes knows: give small letters/],
    ["BATON_LOG_LEVEL", "loud", /use one of debug, info, warn, error/],
    ["BATON_LOG_FORMAT", "xml", /use one of json, console/],
    ["BATON_LOG_PATH", '"open', /quote/],
    ["BATON_HEALTH_CHECK_PORT", "65536", /from 0 to 65535/],
    ["BATON_METRICS_PORT", "tcp://10.0.0.1:9090", /enableServiceLinks: false/],
    ["BATON_HEALTH_CHECK_BIND_ADDRESS", "everywhere", /not an IP address/],
    ["BATON_SHUTDOWN_GRACE", "20", /write a number with its unit, such as 20s/],
    ["BATON_SHUTDOWN_GRACE", "2h", /within 0s\.\.1h/],
    ["BATON_CURSOR_BASE_URL", "http://api.cursor.com", /plain http is for this machine only/],
    ["BATON_CURSOR_BASE_URL", "http://127.0.0.1.evil.example", /plain http/],
    ["BATON_CURSOR_BASE_URL", "api.cursor.com", /unusable address/],
    ["BATON_CURSOR_BASE_URL", "https://user:hunter2@api.cursor.com", /without user name/],
    ["BATON_CURSOR_BASE_URL", "https://api.cursor.com/?a=hunter2", /query/],
    ["BATON_CURSOR_SCIM_ENDPOINT", "http://scim.example", /plain http/],
    ["BATON_CURSOR_REQUESTS_PER_MINUTE", "0", /from 1 to/],
    ["BATON_SCIM_REQUESTS_PER_MINUTE", "0", /from 1 to/],
    ["BATON_CURSOR_MAX_BODY_MIB", "0", /from 1 to 512/],
    ["BATON_CURSOR_MAX_SHRINK_PERCENT", "101", /from 0 to 100/],
    ["BATON_CURSOR_SHRINK_ACKNOWLEDGED", "0", /from 1 to/],
    ["BATON_SYNC_RESOURCE_TYPES", "user,group", /contains "group": use only user, role/],
    ["BATON_STORAGE_ENGINE", "mysql", /use one of sqlite, pebble/],
    ["BATON_CURSOR_API_KEY", "two words", /contains blanks/],
  ] as const) {
    test(`${name}=${text.slice(0, 40)} is a problem with its fix`, () => {
      const problems = problemsOf({ env: { [name]: text } });
      const own = problems.filter((problem) => new RegExp(`^(--[a-z0-9-]+ [(])?${name}\\b`).test(problem));
      assert.equal(own.length, 1, problems.join("\n"));
      assert.match(own[0] ?? "", pattern);
      assert.doesNotMatch(own[0] ?? "", /hunter2/);
    });
  }

  test("a collector's address with a user name or a password is refused wherever it comes from, unrepeated", () => {
    const flag = "--otel-collector-endpoint";
    const variables = [
      "BATON_OTEL_COLLECTOR_ENDPOINT",
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
    const url = "https://me:hunter2@collector.example:4318/x";
    const worlds: World[] = [
      ...variables.map((name) => ({ env: { [name]: url } })),
      { env: { OTEL_EXPORTER_OTLP_ENDPOINT: "https://hunter2@collector.example" } },
      { files: { "/srv/.baton.yaml": `otel-collector-endpoint: ${url}\n` } },
      ...[url, "me:hunter2@collector.example:4317", "HTTPS://me:hunter2@collector.example"].map((address) => ({
        argv: [`${flag}=${address}`],
      })),
    ];
    for (const world of worlds) {
      const problems = problemsOf(world);
      assert.equal(problems.length, 1, JSON.stringify(world));
      assert.match(problems[0] ?? "", /a user name or a password.*OTEL_EXPORTER_OTLP_HEADERS/);
      assert.doesNotMatch(problems[0] ?? "", /hunter2|me:/);
    }
    const without = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector.example/a@b" };
    assert.equal(parse({ argv: [`${flag}=collector.example:4317`], env: without }).warnings.length, 0);
  });

  test("a host name that is empty or too long still gives a usable host id", () => {
    assert.equal(parse({ hostname: "" }).config.hostId, "baton-sdk");
    assert.equal(parse({ hostname: "x".repeat(300) }).config.hostId.length, 256);
  });

  test("temporary directory: flag over BATON_TMPDIR over the system's", () => {
    const files = { "/a/x": "", "/b/x": "" };
    assert.equal(parse({}).config.c1zTempDir, "/tmp");
    assert.equal(parse({ env: { BATON_TMPDIR: "/a" }, files }).config.c1zTempDir, "/a");
    assert.equal(parse({ argv: ["--c1z-temp-dir=/b"], env: { BATON_TMPDIR: "/a" }, files }).config.c1zTempDir, "/b");
  });
});

suite("what belongs together", () => {
  test("a client id needs a client secret, and the other way round", () => {
    const { BATON_CLIENT_ID, BATON_CLIENT_SECRET } = serviceEnv;
    assert.match(problemsOf({ env: { BATON_CLIENT_ID } })[0] ?? "", /client-secret is required in service mode/);
    assert.match(problemsOf({ env: { BATON_CLIENT_SECRET } })[0] ?? "", /--client-id \(BATON_CLIENT_ID\) is missing/);
  });

  test("the SCIM endpoint and its token need each other", () => {
    assert.deepEqual(problemsOf({ env: { BATON_CURSOR_SCIM_ENDPOINT: "https://s.example" } }), [
      "--cursor-scim-token (BATON_CURSOR_SCIM_TOKEN) is required together with the SCIM endpoint: set it as well, or unset --cursor-scim-endpoint (BATON_CURSOR_SCIM_ENDPOINT)",
    ]);
    assert.match(
      problemsOf({ env: { BATON_CURSOR_SCIM_TOKEN: "t" } })[0] ?? "",
      /--cursor-scim-endpoint .* is required/,
    );
  });

  test("the API key is required in both modes", () => {
    for (const env of [{ BATON_CURSOR_API_KEY: "" }, { ...serviceEnv, BATON_CURSOR_API_KEY: " " }]) {
      assert.match(problemsOf({ env })[0] ?? "", /--cursor-api-key \(BATON_CURSOR_API_KEY\) is missing: set it/);
    }
  });

  test("metrics cannot have the health listener's port to themselves", () => {
    const env = { BATON_METRICS_PORT: "8081" };
    assert.match(problemsOf({ env })[0] ?? "", /the port of the health listener/);
    assert.equal(parse({ env: { ...env, BATON_HEALTH_CHECK: "false" } }).config.metricsPort, 8081);
  });

  test("a port of their own for metrics, without the health server that has it, is worth a warning in service mode", () => {
    const env = { BATON_HEALTH_CHECK: "false", BATON_METRICS_PORT: "9090" };
    assert.deepEqual(parse({ env: { ...serviceEnv, ...env } }).warnings, [
      "--metrics-port (BATON_METRICS_PORT) has no effect: --health-check (BATON_HEALTH_CHECK) is off, and nobody serves /metrics",
    ]);
    assert.deepEqual(parse({ env }).warnings, []);
    assert.deepEqual(parse({ env: { ...serviceEnv, BATON_METRICS_PORT: "9090" } }).warnings, []);
    assert.deepEqual(parse({ env: { ...serviceEnv, BATON_HEALTH_CHECK: "false" } }).warnings, []);
  });

  test("directories must be there and writable", () => {
    assert.match(
      problemsOf({ argv: ["--c1z-temp-dir=/gone"] })[0] ?? "",
      /is \/gone, which does not exist: .*emptyDir/,
    );
    const readOnly = ["/ro"];
    assert.match(problemsOf({ env: { BATON_TMPDIR: "/ro" }, readOnly })[0] ?? "", /is \/ro, which is not writable/);
    assert.match(
      problemsOf({ argv: ["-f/ro/sync.c1z"], readOnly })[0] ?? "",
      /--file .* is in \/ro, which is not writable/,
    );
    assert.match(problemsOf({ argv: ["--log-path=/gone/a.log"] })[0] ?? "", /--log-path .* is in \/gone/);
    assert.match(problemsOf({ argv: ["--log-path=/tmp"] })[0] ?? "", /--log-path .* is \/tmp, which is a directory/);
    assert.deepEqual(parse({ env: serviceEnv, argv: ["--log-path=/dev/stdout"] }).warnings, []);
  });
});

suite("options of other connectors", () => {
  test("ignored ones warn with the reason, unless they are switched off", () => {
    assert.deepEqual(parse({ argv: ["--workers", "4"], env: { BATON_TICKETING: "false" } }).warnings, [
      "--workers (BATON_WORKERS) has no effect: one request reads the whole team; there is nothing to do in parallel",
    ]);
    assert.match(
      parse({ env: { BATON_KEEP_SYNC_COUNT: "3" } }).warnings[0] ?? "",
      /^BATON_KEEP_SYNC_COUNT has no effect/,
    );
  });

  test("refused ones end with exit code 12 and the reason", () => {
    const error = failure({ env: oneShotEnv, argv: ["--rotate-credentials", "1", "--rotate-credentials-type=user"] });
    assert.equal(error.exitCode, 12);
    assert.equal(error.problems.length, 2);
    assert.match(
      error.message,
      /--rotate-credentials \(BATON_ROTATE_CREDENTIALS\) is not supported: Cursor's Admin API has no credentials/,
    );
  });

  test("an empty full sync is refused in both modes; switched off it is nothing", () => {
    for (const env of [oneShotEnv, serviceEnv]) {
      const error = failure({ env: { ...env, BATON_SKIP_FULL_SYNC: "1" } });
      assert.equal(error.exitCode, 12);
      assert.match(error.message, /everybody has left/);
      assert.deepEqual(parse({ env: { ...env, BATON_SKIP_FULL_SYNC: "false" } }).warnings, []);
    }
  });

  test("in service mode all one-shot options are ignored with one warning", () => {
    const argv = ["-f", "/gone/x.c1z", "--delete-resource=1", "--sync-resources=a", "--skip-grants"];
    assert.deepEqual(parse({ env: serviceEnv, argv }).warnings, [
      "in service mode these have no effect: --file (BATON_FILE), --skip-grants (BATON_SKIP_GRANTS), --delete-resource (BATON_DELETE_RESOURCE), --sync-resources (BATON_SYNC_RESOURCES)",
    ]);
  });

  test("pebble and provisioning are accepted with a warning", () => {
    const { config, warnings } = parse({ env: { BATON_STORAGE_ENGINE: "pebble", BATON_PROVISIONING: "true" } });
    assert.equal(config.provisioning, true);
    assert.match(warnings[0] ?? "", /SQLite kind/);
    assert.match(warnings[1] ?? "", /no SCIM endpoint/);
  });

  test("the published manifest starts without a problem", () => {
    const env = { ...serviceEnv, BATON_HOST_ID: "baton-cursor", BATON_PROVISIONING: "true" };
    const { warnings } = parse({ env });
    assert.equal(warnings.length, 2);
    assert.match(warnings[1] ?? "", /BATON_HOST_ID is baton-cursor, .* two replicas would be one to C1; unset it/);
  });
});

suite("replicas", () => {
  const pod = { ...serviceEnv, POD_NAME: "pod-1", POD_NAMESPACE: "connectors" };

  test("leader election needs the name of a Lease, and says so", () => {
    const problems = problemsOf({ env: { ...pod, BATON_LEADER_ELECTION: "true" } });
    assert.match(
      problems[0] ?? "",
      /--lease-name \(BATON_LEASE_NAME\) is missing although --leader-election .* is on: name an/,
    );
    assert.equal(problems.length, 1);
  });

  test("Events need the pod's name", () => {
    const problems = problemsOf({ env: { ...serviceEnv, BATON_KUBERNETES_EVENTS: "true" } });
    assert.match(problems[0] ?? "", /POD_NAME is missing .* by the downward API/);
  });

  test("a one-shot run does not care", () => {
    assert.deepEqual(parse({ env: { BATON_LEADER_ELECTION: "true" } }).warnings, []);
  });

  test("with everything set there is nothing to say", () => {
    const env = { ...pod, BATON_LEADER_ELECTION: "true", BATON_LEASE_NAME: "baton-cursor" };
    const { config, warnings } = parse({ env });
    assert.deepEqual(warnings, []);
    assert.deepEqual([config.hostId, config.podNamespace, config.leaseName], ["pod-1", "connectors", "baton-cursor"]);
  });

  test("a host id that all replicas share is worth a warning", () => {
    const [shared] = parse({ env: { ...pod, BATON_HOST_ID: "baton-cursor" } }).warnings;
    assert.match(shared ?? "", /as in the published manifest/);
    const [other] = parse({ env: { ...pod, BATON_HOST_ID: "cursor" } }).warnings;
    assert.match(other ?? "", /BATON_HOST_ID is not the pod's name/);
    assert.deepEqual(parse({ env: { ...pod, BATON_HOST_ID: "pod-1" } }).warnings, []);
  });

  test("all poll or one does", () => {
    const all = { ...pod, BATON_ACTIVE_ACTIVE_REPLICAS: "3" };
    assert.equal(parse({ env: all }).config.activeActiveReplicas, 3);
    const both = { ...all, BATON_LEADER_ELECTION: "true", BATON_LEASE_NAME: "l" };
    assert.match(problemsOf({ env: both })[0] ?? "", /lets all replicas poll, and leader election one/);
    const few = { ...all, BATON_CURSOR_REQUESTS_PER_MINUTE: "2" };
    assert.match(problemsOf({ env: few })[0] ?? "", /is 3, more than there are requests to Cursor per minute \(2\)/);
  });

  test("what has no effect without election is told", () => {
    const { warnings } = parse({ env: { ...pod, BATON_LEASE_NAME: "l", BATON_LEADER_ELECTION_STRICT: "true" } });
    assert.match(warnings.join(" "), /BATON_LEASE_NAME\) has no effect.*BATON_LEADER_ELECTION_STRICT\) has no effect/);
  });
});

suite("unknown names", () => {
  test("an unknown variable warns with the nearest one; Kubernetes' service links are passed over", () => {
    const env = {
      BATON_CURSOR_APIKEY: "x",
      BATON_SOMETHING_ELSE: "x",
      BATON_CURSOR_SERVICE_HOST: "10.0.0.1",
      BATON_CURSOR_SERVICE_PORT_HTTP: "8081",
      BATON_CURSOR_PORT: "tcp://10.0.0.1:8081",
      BATON_CURSOR_PORT_8081_TCP_ADDR: "10.0.0.1",
      NOT_BATON: "x",
    };
    assert.deepEqual(parse({ env }).warnings, [
      "BATON_CURSOR_APIKEY is not a variable of this program and has no effect; did you mean BATON_CURSOR_API_KEY?",
      "BATON_SOMETHING_ELSE is not a variable of this program and has no effect",
    ]);
  });

  test("the name of an unknown variable cannot break the line", () => {
    const { warnings } = parseConfig(configInput({ env: { ...oneShotEnv, "BATON_\u2028X\u202EY\n": "1" } }));
    assert.deepEqual(warnings, ["BATON_ X Y  is not a variable of this program and has no effect"]);
  });

  test("the warnings come with the error, because a slip explains what is missing", () => {
    const error = failure({ env: { BATON_CURSOR_APIKEY: "x" } });
    assert.equal(error.exitCode, 2);
    assert.match(error.warnings[0] ?? "", /did you mean BATON_CURSOR_API_KEY/);
  });
});

suite("errors", () => {
  test("all problems at once, each with field and fix, on one line in all", () => {
    const error = failure({
      argv: ["--taks-concurrency=2", "stray\nhunter2"],
      env: { BATON_LOG_LEVEL: "loud", BATON_HTTP_TIMEOUT_SECONDS: "0", BATON_CLIENT_ID: "x" },
    });
    assert.equal(error.exitCode, 2);
    assert.equal(error.code, "invalid_argument");
    assert.deepEqual(error.problems.map(({ field }) => field).sort(), [
      "--client-id (BATON_CLIENT_ID)",
      "--client-secret (BATON_CLIENT_SECRET)",
      "--cursor-api-key (BATON_CURSOR_API_KEY)",
      "--http-timeout-seconds (BATON_HTTP_TIMEOUT_SECONDS)",
      "--log-level (BATON_LOG_LEVEL)",
      "--taks-concurrency",
      "the command line",
    ]);
    for (const { message, fix } of error.problems) assert.ok(message !== "" && fix !== "");
    assert.doesNotMatch(error.message, /hunter2|\n/);
  });

  test("names with control characters stay on one line", () => {
    assert.doesNotMatch(parse({ env: { "BATON_A\nB": "x" } }).warnings[0] ?? "", /\p{Cc}/u);
    assert.doesNotMatch(failure({ env: oneShotEnv, argv: ["--c1z-temp-dir=/a\nb\x1b[31m"] }).message, /\p{Cc}/u);
  });
});
