import type { SecureContext } from "node:tls";
import type { C1Client } from "./baton/c1-client.ts";
import type { C1Credentials } from "./baton/c1-credentials.ts";
import type { Clock, Random } from "./baton/clock.ts";
import type { Connector } from "./baton/connector.ts";
import type { Logger } from "./baton/logger.ts";
import type { OpenSyncWriter } from "./baton/sync-writer.ts";
import { createC1Client } from "./c1/client.ts";
import type { C1Deadlines } from "./c1/client-options.ts";
import { makePrivateDirectory, sweepLeavings } from "./c1z/temp-dir.ts";
import { createSyncWriter } from "./c1z/writer.ts";
import type { Config } from "./config/options.ts";
import { createCursorConnector } from "./connectors/cursor/connector.ts";
import { createFormPoster } from "./http/post-form.ts";
import { type ProxySettings, resolveProxy } from "./http/proxy.ts";
import { createRateLimiter } from "./http/rate-limiter.ts";
import { createTransport, type Transport } from "./http/transport.ts";
import { createTrust } from "./http/trust.ts";
import { createDebugLogOpener } from "./observability/debug-log.ts";
import { createHealth } from "./observability/health.ts";
import { c1Metrics, cursorMetrics, syncMetrics, workerMetrics } from "./observability/hooks.ts";
import { createKeyCheck, type KeyCheck } from "./observability/key-check.ts";
import type { LoggerOptions } from "./observability/logger.ts";
import { Metrics, taskTypeLabels } from "./observability/metrics.ts";
import { type ObservabilityServer, startServer } from "./observability/server.ts";
import { createTaskHandlers } from "./tasks/index.ts";
import type { SyncHooks } from "./tasks/sync-hooks.ts";
import type { WorkerHooks } from "./worker/hooks.ts";
import { createWorker, type Worker } from "./worker/worker.ts";

/** What this build is. */
export interface Build {
  readonly version: string;
  /** Source revision; empty when unknown. */
  readonly revision: string;
}

/** What the parts are built from, whatever the mode. */
export interface AppDeps {
  readonly config: Config;
  readonly build: Build;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly logger: Omit<LoggerOptions, "level" | "format" | "sinks">;
  readonly proxy: ProxySettings;
  /** PEM texts of private certificate authorities. */
  readonly extraCertificates: readonly string[];
  /** Milliseconds that calls to C1 may take, where the defaults do not suit (tests). */
  readonly deadlines?: Partial<C1Deadlines>;
}

/** The parts that both modes use. Disposing closes idle connections. */
export interface Parts extends Disposable {
  readonly connector: Connector;
  readonly openSyncWriter: OpenSyncWriter;
  readonly trust: SecureContext;
  readonly transport: Transport;
  readonly metrics: Metrics;
}

const connectTimeoutMs = 30_000;
const maxRateLimitPauseMs = 5 * 60_000;
const maxDebugLogBytes = 64 * 1024 * 1024;

/** Builds what reads Cursor and writes sync files, after sweeping what killed processes left in the temporary directory. */
export async function createParts(deps: AppDeps): Promise<Parts> {
  const { config, build, clock, log } = deps;
  const swept = await sweepLeavings(config.c1zTempDir);
  if (swept > 0) log.info("removed what a killed process had left in the temporary directory", { directories: swept });
  const metrics = new Metrics({ ...build, taskTypes: taskTypeLabels, processMetrics: true });
  const trust = createTrust(deps.extraCertificates);
  const transport = createTransport({
    userAgent: `baton-cursor/${build.version}`,
    proxy: deps.proxy,
    trust,
    connectTimeoutMs,
  });
  return {
    connector: createConnector(deps, transport, metrics),
    openSyncWriter: createSyncWriter({ tempDir: config.c1zTempDir, clock }),
    trust,
    transport,
    metrics,
    [Symbol.dispose]: () => transport.close(),
  };
}

function createConnector(deps: AppDeps, transport: Transport, metrics: Metrics): Connector {
  const { config, clock, random, log } = deps;
  const hooks = cursorMetrics(metrics);
  return createCursorConnector({
    apiKey: () => config.cursorApiKey,
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
  });
}

/** The daemon: a worker for C1 and, unless switched off, the health server. */
export interface Service extends AsyncDisposable {
  /**
   * Asks Cursor once whether it accepts the key. While it does not (401 or 403), /ready says so, so that a rollout with a
   * wrong key stops; the first sync that C1 accepts ends that. Other failures are left to the syncs. Never rejects.
   */
  proveCursorKey(signal: AbortSignal): Promise<void>;
  readonly worker: Worker;
  readonly c1: C1Client;
  readonly server: ObservabilityServer | undefined;
}

const tokenTimeoutMs = 30_000;
const maxTokenAnswerBytes = 1024 * 1024;

/** Opens the health server and builds the worker; nothing speaks to C1 before `worker.run`. */
export async function createService(deps: AppDeps, parts: Parts, credentials: C1Credentials): Promise<Service> {
  const { config, build, clock, random, log } = deps;
  const { connector, metrics, transport } = parts;
  const limits = { totalTimeoutMs: tokenTimeoutMs, maxBodyBytes: maxTokenAnswerBytes };
  const c1Host = config.c1ApiHost ?? credentials.tokenHost;
  const c1 = createC1Client({
    credentials,
    apiHost: config.c1ApiHost,
    hostId: config.hostId,
    build: { package: "baton-cursor", version: build.version },
    postForm: createFormPoster(transport, limits),
    proxy: resolveProxy(new URL(`https://${c1Host}`), deps.proxy),
    trust: parts.trust,
    clock,
    random,
    log,
    hooks: c1Metrics(metrics),
    ...(deps.deadlines === undefined ? {} : { deadlines: deps.deadlines }),
  });
  const cursorKey = createKeyCheck(connector, log);
  const handlers = createTaskHandlers({
    connector,
    openSyncWriter: parts.openSyncWriter,
    c1,
    clock,
    random,
    hooks: syncHooks(syncMetrics(metrics, clock), cursorKey),
    resourceTypeIds: config.syncResourceTypes,
    provisioning: config.provisioning,
    openDebugLog: createDebugLogOpener({
      makeDirectory: () => makePrivateDirectory(config.c1zTempDir),
      logger: deps.logger,
      maxBytes: maxDebugLogBytes,
    }),
  });
  const worker = createWorker({
    c1,
    handlers,
    metadata: connector.metadata,
    clock,
    random,
    log,
    hooks: workerHooks(metrics, clock),
    options: { concurrency: config.taskConcurrency, batched: config.getTasks },
  });
  try {
    const server = await openServer(deps, parts, worker, cursorKey);
    return {
      proveCursorKey: (signal) => cursorKey.prove(signal),
      worker,
      c1,
      server,
      async [Symbol.asyncDispose]() {
        c1.close();
        await server?.[Symbol.asyncDispose]();
      },
    };
  } catch (reason) {
    c1.close();
    throw reason;
  }
}

/** Counts phases, and gives memory back after the one that leaves the parsed answer of the upstream behind. */
function syncHooks(hooks: ReturnType<typeof syncMetrics>, cursorKey: KeyCheck): SyncHooks {
  return {
    ...hooks,
    onAccepted(summary) {
      hooks.onAccepted(summary);
      cursorKey.accepted();
    },
    onPhase(phase, durationMs) {
      hooks.onPhase(phase, durationMs);
      if (phase === "validate") reclaimMemory();
    },
  };
}

/**
 * Counts tasks, and gives memory back after the start, which leaves much behind, and after each sync: garbage of one must
 * not add to the peak of the next.
 */
function workerHooks(metrics: Metrics, clock: Clock): WorkerHooks {
  const hooks = workerMetrics(metrics, clock);
  return {
    ...hooks,
    onState(state) {
      hooks.onState(state);
      if (state === "polling") reclaimMemory();
    },
    onTaskDone(done) {
      hooks.onTaskDone(done);
      if (done.type === "sync_full") reclaimMemory();
    },
  };
}

/** A full garbage collection where the launcher allows it (`--expose-gc`): some 50 ms for a hundred thousand members. */
function reclaimMemory(): void {
  globalThis.gc?.();
}

async function openServer(
  deps: AppDeps,
  parts: Parts,
  worker: Worker,
  cursorKey: KeyCheck,
): Promise<ObservabilityServer | undefined> {
  const { config, clock } = deps;
  if (!config.healthCheck) return undefined;
  const host = config.healthCheckBindAddress;
  const health = createHealth({
    clock,
    worker: () => worker.status(),
    validate: (signal) => parts.connector.validate(signal),
    credentialProblem: () => cursorKey.problem(),
  });
  return startServer({
    clock,
    health,
    registry: parts.metrics.registry,
    listener: { host, port: config.healthCheckPort },
    metricsListener: config.metricsPort === undefined ? undefined : { host, port: config.metricsPort },
  });
}
