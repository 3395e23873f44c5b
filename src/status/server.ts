import { isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { bodyBytes, createListener, sendRefusal } from "../listener/listener.ts";
import type { AnswerForm, Refusal } from "../listener/refusal.ts";
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
const maxUnreadBytes = 256 * 1024;

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

const form: AnswerForm = { headers, body: ({ reason }) => JSON.stringify({ error: reason }) };

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
  const app = createListener(form);
  app.addHook("onRequest", async (request, reply) => {
    const refusal = refusalOf(request, loopback);
    if (refusal !== undefined) await sendRefusal(reply, refusal, form);
  });
  const reason = `there is nothing at this address: look at ${paths.join(", ")}`;
  app.setNotFoundHandler((_request, reply) => sendRefusal(reply, { status: 404, reason }, form));
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
      const reason = `${maxPages} status pages are open already: close one of them`;
      return sendRefusal(reply, { status: 429, reason }, form);
    }
    reply.hijack();
    raw.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    raw.write("retry: 2000\n\n");
    if (!stream.open(raw)) raw.destroy();
    return reply;
  });
}

function refusalOf(request: FastifyRequest, loopback: boolean): Refusal | undefined {
  const { headers: sent, method, url } = request;
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
  if (bodyBytes(request) > 0) return { status: 400, reason: "a request for this page has no body" };
  return undefined;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Whether a Host header names this machine by address, or by the one name that is always its own. */
function isOwnName(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isIP(name) !== 0;
}
