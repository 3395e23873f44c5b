import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { createEventStream, type EventStream } from "./events.ts";
import { contentSecurityPolicy, renderPage } from "./page.ts";
import type { StatusModel } from "./status-model.ts";

export interface StatusServerOptions {
  readonly clock: Clock;
  readonly model: StatusModel;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/** The open status page. Disposing closes it and cuts its readers off, within 5 seconds. */
export interface StatusServer extends AsyncDisposable {
  /** The port that is really listened on. */
  readonly port: number;
}

/** More pages at once than anybody looks at. */
const maxPages = 8;
const maxConnections = 64;
const maxUnreadBytes = 256 * 1024;
const maxHeaderBytes = 8 * 1024;

const paths: readonly string[] = ["/", "/events", "/status.json"];

/** No other page may read, frame or keep this one; it loads nothing. */
const headers: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Opens the page, its event stream and the same as JSON; nothing can be changed through it. What is wrong with a request is
 * answered with a 4xx and a JSON reason. Throws `failed_precondition` when the port is taken.
 */
export async function startStatusServer({ clock, host, model, port }: StatusServerOptions): Promise<StatusServer> {
  const stream = createEventStream({ clock, view: () => model.view(), maxClients: maxPages, maxUnreadBytes });
  const app = createApp(isLoopback(host));
  addRoutes(app, { clock, model, stream });
  try {
    await app.listen({ host, port });
  } catch (reason) {
    await app.close();
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new StatusError(
      "failed_precondition",
      `the status page cannot listen on ${host}:${port} (${why}): choose another port with BATON_STATUS_PORT, or switch the page off with BATON_STATUS=false`,
      { cause: reason },
    );
  }
  model.listen(() => stream.changed());
  const address = app.server.address();
  return {
    port: address === null || typeof address === "string" ? port : address.port,
    async [Symbol.asyncDispose]() {
      model.listen(undefined);
      await stream[Symbol.asyncDispose]();
      await app.close();
    },
  };
}

function createApp(loopback: boolean): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    bodyLimit: 1024,
    http: { maxHeaderSize: maxHeaderBytes },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    clientErrorHandler(error, socket) {
      const [status, reason] =
        error.code === "HPE_HEADER_OVERFLOW"
          ? ["431 Request Header Fields Too Large", `the headers are longer than ${maxHeaderBytes} bytes`]
          : ["400 Bad Request", "this is not HTTP/1.1"];
      const body = JSON.stringify({ error: reason });
      const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
      if (socket.writable) socket.end(`${head}\r\n\r\n${body}`);
    },
  });
  app.server.maxConnections = maxConnections;
  app.removeAllContentTypeParsers();
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    const refusal = refusalOf(request, loopback);
    if (refusal === undefined) return;
    if (refusal.headers !== undefined) reply.headers(refusal.headers);
    await reply.code(refusal.status).send({ error: refusal.reason });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: `there is nothing at this address: look at ${paths.join(", ")}` }),
  );
  app.setErrorHandler(answerError);
  return app;
}

function addRoutes(
  app: FastifyInstance,
  { clock, model, stream }: { readonly clock: Clock; readonly model: StatusModel; readonly stream: EventStream },
): void {
  const state = () => ({ nowMs: clock.nowMs(), ...model.view() });
  app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(renderPage(state())));
  app.get("/status.json", (_request, reply) => reply.send(state()));
  app.get("/events", { exposeHeadRoute: false }, (_request, reply) => {
    const { raw } = reply;
    if (stream.clients >= maxPages) {
      return reply.code(429).send({ error: `${maxPages} status pages are open already: close one of them` });
    }
    reply.hijack();
    raw.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    raw.write("retry: 2000\n\n");
    if (!stream.open(raw)) raw.destroy();
    return reply;
  });
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function refusalOf({ headers: sent, method, raw, url }: FastifyRequest, loopback: boolean): Refusal | undefined {
  if (loopback && !isOwnName(sent.host)) {
    // A page from elsewhere whose name was made to lead here must not read this one.
    return { status: 421, reason: "this page answers to localhost and to addresses only, not to other names" };
  }
  const site = sent["sec-fetch-site"];
  if (site === "cross-site" && sent["sec-fetch-mode"] !== "navigate") {
    return { status: 403, reason: "other pages may not read this one" };
  }
  const [path = ""] = url.split("?");
  if (!paths.includes(path)) return undefined;
  if (method !== "GET" && (method !== "HEAD" || path === "/events")) {
    return { status: 405, reason: "this page can only be read", headers: { allow: "GET" } };
  }
  if (url.includes("?")) return { status: 400, reason: `${path} takes no parameters` };
  if (hasBody(raw)) return { status: 400, reason: "a request for this page has no body" };
  return undefined;
}

function hasBody({ headers: sent }: IncomingMessage): boolean {
  return sent["transfer-encoding"] !== undefined || Number(sent["content-length"] ?? 0) !== 0;
}

function answerError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  const reason = status < 500 ? error.message : "the status page failed";
  return reply.code(status).headers(headers).send({ error: reason });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Whether a Host header names this machine by address, or by the one name that is always its own. */
function isOwnName(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isIP(name) !== 0;
}
