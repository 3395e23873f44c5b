import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { createLimitedServer, defaultLimits, type ServerLimits } from "./limited-server.ts";
import { type AnswerForm, clientRefusal, type Refusal, refuseConnection } from "./refusal.ts";

/**
 * An application without routes that bears what a hostile client sends: within the limits, without reading bodies, and with an
 * answer of this form to whatever it refuses, be it found by Node, by fastify or here.
 */
export function createListener(form: AnswerForm, limits: ServerLimits = defaultLimits): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    serverFactory: (listener) => createLimitedServer(limits, form, listener),
    clientErrorHandler: ({ code }, socket) => refuseConnection(socket, clientRefusal(code, limits.headerBytes), form),
    frameworkErrors: (error, _request, reply) => void sendRefusal(reply, refusalOf(error), form),
  });
  // Whatever a body says it is, nobody looks at it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(form.headers);
    const bytes = bodyBytes(request);
    // What was not read would be taken for the next request.
    if (bytes > 0) reply.header("connection", "close");
    if (bytes > limits.bodyBytes) {
      return sendRefusal(reply, { status: 413, reason: `the body is longer than ${limits.bodyBytes} bytes` }, form);
    }
  });
  app.setErrorHandler((error, _request, reply) => sendRefusal(reply, refusalOf(error), form));
  return app;
}

/** Answers with a refusal in the listener's form. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal, form: AnswerForm): FastifyReply {
  return reply
    .code(refusal.status)
    .headers({ ...form.headers, ...refusal.headers, "content-type": "application/json" })
    .send(form.body(refusal));
}

/** How long the body says to be; 1 when it does not say. */
export function bodyBytes({ headers }: FastifyRequest): number {
  if (headers["transfer-encoding"] !== undefined) return 1;
  return Number(headers["content-length"] ?? 0);
}

/** Repeats nothing of the request, and nothing of an unexpected error. */
function refusalOf(error: unknown): Refusal {
  const status: unknown = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  const ours = typeof status !== "number" || status < 400 || status >= 500;
  if (ours) return { status: 500, reason: "this request failed" };
  const badAddress = error instanceof Error && "code" in error && error.code === "FST_ERR_BAD_URL";
  return { status, reason: badAddress ? "the address has a broken escape" : "the request is not understood" };
}
