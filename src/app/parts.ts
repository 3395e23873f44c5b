import type { SecureContext } from "node:tls";
import type { Connector } from "../baton/connector.ts";
import type { OpenSyncWriter } from "../baton/sync-writer.ts";
import { scratchBytes, sweepLeavings } from "../c1z/temp-dir.ts";
import { createSyncWriter } from "../c1z/writer.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { createTrust } from "../http/trust.ts";
import { createLoopAges, type LoopAges } from "../observability/loop-ages.ts";
import { taskTypeLabels } from "../observability/metric-rows.ts";
import { Metrics } from "../observability/metrics.ts";
import { createLiveCredentials, type LiveCredentials } from "./credentials.ts";
import type { AppDeps } from "./deps.ts";
import { credentialHooks } from "./hooks.ts";
import { createUpstreams, type Upstreams } from "./upstreams.ts";

/** The parts that both modes use. Disposing ends what follows the secrets directory and closes idle connections. */
export interface Parts extends AsyncDisposable {
  readonly connector: Connector;
  readonly upstreams: Upstreams;
  readonly credentials: LiveCredentials;
  readonly openSyncWriter: OpenSyncWriter;
  readonly trust: SecureContext;
  readonly transport: Transport;
  readonly metrics: Metrics;
  /** The loops of this process, for the liveness probe. */
  readonly loops: LoopAges;
}

const connectTimeoutMs = 30_000;

/**
 * Builds what reads Cursor and writes sync files, after sweeping what killed processes left in the temporary directory.
 * Rejects with the signal's reason on abort.
 */
export async function createParts(deps: AppDeps, signal: AbortSignal): Promise<Parts> {
  const { config, build, clock, log } = deps;
  const swept = await sweepLeavings(config.c1zTempDir);
  if (swept > 0) log.info("removed what a killed process had left in the temporary directory", { directories: swept });
  const metrics = new Metrics({ ...build, taskTypes: taskTypeLabels, processMetrics: true });
  metrics.measured("temp_dir_bytes", () => scratchBytes(config.c1zTempDir));
  const hooks = credentialHooks(metrics, clock, deps.status);
  const loops = createLoopAges(clock);
  const credentials = await createLiveCredentials({ ...deps, find: deps.findCredentials, hooks, loops }, signal);
  const trust = createTrust(deps.extraCertificates);
  const transport = createTransport({
    userAgent: `baton-cursor/${build.version}`,
    proxy: deps.proxy,
    trust,
    connectTimeoutMs,
  });
  const upstreams = createUpstreams(deps, transport, metrics, credentials);
  return {
    connector: upstreams.connector,
    upstreams,
    credentials,
    openSyncWriter: createSyncWriter({ tempDir: config.c1zTempDir, clock }),
    trust,
    transport,
    metrics,
    loops,
    async [Symbol.asyncDispose]() {
      await credentials[Symbol.asyncDispose]();
      transport.close();
    },
  };
}
