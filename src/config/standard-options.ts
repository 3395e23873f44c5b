import { type Group, inert, type OptionRow, type RowInput } from "./option.ts";
import { bool, integer, list, text, type ValueType } from "./value-type.ts";

type Extra = Partial<RowInput<unknown>> & { readonly defaultText?: string };

/** Rows that share a standing, a reason and a group; `*` before a name marks a flag without a value, `+` a list. */
function rows(
  standing: "ignored" | "refused",
  group: Group,
  reason: string,
  names: readonly string[],
  extra: Extra = {},
): readonly OptionRow[] {
  return names.map((name) => {
    const [type, flag]: [ValueType<unknown>, string] = name.startsWith("*")
      ? [bool, name.slice(1)]
      : name.startsWith("+")
        ? [list(), name.slice(1)]
        : [text(), name];
    return inert(standing, { flag, reason, ...extra }, { type, group });
  });
}

/** Variables without a flag that the Go SDK reads; accepted so that nobody's manifest has to change. */
function variables(reason: string, names: readonly string[]): readonly OptionRow[] {
  return names.map((env) => inert("ignored", { env, reason }, { type: text(), group: "Process" }));
}

const oneShot: Extra = { oneShot: true };
const ownAuthority = "name the collector's authority in OTEL_EXPORTER_OTLP_CERTIFICATE";
const rolesAreReadOnly = "Cursor's roles can only be read; nothing can be granted or revoked";
const noTickets = "this connector has no ticket system";
const noActions = "this connector has no actions";
const noEvents = "this version has no event feed";
const noFileTools = "this program only writes sync files; compare or merge them with the `baton` tool";

/** Options of the connector family that have no effect here, each with the reason. */
export const standardOptions: readonly OptionRow[] = [
  ...rows("ignored", "Accounts", `${noTickets}; C1's ticket tasks are refused`, ["*ticketing"]),
  ...rows("ignored", "Logging", "only connectors that C1 hosts use it", ["log-level-debug-expires-at"], {
    exported: "ops",
    displayName: "Time when debug logging ends",
  }),
  ...rows("ignored", "Logging", "there is no Windows event log here; logs go to standard error", ["*log-event-log"]),
  ...rows("ignored", "What is synced", "one request reads the whole team; there is nothing to do in parallel", [
    "workers",
    "*parallel-sync",
  ]),
  ...rows("ignored", "What is synced", "there is one way to authenticate", ["auth-method"]),
  ...rows("ignored", "What is synced", "Cursor's accounts are not matched with other connectors' resources", [
    "external-resource-c1z",
    "external-resource-entitlement-id-filter",
    "external-resource-traits",
  ]),
  ...rows("ignored", "What is synced", "every sync reads the team anew; an earlier file is not needed", [
    "*keep-previous-sync-c1z",
  ]),
  inert(
    "ignored",
    {
      flag: "session-store-maximum-size",
      reason: "there is no session store",
      type: integer(0, Number.MAX_SAFE_INTEGER),
      defaultText: "15728640",
      exported: "ops",
      displayName: "Session store maximum size in bytes",
    },
    { type: text(), group: "Process" },
  ),
  ...rows(
    "ignored",
    "Health and metrics",
    ownAuthority,
    ["otel-collector-endpoint-tls-cert-path", "otel-collector-endpoint-tls-cert"],
    { exported: "ops" },
  ),
  ...rows("ignored", "Health and metrics", "logs go to standard error only", ["*otel-logging-disabled"], {
    exported: "ops",
  }),
  ...variables("it tunes a part of the Go SDK that does not exist here", [
    "BATON_ZSTD_POOL_DISABLE",
    "BATON_DECODER_MAX_DECODED_SIZE_MB",
    "BATON_DECODER_MAX_MEMORY_MB",
    "BATON_DISABLE_FCS_FAIL_FAST",
    "BATON_C1Z_FINALIZE_TIMEOUT",
  ]),
  ...variables("each file holds exactly one sync", ["BATON_KEEP_SYNC_COUNT", "BATON_SKIP_CLEANUP"]),
  ...rows("refused", "What is synced", "an empty sync would tell C1 that everybody has left", ["*skip-full-sync"]),
  ...rows(
    "refused",
    "What is synced",
    "single resources cannot be synced; use --sync-resource-types to leave out a whole type",
    ["+sync-resources"],
    oneShot,
  ),
  ...rows(
    "refused",
    "Accounts",
    "Cursor's Admin API has no credentials to rotate",
    ["rotate-credentials", "rotate-credentials-type"],
    oneShot,
  ),
  ...rows(
    "refused",
    "Accounts",
    rolesAreReadOnly,
    ["grant-entitlement", "grant-principal", "grant-principal-type", "revoke-grant"],
    oneShot,
  ),
  ...rows(
    "refused",
    "What is synced",
    noEvents,
    ["event-feed", "event-feed-id", "event-feed-start-at", "event-feed-cursor"],
    oneShot,
  ),
  ...rows(
    "refused",
    "Accounts",
    noTickets,
    [
      "*create-ticket",
      "ticket-template-path",
      "*bulk-create-ticket",
      "bulk-ticket-template-path",
      "*get-ticket",
      "ticket-id",
      "*list-ticket-schemas",
    ],
    oneShot,
  ),
  ...rows(
    "refused",
    "Accounts",
    noActions,
    [
      "invoke-action",
      "invoke-action-args",
      "invoke-action-resource-type",
      "*list-action-schemas",
      "list-action-schemas-resource-type",
      "list-resource-actions",
      "invoke-resource-action",
      "invoke-resource-action-resource-type",
      "invoke-resource-action-args",
    ],
    oneShot,
  ),
  ...rows(
    "refused",
    "What is synced",
    noFileTools,
    [
      "*diff-syncs",
      "base-sync-id",
      "applied-sync-id",
      "*compact-syncs",
      "+compact-file-paths",
      "+compact-sync-ids",
      "compact-output-path",
    ],
    oneShot,
  ),
];
