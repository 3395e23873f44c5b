import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { Health, HealthAnswer } from "./health.ts";
import { createLimitedServer, defaultLimits, type ServerLimits } from "./limited-server.ts";

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
  /** Where the defaults are too long for a test. */
  readonly limits?: Partial<ServerLimits>;
}

export interface ObservabilityServer extends AsyncDisposable {
  /** The port that is really listened on. */
  readonly port: number;
  readonly metricsPort: number;
}

/** For every answer: nothing of this is a page, nothing may be kept, and no other site may use it. */
const securityHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Opens /live, /ready, /health and /metrics. Every HTTP method gets the answer, as baton-sdk's server gives it, and changes
 * nothing; bodies are not read. Throws `failed_precondition` when a port is taken. Disposing closes the listeners with
 * their connections.
 */
export async function startServer(options: ServerOptions): Promise<ObservabilityServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const { clock, registry } = options;
  const health = createApp(limits, clock);
  const answer = (reply: FastifyReply, given: HealthAnswer) => sendHealth(reply, given, clock);
  health.all("/live", (_request, reply) => answer(reply, options.health.live()));
  health.all("/ready", (_request, reply) => answer(reply, options.health.ready()));
  health.all("/health", async (_request, reply) => answer(reply, await options.health.health()));
  const metrics = options.metricsListener === undefined ? health : createApp(limits, clock);
  metrics.all("/metrics", async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
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

function createApp(limits: ServerLimits, clock: Clock): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    serverFactory: (listener) => createLimitedServer(limits, listener),
  });
  // Whatever a body says it is, nobody looks at it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(securityHeaders);
    const bytes = bodyBytes(request);
    // What was not read would be taken for the next request.
    if (bytes > 0) reply.header("connection", "close");
    if (bytes > limits.bodyBytes) return sendBody(reply.code(413), { status: "too_large" }, clock);
  });
  app.setNotFoundHandler((_request, reply) => sendBody(reply.code(404), { status: "not_found" }, clock));
  // The text of an unexpected error is nobody's business here.
  app.setErrorHandler(({ statusCode = 500 }: FastifyError, _request, reply) =>
    sendBody(reply.code(statusCode), { status: "error" }, clock),
  );
  return app;
}

/** How long the body says to be; 1 when it does not say. */
function bodyBytes({ headers }: FastifyRequest): number {
  if (headers["transfer-encoding"] !== undefined) return 1;
  return Number(headers["content-length"] ?? 0);
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

function sendHealth(reply: FastifyReply, { ok, status, details }: HealthAnswer, clock: Clock): FastifyReply {
  const body = Object.keys(details).length === 0 ? { status } : { status, details };
  return sendBody(reply.code(ok ? 200 : 503), body, clock);
}

/** The body of baton-sdk's health server: status, UTC timestamp to the second, details only where there are any. */
function sendBody(
  reply: FastifyReply,
  { status, details }: { readonly status: string; readonly details?: HealthAnswer["details"] },
  clock: Clock,
): FastifyReply {
  const timestamp = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
  return reply.header("content-type", "application/json").send(`${JSON.stringify({ status, timestamp, details })}\n`);
}
