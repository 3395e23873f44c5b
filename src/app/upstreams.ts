import type { Connector } from "../baton/connector.ts";
import { Secret } from "../baton/secret.ts";
import { createCursorConnector } from "../connectors/cursor/connector.ts";
import { createRateLimiter } from "../http/rate-limiter.ts";
import type { Transport } from "../http/transport.ts";
import { upstreamMetrics } from "../observability/hooks.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createScimClient, type ScimClient } from "../scim/client.ts";
import type { AppDeps } from "./deps.ts";

const maxRateLimitPauseMs = 5 * 60_000;
/** A directory answers about one person at a time; nobody waits five minutes for that. */
const scimTimeoutMs = 60_000;
const scimConcurrency = 4;
const scimSettings = {
  endpoint: "BATON_CURSOR_SCIM_ENDPOINT",
  token: "BATON_CURSOR_SCIM_TOKEN",
  requestsPerMinute: "BATON_SCIM_REQUESTS_PER_MINUTE",
};

/** Connects Cursor and, where it is configured, the SCIM directory of the team. */
export function createConnector(deps: AppDeps, transport: Transport, metrics: Metrics): Connector {
  const { config, clock, random, log } = deps;
  const hooks = upstreamMetrics(metrics, "cursor_admin");
  return createCursorConnector({
    apiKey: () => config.cursorApiKey ?? new Secret(""),
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
    log,
    skipRemoved: config.cursorSkipRemoved,
    shrink: {
      maxPercent: config.cursorMaxShrinkPercent,
      strict: config.cursorShrinkStrict,
      acknowledged: config.cursorShrinkAcknowledged,
    },
    onResponse: hooks.onResponse,
    scim: createScim(deps, transport, metrics),
    accounts: {
      rosterMaxAgeMs: config.cursorRosterMaxAgeMs,
      allowDeactivation: config.cursorScimAllowDeactivation,
      removeUnmanaged: config.cursorRemoveUnmanaged,
    },
  });
}

/** `undefined` without an endpoint: then nobody is created or deleted. */
function createScim(deps: AppDeps, transport: Transport, metrics: Metrics): ScimClient | undefined {
  const { config, clock, random, log } = deps;
  const { cursorScimEndpoint: endpoint, cursorScimToken: token } = config;
  if (endpoint === undefined || token === undefined) return undefined;
  const hooks = upstreamMetrics(metrics, "cursor_scim");
  return createScimClient({
    endpoint,
    token: () => token,
    transport,
    limiter: createRateLimiter({
      requestsPerMinute: config.scimRequestsPerMinute,
      concurrency: scimConcurrency,
      maxPauseMs: maxRateLimitPauseMs,
      clock,
      ...hooks,
    }),
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
