import type { Connector } from "../baton/connector.ts";
import type { Secret } from "../baton/secret.ts";
import { createCursorConnector, proveCursorKey } from "../connectors/cursor/connector.ts";
import { defaultReading } from "../connectors/cursor/members.ts";
import { surveyTeam, type TeamSurvey } from "../connectors/cursor/survey.ts";
import type { ResponseEvent } from "../http/client.ts";
import { createRateLimiter } from "../http/rate-limiter.ts";
import type { Transport } from "../http/transport.ts";
import { upstreamMetrics } from "../observability/hooks.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createScimClient, type ScimClient } from "../scim/client.ts";
import type { ScimAccess } from "./credential-readings.ts";
import type { LiveCredentials } from "./credentials.ts";
import type { AppDeps } from "./deps.ts";
import { type OpenScim, scimInUse, watchedKey } from "./live-upstreams.ts";
import { share } from "./share.ts";

/** Cursor and the SCIM directory of the team, under the credentials of the moment. */
export interface Upstreams {
  readonly connector: Connector;
  /**
   * The team's directory in use, to be taken once for what belongs together; throws `unavailable` while there are no right
   * credentials. Absent where none is configured.
   */
  readonly scim: (() => ScimClient) | undefined;
  /** Reads the member list and tells what it looks like. Rejects with what the operator should do. */
  surveyTeam(signal: AbortSignal): Promise<TeamSurvey>;
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
      requestsPerMinute: share(config.cursorRequestsPerMinute, config.activeActiveReplicas),
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
  deps.status?.addBudget("Cursor Admin API", () => api.limiter.budget());
  const openScim = scimOpener(deps, transport, metrics, credentials.hasDirectory);
  const scim = credentials.hasDirectory ? scimInUse(credentials, openScim) : undefined;
  const key = watchedKey(credentials);
  const connector = createCursorConnector({
    ...api,
    apiKey: key.take,
    onResponse(event) {
      hooks.onResponse(event);
      tellCall(deps, "Cursor", event);
      key.answered(event.status);
    },
    log,
    skipRemoved: config.cursorSkipRemoved,
    shrink: {
      maxPercent: config.cursorMaxShrinkPercent,
      strict: config.cursorShrinkStrict,
      acknowledged: config.cursorShrinkAcknowledged,
    },
    scim,
    accounts: {
      rosterMaxAgeMs: config.cursorRosterMaxAgeMs,
      allowDeactivation: config.cursorScimAllowDeactivation,
      removeUnmanaged: config.cursorRemoveUnmanaged,
    },
  });
  return {
    connector,
    scim,
    surveyTeam: (signal) => surveyTeam({ ...api, apiKey: key.take, log }, defaultReading, signal),
    proveCursorKey: (key, signal) => proveCursorKey({ ...api, apiKey: () => key }, signal),
    proveScim: (access, signal) =>
      openScim(
        access.endpoint,
        () => access.token,
        () => undefined,
      ).validate(signal),
  };
}

function tellCall({ log, tracing }: AppDeps, place: string, event: ResponseEvent): void {
  const { code, durationMs, operation, status } = event;
  log.debug(`a call to ${place} ended`, { operation, status, code, durationMs: Math.round(durationMs) });
  const facts = status === undefined ? {} : { "http.response.status_code": status };
  tracing?.called(`${place} ${operation}`, durationMs, facts, status === undefined || status >= 400);
}

/** All clients share one rate budget, whatever becomes of their credentials. */
function scimOpener(deps: AppDeps, transport: Transport, metrics: Metrics, isUsed: boolean): OpenScim {
  const { config, clock, random, log } = deps;
  const hooks = upstreamMetrics(metrics, "cursor_scim");
  const limiter = createRateLimiter({
    requestsPerMinute: share(config.scimRequestsPerMinute, config.activeActiveReplicas),
    concurrency: scimConcurrency,
    maxPauseMs: maxRateLimitPauseMs,
    clock,
    ...hooks,
  });
  if (isUsed) deps.status?.addBudget("SCIM directory", () => limiter.budget());
  return (endpoint, token, onResponse) =>
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
      onResponse(event) {
        hooks.onResponse(event);
        tellCall(deps, "SCIM", event);
        onResponse(event);
      },
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
