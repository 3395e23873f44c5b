import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { envName } from "./option.ts";
import { environmentOnly, options, optionTable, secretOptions } from "./options.ts";

/** The flags that every connector of the family has, by what this one does with them. */
const works = `client-id client-secret provisioning file log-level log-format log-path sync-resource-types
  skip-entitlements-and-grants skip-grants health-check health-check-port health-check-bind-address http-timeout-seconds
  storage-engine task-concurrency c1z-temp-dir create-account-login create-account-email create-account-profile
  create-account-resource-type delete-resource delete-resource-type
  otel-collector-endpoint otel-collector-endpoint-tls-insecure otel-tracing-disabled`;
const ignored = `ticketing log-level-debug-expires-at workers parallel-sync auth-method external-resource-c1z
  external-resource-entitlement-id-filter external-resource-traits keep-previous-sync-c1z
  otel-collector-endpoint-tls-cert-path otel-collector-endpoint-tls-cert
   otel-logging-disabled session-store-maximum-size log-event-log`;
const refusedAlways = "skip-full-sync";
const refusedInOneShot = `sync-resources rotate-credentials rotate-credentials-type
  grant-entitlement grant-principal grant-principal-type revoke-grant event-feed event-feed-id event-feed-start-at
  event-feed-cursor create-ticket ticket-template-path bulk-create-ticket bulk-ticket-template-path get-ticket ticket-id
  list-ticket-schemas invoke-action invoke-action-args invoke-action-resource-type list-action-schemas
  list-action-schemas-resource-type list-resource-actions invoke-resource-action invoke-resource-action-resource-type
  invoke-resource-action-args diff-syncs base-sync-id applied-sync-id compact-syncs compact-file-paths compact-sync-ids
  compact-output-path`;
/** Ours, beyond the family's. */
const own = `cursor-api-key cursor-scim-endpoint cursor-scim-token cursor-base-url cursor-requests-per-minute
  scim-requests-per-minute cursor-max-body-mib cursor-skip-removed cursor-max-shrink-percent cursor-shrink-strict
  cursor-shrink-acknowledged secrets-dir shutdown-grace metrics-port status status-port status-bind-address log-pii cursor-pending-account cursor-remove-unmanaged
  cursor-roster-max-age cursor-scim-allow-deactivation max-deletes-per-hour provisioning-dry-run dry-run output yes
  active-active-replicas leader-election lease-name leader-election-strict kubernetes-events`;
/** Variables without a flag. */
const variables = `BATON_C1_API_HOST BATON_HOST_ID BATON_GET_TASKS BATON_ZSTD_POOL_DISABLE BATON_KEEP_SYNC_COUNT
  BATON_DECODER_MAX_DECODED_SIZE_MB BATON_DECODER_MAX_MEMORY_MB BATON_DISABLE_FCS_FAIL_FAST BATON_SKIP_CLEANUP
  BATON_C1Z_FINALIZE_TIMEOUT BATON_SECRET_NAME BATON_SERVICE BATON_ALLOW_REPOINT
  POD_NAME POD_NAMESPACE POD_UID KUBECONFIG OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_TRACES_PROTOCOL OTEL_SDK_DISABLED`;

const words = (text: string) => text.split(/\s+/).sort();
const flags = (keep: (row: (typeof optionTable)[number]) => boolean) =>
  optionTable.filter(keep).flatMap(({ flag }) => flag ?? []);

suite("option table", () => {
  test("every standard flag is there, in the class it belongs to", () => {
    assert.deepEqual(flags((row) => row.standing === "works").sort(), words(`${works} ${own}`));
    assert.deepEqual(flags((row) => row.standing === "ignored").sort(), words(ignored));
    assert.deepEqual(flags((row) => row.standing === "refused" && row.oneShot).sort(), words(refusedInOneShot));
    assert.deepEqual(
      flags((row) => row.standing === "refused" && !row.oneShot),
      [refusedAlways],
    );
  });

  test("every variable without a flag is there", () => {
    assert.deepEqual(optionTable.flatMap(({ flag, env }) => (flag === undefined ? env : [])).sort(), words(variables));
    assert.deepEqual(
      environmentOnly.slice(0, 2).map(({ env }) => env),
      ["BATON_CONFIG_PATH", "BATON_TMPDIR"],
    );
  });

  test("names are unique and variables follow from flags", () => {
    for (const names of [
      flags(() => true),
      optionTable.map((row) => row.env),
      optionTable.flatMap((row) => row.short ?? []),
    ]) {
      assert.equal(new Set(names).size, names.length);
    }
    for (const { flag, env } of optionTable) if (flag !== undefined) assert.equal(env, envName(flag));
  });

  test("short flags are those of the family", () => {
    assert.deepEqual(optionTable.flatMap(({ short, flag }) => (short === undefined ? [] : `${short} ${flag}`)).sort(), [
      "f file",
      "p provisioning",
    ]);
  });

  test("flags that take no value are the switches of the family", () => {
    const switches = flags((row) => row.type.kind === "bool" && row.standing !== "works").sort();
    assert.deepEqual(
      switches,
      words(`ticketing log-event-log parallel-sync keep-previous-sync-c1z
        otel-logging-disabled skip-full-sync create-ticket bulk-create-ticket get-ticket
        list-ticket-schemas list-action-schemas diff-syncs compact-syncs`),
    );
  });

  test("what does nothing says why, what works says what it does", () => {
    for (const { standing, reason, help, flag } of optionTable) {
      assert.ok((standing === "works" ? help : reason).length > 10, `${flag}`);
      assert.doesNotMatch(`${help}${reason}`, /\.$/, `${flag} ends with a full stop`);
    }
  });

  test("the five credentials, and only they, are secrets", () => {
    assert.deepEqual(secretOptions.map(({ env }) => env).sort(), [
      "BATON_CLIENT_ID",
      "BATON_CLIENT_SECRET",
      "BATON_CURSOR_API_KEY",
      "BATON_CURSOR_SCIM_ENDPOINT",
      "BATON_CURSOR_SCIM_TOKEN",
    ]);
  });

  test("defaults", () => {
    const defaults = Object.fromEntries(
      Object.entries(options).map(([key, row]) => [
        key,
        row.byDefault?.({ hostname: "pod-1", tempDir: "/tmp", podName: "" }),
      ]),
    );
    assert.deepEqual(defaults, {
      clientId: undefined,
      clientSecret: undefined,
      c1ApiHost: undefined,
      hostId: "pod-1",
      getTasks: false,
      taskConcurrency: 3,
      httpTimeoutSeconds: 300,
      logLevel: "info",
      logFormat: undefined,
      logPath: [],
      logPii: false,
      healthCheck: true,
      healthCheckPort: 8081,
      healthCheckBindAddress: "127.0.0.1",
      metricsPort: undefined,
      status: true,
      statusPort: 8082,
      statusBindAddress: "127.0.0.1",
      c1zTempDir: "/tmp",
      secretsDir: undefined,
      secretName: undefined,
      service: false,
      allowRepoint: false,
      shutdownGraceMs: 20_000,
      cursorApiKey: undefined,
      cursorScimEndpoint: undefined,
      cursorScimToken: undefined,
      provisioning: false,
      cursorBaseUrl: "https://api.cursor.com",
      cursorRequestsPerMinute: 15,
      scimRequestsPerMinute: 60,
      cursorMaxBodyMib: 64,
      cursorSkipRemoved: false,
      cursorMaxShrinkPercent: 30,
      cursorShrinkStrict: false,
      cursorShrinkAcknowledged: undefined,
      file: "sync.c1z",
      syncResourceTypes: [],
      skipEntitlementsAndGrants: false,
      skipGrants: false,
      storageEngine: "sqlite",
      createAccountEmail: undefined,
      createAccountLogin: undefined,
      createAccountProfile: undefined,
      createAccountResourceType: undefined,
      deleteResource: undefined,
      deleteResourceType: undefined,
      cursorPendingAccount: "in_progress",
      cursorRemoveUnmanaged: false,
      cursorRosterMaxAgeMs: 30_000,
      cursorScimAllowDeactivation: false,
      maxDeletesPerHour: 50,
      provisioningDryRun: false,
      dryRun: false,
      otelCollectorEndpoint: undefined,
      otelCollectorInsecure: false,
      otelSdkDisabled: false,
      otelTracingDisabled: false,
      otlpEndpoint: undefined,
      otlpProtocol: undefined,
      otlpTracesEndpoint: undefined,
      otlpTracesProtocol: undefined,
      output: "text",
      yes: false,
      leaderElection: false,
      leaseName: undefined,
      leaderElectionStrict: false,
      activeActiveReplicas: 1,
      kubernetesEvents: false,
      podName: undefined,
      podNamespace: undefined,
      podUid: undefined,
      kubeconfig: undefined,
    });
  });
});
