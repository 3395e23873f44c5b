import type { Connector } from "../baton/connector.ts";
import { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import { createCursorConnector, proveCursorKey } from "../connectors/cursor/connector.ts";
import { createRateLimiter } from "../http/rate-limiter.ts";
import type { Transport } from "../http/transport.ts";
import { upstreamMetrics } from "../observability/hooks.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createScimClient, type ScimClient } from "../scim/client.ts";
import type { LiveCredentials, ScimAccess } from "./credentials.ts";
import type { AppDeps } from "./deps.ts";

/** Cursor and the SCIM directory of the team, under the credentials of the moment. */
export interface Upstreams {
  readonly connector: Connector;
  /** Tries a key out within the rate budget. Rejects with what the operator should do. */
  proveCursorKey(key: Secret, signal: AbortSignal): Promise<void>;
  /** Tries address and token of a directory out. Rejects likewise. */
  proveScim(access: ScimAccess, signal: AbortSignal): Promise<void>;
}

const maxRateLimitPauseMs = 5 * 60_000;
/** A directory answers about one person at a time; nobody waits five minutes for that. */
const scimTimeoutMs = 60_000;
const scimConcurrency = 4;
const scimSettings = {
  endpoint: "BATON_CURSOR_SCIM_ENDPOINT",
  token: "BATON_CURSOR_SCIM_TOKEN",
  requestsPerMinute: "BATON_SCIM_REQUESTS_PER_MINUTE",
};

/** Connects Cursor and, where it is configured at the start, the SCIM directory of the team. */
export function createUpstreams(
  deps: AppDeps,
  transport: Transport,
  metrics: Metrics,
  credentials: LiveCredentials,
): Upstreams {
  const { config, clock, random, log } = deps;
  const hooks = upstreamMetrics(metrics, "cursor_admin");
  const api = {
    baseUrl: config.cursorBaseUrl,
    transport,
    limiter: createRateLimiter({
      requestsPerMinute: config.cursorRequestsPerMinute,
      concurrency: 1,
      maxPauseMs: maxRateLimitPauseMs,
      clock,
      ...hooks,
    }),
    limits: { totalTimeoutMs: config.httpTimeoutSeconds * 1000, maxBodyBytes: config.cursorMaxBodyMib * 1024 * 1024 },
    clock,
    random,
    onResponse: hooks.onResponse,
  };
  const openScim = scimOpener(deps, transport, metrics);
  const connector = createCursorConnector({
    ...api,
    apiKey: () => credentials.cursor.active() ?? new Secret(""),
    onResponse(event) {
      hooks.onResponse(event);
      watchKey(event.status, credentials);
    },
    log,
    skipRemoved: config.cursorSkipRemoved,
    shrink: {
      maxPercent: config.cursorMaxShrinkPercent,
      strict: config.cursorShrinkStrict,
      acknowledged: config.cursorShrinkAcknowledged,
    },
    scim: credentials.scim.active() === undefined ? undefined : followScim(credentials, openScim),
    accounts: {
      rosterMaxAgeMs: config.cursorRosterMaxAgeMs,
      allowDeactivation: config.cursorScimAllowDeactivation,
      removeUnmanaged: config.cursorRemoveUnmanaged,
    },
  });
  return {
    connector,
    proveCursorKey: (key, signal) => proveCursorKey({ ...api, apiKey: () => key }, signal),
    proveScim: (access, signal) => openScim(access.endpoint, () => access.token).validate(signal),
  };
}

/** A key that is rejected may have been replaced by one that waits. */
function watchKey(status: number | undefined, credentials: LiveCredentials): void {
  if (status !== undefined && status < 300) credentials.cursor.trusted();
  if (status !== 401 || !credentials.rotates) return;
  const error = new StatusError(
    "unauthenticated",
    "Cursor rejected BATON_CURSOR_API_KEY: put a right key into the Secret",
  );
  credentials.cursor.suspect(error);
  credentials.look();
}

type OpenScim = (endpoint: string, token: () => Secret) => ScimClient;

/** All clients share one rate budget, whatever becomes of their credentials. */
function scimOpener(deps: AppDeps, transport: Transport, metrics: Metrics): OpenScim {
  const { config, clock, random, log } = deps;
  const hooks = upstreamMetrics(metrics, "cursor_scim");
  const limiter = createRateLimiter({
    requestsPerMinute: config.scimRequestsPerMinute,
    concurrency: scimConcurrency,
    maxPauseMs: maxRateLimitPauseMs,
    clock,
    ...hooks,
  });
  return (endpoint, token) =>
    createScimClient({
      endpoint,
      token,
      transport,
      limiter,
      limits: {
        totalTimeoutMs: Math.min(scimTimeoutMs, config.httpTimeoutSeconds * 1000),
        maxBodyBytes: config.cursorMaxBodyMib * 1024 * 1024,
      },
      clock,
      random,
      names: scimSettings,
      maxScanAgeMs: config.cursorRosterMaxAgeMs,
      onResponse: hooks.onResponse,
      onRetry: ({ operation, attempt, delayMs, error }) =>
        log.warn("a call to the SCIM directory failed and is repeated", {
          operation,
          attempt,
          code: error.code,
          delayMs: Math.round(delayMs),
          reason: error.message,
        }),
    });
}

/** A client of the directory in use. A new token counts at once; another directory gets a client of its own. */
function followScim({ scim }: LiveCredentials, open: OpenScim): ScimClient {
  let built: { readonly endpoint: string; readonly client: ScimClient } | undefined;
  const client = (): ScimClient => {
    const access = scim.active();
    if (access === undefined) throw new StatusError("failed_precondition", "there are no SCIM credentials");
    if (built?.endpoint !== access.endpoint) {
      built = { endpoint: access.endpoint, client: open(access.endpoint, () => scim.active()?.token ?? access.token) };
    }
    return built.client;
  };
  return {
    validate: (signal) => client().validate(signal),
    findUsers: (email, thorough, signal) => client().findUsers(email, thorough, signal),
    createUser: (user, signal) => client().createUser(user, signal),
    setActive: (user, active, signal) => client().setActive(user, active, signal),
    deleteUser: (user, signal) => client().deleteUser(user, signal),
  };
}
