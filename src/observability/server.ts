import type { FastifyInstance, FastifyReply } from "fastify";
import type { Registry } from "prom-client";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { defaultLimits, type ServerLimits } from "../listener/limited-server.ts";
import { createListener, sendRefusal } from "../listener/listener.ts";
import type { AnswerForm } from "../listener/refusal.ts";
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
 * nothing; bodies are not read. What is wrong with a request is answered with a 4xx and a JSON reason. Throws
 * `failed_precondition` when a port is taken. Disposing closes the listeners with their connections.
 */
export async function startServer(options: ServerOptions): Promise<ObservabilityServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const { clock, registry } = options;
  const form = formOf(clock);
  const health = createListener(form, limits);
  const answer = (reply: FastifyReply, given: HealthAnswer) => sendHealth(reply, given, clock);
  health.all("/live", (_request, reply) => answer(reply, options.health.live()));
  health.all("/ready", (_request, reply) => answer(reply, options.health.ready()));
  health.all("/health", async (_request, reply) => answer(reply, await options.health.health()));
  const metrics = options.metricsListener === undefined ? health : createListener(form, limits);
  const readMetrics = oneAtATime(() => registry.metrics());
  metrics.all("/metrics", async (_request, reply) => reply.type(registry.contentType).send(await readMetrics()));
  const apps = new Set([health, metrics]);
  for (const app of apps) sayWhatIsThere(app, app === health, app === metrics, form);
  try {
    const port = await listen(health, options.listener);
    const metricsPort = options.metricsListener === undefined ? port : await listen(metrics, options.metricsListener);
    return { port, metricsPort, [Symbol.asyncDispose]: () => closeAll(apps) };
  } catch (reason) {
    await closeAll(apps);
    throw reason;
  }
}

/** Bodies of refusals look like those of the health endpoints. */
function formOf(clock: Clock): AnswerForm {
  const words: Readonly<Record<number, string>> = { 404: "not_found", 413: "too_large", 500: "error" };
  return {
    headers: securityHeaders,
    body: ({ reason, status }) => bodyText({ status: words[status] ?? "bad_request", details: { reason } }, clock),
  };
}

function sayWhatIsThere(app: FastifyInstance, health: boolean, metrics: boolean, form: AnswerForm): void {
  const paths = [...(health ? ["/live", "/ready", "/health"] : []), ...(metrics ? ["/metrics"] : [])].join(", ");
  const reason = `there is nothing at this address: look at ${paths}`;
  app.setNotFoundHandler((_request, reply) => sendRefusal(reply, { status: 404, reason }, form));
}

/** Whoever asks while an answer is being made gets the same one, so that many who ask at once cost no more than one. */
function oneAtATime(read: () => Promise<string>): () => Promise<string> {
  let underWay: Promise<string> | undefined;
  return () => {
    underWay ??= read().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
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
  return reply
    .code(ok ? 200 : 503)
    .header("content-type", "application/json")
    .send(bodyText(body, clock));
}

/** The body of baton-sdk's health server: status, UTC timestamp to the second, details only where there are any. */
function bodyText(
  { status, details }: { readonly status: string; readonly details?: HealthAnswer["details"] },
  clock: Clock,
): string {
  const timestamp = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
  return `${JSON.stringify({ status, timestamp, details })}\n`;
}
