import type { SecureContext } from "node:tls";
import type { Connector } from "../baton/connector.ts";
import type { OpenSyncWriter } from "../baton/sync-writer.ts";
import { sweepLeavings } from "../c1z/temp-dir.ts";
import { createSyncWriter } from "../c1z/writer.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import { createTrust } from "../http/trust.ts";
import { Metrics, taskTypeLabels } from "../observability/metrics.ts";
import type { AppDeps } from "./deps.ts";
import { createConnector } from "./upstreams.ts";

/** The parts that both modes use. Disposing closes idle connections. */
export interface Parts extends Disposable {
  readonly connector: Connector;
  readonly openSyncWriter: OpenSyncWriter;
  readonly trust: SecureContext;
  readonly transport: Transport;
  readonly metrics: Metrics;
}

const connectTimeoutMs = 30_000;

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
