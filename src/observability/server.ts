import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { Registry } from "prom-client";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { Health, HealthAnswer } from "./health.ts";

export interface Listener {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface ServerOptions {
  readonly clock: Clock;
  readonly health: Health;
  readonly registry: Registry;
  readonly listener: Listener;
  /** A listener of its own for /metrics; otherwise /metrics is served beside the health endpoints. */
  readonly metricsListener: Listener | undefined;
}

export interface ObservabilityServer extends AsyncDisposable {
  /** The port that is really listened on. */
  readonly port: number;
  readonly metricsPort: number;
}

/**
 * Opens /live, /ready, /health and /metrics; any HTTP method is answered, as baton-sdk's server does.
 * Throws `failed_precondition` when a port is taken. Disposing closes the listeners within 5 seconds.
 */
export async function startServer(options: ServerOptions): Promise<ObservabilityServer> {
  const health = createApp();
  const answer = (reply: FastifyReply, given: HealthAnswer) => sendHealth(reply, given, options.clock);
  health.all("/live", (_request, reply) => answer(reply, options.health.live()));
  health.all("/ready", (_request, reply) => answer(reply, options.health.ready()));
  health.all("/health", async (_request, reply) => answer(reply, await options.health.health()));
  const metrics = options.metricsListener === undefined ? health : createApp();
  metrics.all("/metrics", async (_request, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
  const apps = new Set([health, metrics]);
  try {
    const port = await listen(health, options.listener);
    const metricsPort = options.metricsListener === undefined ? port : await listen(metrics, options.metricsListener);
    return { port, metricsPort, [Symbol.asyncDispose]: () => closeAll(apps) };
  } catch (reason) {
    await closeAll(apps);
    throw reason;
  }
}

function createApp(): FastifyInstance {
  return fastify({ logger: false, forceCloseConnections: true, requestTimeout: 10_000, bodyLimit: 1024 });
}

async function listen(app: FastifyInstance, { host, port }: Listener): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new StatusError(
      "failed_precondition",
      `failed to start health check server on ${host}:${port}: ${why}; choose another port with BATON_HEALTH_CHECK_PORT or BATON_METRICS_PORT`,
      { cause: reason },
    );
  }
  const address = app.server.address();
  return address === null || typeof address === "string" ? port : address.port;
}

async function closeAll(apps: ReadonlySet<FastifyInstance>): Promise<void> {
  await Promise.all([...apps].map((app) => app.close()));
}

/** The body of baton-sdk's health server: status, UTC timestamp to the second, details only where there are any. */
function sendHealth(reply: FastifyReply, { ok, status, details }: HealthAnswer, clock: Clock): FastifyReply {
  const timestamp = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
  const body = { status, timestamp, ...(Object.keys(details).length === 0 ? {} : { details }) };
  return reply
    .code(ok ? 200 : 503)
    .header("content-type", "application/json")
    .send(`${JSON.stringify(body)}\n`);
}
