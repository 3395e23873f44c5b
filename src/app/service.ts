import { type StatusCode, StatusError } from "../baton/status-error.ts";
import type { RotatingC1Client } from "../c1/rotating-client.ts";
import { makePrivateDirectory } from "../c1z/temp-dir.ts";
import { createDebugLogOpener } from "../observability/debug-log.ts";
import { createHealth, type WorkerStatus } from "../observability/health.ts";
import { createCleaner } from "../observability/logger.ts";
import { type ObservabilityServer, startServer } from "../observability/server.ts";
import { createDeleteBrake } from "../tasks/delete-brake.ts";
import { createTaskHandlers } from "../tasks/index.ts";
import type { ShutdownSignals } from "../worker/shutdown.ts";
import { createWorker, type Worker } from "../worker/worker.ts";
import { openC1, proveC1Pair } from "./c1.ts";
import { credentialEvent } from "./credential-events.ts";
import type { AppDeps } from "./deps.ts";
import { syncHooks, workerHooks } from "./hooks.ts";
import { createLeadership, type Leadership } from "./leadership.ts";
import type { Parts } from "./parts.ts";
import { share } from "./share.ts";
import { openStatusPage, watchedConnector } from "./status.ts";
import { taskTracer } from "./tracing.ts";

const maxDebugLogBytes = 64 * 1024 * 1024;

/** The daemon: a worker for C1 and, unless switched off, the health server. */
export interface Service extends AsyncDisposable {
  /**
   * Works until `stop` aborts, as `Worker.run`. With a secrets directory it waits for credentials, and for new ones when C1
   * rejects those it has; without one such a rejection ends it.
   */
  run(signals: ShutdownSignals): Promise<void>;
  readonly server: ObservabilityServer | undefined;
  /** Where the status page is really listened on; `undefined` when there is none. */
  readonly statusPort: number | undefined;
}

/** Opens the health server and the status page; nothing speaks to C1 before `run`. */
export async function createService(deps: AppDeps, parts: Parts): Promise<Service> {
  const current: { worker: Worker | undefined } = { worker: undefined };
  const leadership = await createLeadership(deps, parts.metrics, parts.loops);
  const server = await openServer(deps, parts, leadership, () => current.worker?.status() ?? notStarted);
  const statusPage = await openStatusPage(deps, parts, {
    worker: () => current.worker?.status(),
    problem: () => parts.credentials.problem() ?? leadership.problem(),
  });
  return {
    server,
    statusPort: statusPage?.port,
    async run(signals) {
      const c1 = openC1(deps, parts);
      try {
        await leadership.during(signals.stop, () => work(deps, parts, leadership, c1, current, signals));
      } finally {
        c1.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await statusPage?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    },
  };
}

const notStarted: WorkerStatus = {
  state: "starting",
  lastPollSuccessMs: undefined,
  pollFailingForMs: undefined,
  lastErrorCode: undefined,
};

/** A Hello that ends with one of these may succeed with other credentials. */
const credentialCodes: ReadonlySet<StatusCode> = new Set(["unauthenticated", "permission_denied", "not_found"]);
/** Between attempts with credentials that C1 rejects, in milliseconds. */
const rejectedWaitMs = 5 * 60_000;

async function work(
  deps: AppDeps,
  parts: Parts,
  leadership: Leadership,
  c1: RotatingC1Client,
  current: { worker: Worker | undefined },
  signals: ShutdownSignals,
): Promise<void> {
  const { credentials, upstreams } = parts;
  const changes = createChanges(deps, signals.stop);
  const pair = credentials.c1.active();
  if (pair !== undefined) c1.adopt(pair);
  credentials.follow(
    {
      c1: (next, signal) => proveC1Pair(deps, parts, next, signal),
      cursor: (key, signal) => upstreams.proveCursorKey(key, signal),
      scim: (access, signal) => upstreams.proveScim(access, signal),
    },
    {
      onC1(next) {
        c1.adopt(next);
        changes.tell();
      },
      onNews: (news) => leadership.record(credentialEvent(news)),
    },
  );
  while (!signals.stop.aborted) {
    const tried = credentials.c1.active();
    if (tried === undefined) {
      await changes.next(undefined);
      continue;
    }
    current.worker = buildWorker(deps, parts, leadership, c1);
    try {
      await current.worker.run(signals);
      return;
    } catch (reason) {
      const error = StatusError.from(reason);
      if (!credentials.rotates || !credentialCodes.has(error.code)) throw error;
      // Others came while these were being rejected.
      if (credentials.c1.active() !== tried) continue;
      credentials.c1.suspect(error);
      credentials.look();
      deps.log.error("C1 does not accept the credentials; waiting for a new version of the Secret", {
        code: error.code,
        error: error.message,
      });
      await changes.next(rejectedWaitMs);
    }
  }
}

/** Lets the loop wait for new credentials, at most as long as it wants; a stop ends the wait too. */
function createChanges({ clock }: AppDeps, stop: AbortSignal) {
  let change = new AbortController();
  return {
    tell(): void {
      change.abort();
      change = new AbortController();
    },
    async next(limitMs: number | undefined): Promise<void> {
      const longestMs = 24 * 60 * 60_000;
      await clock.sleep(limitMs ?? longestMs, AbortSignal.any([stop, change.signal])).catch(() => undefined);
    },
  };
}

function buildWorker(deps: AppDeps, parts: Parts, { turn }: Leadership, c1: RotatingC1Client): Worker {
  const { config, clock, random, log } = deps;
  const { connector, metrics } = parts;
  const handlers = createTaskHandlers({
    connector: watchedConnector(connector, deps.status),
    openSyncWriter: parts.openSyncWriter,
    c1,
    clock,
    random,
    hooks: syncHooks(metrics, deps),
    resourceTypeIds: config.syncResourceTypes,
    provisioning: config.provisioning,
    dryRun: config.provisioningDryRun,
    brake: createDeleteBrake(share(config.maxDeletesPerHour, config.activeActiveReplicas), clock),
    pending: config.cursorPendingAccount,
    openDebugLog: createDebugLogOpener({
      makeDirectory: () => makePrivateDirectory(config.c1zTempDir),
      logger: deps.logger,
      maxBytes: maxDebugLogBytes,
    }),
  });
  return createWorker({
    c1,
    handlers,
    metadata: connector.metadata,
    clock,
    random,
    log,
    hooks: workerHooks(metrics, deps),
    traced: taskTracer(deps.tracing),
    loops: parts.loops,
    turn,
    options: { concurrency: config.taskConcurrency, batched: config.getTasks },
  });
}

async function openServer(
  { config, clock, logger }: AppDeps,
  { connector, credentials, metrics, loops }: Parts,
  leadership: Leadership,
  worker: () => WorkerStatus,
): Promise<ObservabilityServer | undefined> {
  if (!config.healthCheck) return undefined;
  const host = config.healthCheckBindAddress;
  const health = createHealth({
    clock,
    worker,
    loops: () => loops.read(),
    clean: createCleaner(logger),
    async validate(signal) {
      await connector.validate(signal);
      if (config.provisioning) await connector.accounts?.validate(signal);
    },
    credentialProblem: () => credentials.problem() ?? leadership.problem(),
  });
  return startServer({
    clock,
    health,
    registry: metrics.registry,
    listener: { host, port: config.healthCheckPort },
    metricsListener: config.metricsPort === undefined ? undefined : { host, port: config.metricsPort },
  });
}
