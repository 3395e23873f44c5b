import type { C1Client } from "../baton/c1-client.ts";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { createC1Client } from "../c1/client.ts";
import { makePrivateDirectory } from "../c1z/temp-dir.ts";
import { createFormPoster } from "../http/post-form.ts";
import { resolveProxy } from "../http/proxy.ts";
import { createDebugLogOpener } from "../observability/debug-log.ts";
import { createHealth } from "../observability/health.ts";
import { c1Metrics, syncMetrics, workerMetrics } from "../observability/hooks.ts";
import { createKeyCheck, type KeyCheck } from "../observability/key-check.ts";
import type { Metrics } from "../observability/metrics.ts";
import { type ObservabilityServer, startServer } from "../observability/server.ts";
import { createDeleteBrake } from "../tasks/delete-brake.ts";
import { createTaskHandlers } from "../tasks/index.ts";
import type { SyncHooks } from "../tasks/sync-hooks.ts";
import type { WorkerHooks } from "../worker/hooks.ts";
import { createWorker, type Worker } from "../worker/worker.ts";
import type { AppDeps } from "./deps.ts";
import type { Parts } from "./parts.ts";

const maxDebugLogBytes = 64 * 1024 * 1024;

/** The daemon: a worker for C1 and, unless switched off, the health server. */
export interface Service extends AsyncDisposable {
  /**
   * Asks Cursor once whether it accepts the key. While it does not (401 or 403), /ready says so, so that a rollout with a
   * wrong key stops; the first sync that C1 accepts ends that. Other failures are left to the syncs. Never rejects.
   */
  proveCursorKey(signal: AbortSignal): Promise<void>;
  /**
   * Asks the SCIM directory once, where accounts may be changed. A failure is logged; where members whom the directory does
   * not know may be removed, it rejects, because a directory that does not answer must not be taken for one without people.
   */
  proveDirectory(signal: AbortSignal): Promise<void>;
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
    dryRun: config.provisioningDryRun,
    brake: createDeleteBrake(config.maxDeletesPerHour, clock),
    pending: config.cursorPendingAccount,
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
      proveDirectory: (signal) => proveDirectory(deps, parts, signal),
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
    async validate(signal) {
      await parts.connector.validate(signal);
      if (config.provisioning) await parts.connector.accounts?.validate(signal);
    },
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

async function proveDirectory({ config, log }: AppDeps, { connector }: Parts, signal: AbortSignal): Promise<void> {
  if (!config.provisioning || connector.accounts === undefined) return;
  try {
    await connector.accounts.validate(signal);
  } catch (reason) {
    if (signal.aborted) return;
    if (config.cursorRemoveUnmanaged) throw reason;
    const { code, message } = StatusError.from(reason);
    log.error("accounts cannot be created or deleted: the SCIM directory does not answer as it should", {
      code,
      error: message,
    });
  }
}
