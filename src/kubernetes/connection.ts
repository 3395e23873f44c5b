import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { type StatusCode, StatusError, throwIfAborted } from "../baton/status-error.ts";
import type { KubeCall, KubeConnection, KubeVerb } from "./call.ts";

export interface ConnectionOptions {
  /** Path of a kubeconfig file, for people; without one the pod's service account is used. */
  readonly kubeconfig: string | undefined;
  /** Where the service account is mounted below; a parameter for tests. */
  readonly root?: string;
  /** Namespace to work in; by default that of the service account or of the kubeconfig's context. */
  readonly namespace: string | undefined;
  readonly userAgent: string;
  /** Told of every call that has ended; `status` is `undefined` when no answer came. Must not throw. */
  readonly onCall: (call: { readonly verb: KubeVerb; readonly status: number | undefined }) => void;
}

const methods = { get: "GET", update: "PUT", create: "POST", patch: "PATCH" } as const;
const maxAnswerBytes = 1024 * 1024;

/**
 * Prepares calls to the Kubernetes API; nothing is sent yet. Throws `failed_precondition` when there is neither a mounted
 * service account nor a usable kubeconfig. Tokens on disk are read again every minute, as the kubelet renews them.
 */
export function openConnection(options: ConnectionOptions): KubeConnection {
  const config = options.kubeconfig === undefined ? podConfig(options.root) : fileConfig(options.kubeconfig);
  const server = serverOf(config);
  // The library's own agent opens a connection for every call.
  const agent = config.getCurrentCluster()?.proxyUrl ? undefined : new Agent({ keepAlive: true, maxSockets: 4 });
  return {
    namespace: options.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
    async call(call, signal) {
      throwIfAborted(signal);
      let status: number | undefined;
      try {
        const answer = await send(call, signal);
        status = answer.status;
        if (status < 200 || status > 299) throw refusal(call, status);
        return parse(call, answer.text);
      } catch (reason) {
        throwIfAborted(signal);
        throw reason instanceof StatusError ? reason : unreachable(server.host, reason);
      } finally {
        options.onCall({ verb: call.verb, status });
      }
    },
    [Symbol.dispose]: () => agent?.destroy(),
  };

  async function send({ verb, path, body }: KubeCall, signal: AbortSignal): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const wire: RequestOptions = { method: methods[verb], signal };
    await config.applyToHTTPSOptions(wire);
    wire.headers = {
      ...wire.headers,
      accept: "application/json",
      "user-agent": options.userAgent,
      ...(text === undefined ? {} : bodyHeaders(verb, text)),
    };
    if (agent !== undefined) wire.agent = agent;
    const sent = request(new URL(`${server.pathname.replace(/\/$/, "")}${path}`, server), wire);
    // An error after the answer's head reaches the reader of the body; here it must only not be unhandled.
    sent.on("error", () => undefined);
    sent.end(text);
    const [response]: IncomingMessage[] = await once(sent, "response");
    if (response === undefined) throw new TypeError("a response event without a response");
    return { status: response.statusCode ?? 0, text: await readBody(response) };
  }
}

function bodyHeaders(verb: KubeVerb, text: string): OutgoingHttpHeaders {
  return {
    "content-type": verb === "patch" ? "application/merge-patch+json" : "application/json",
    "content-length": Buffer.byteLength(text),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new StatusError("internal", "the Kubernetes API answered with more than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString("utf8");
}

function podConfig(root = ""): KubeConfig {
  const config = new KubeConfig();
  config.loadFromCluster(root);
  // The namespace is a file beside the token: without it, nothing is mounted.
  if (config.contexts[0]?.namespace === undefined) {
    throw new StatusError(
      "failed_precondition",
      "no service account is mounted: set automountServiceAccountToken: true on the pod, or KUBECONFIG outside a cluster",
    );
  }
  return config;
}

function fileConfig(path: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (cause) {
    throw new StatusError("failed_precondition", `${path} is not a readable kubeconfig: check KUBECONFIG`, { cause });
  }
  return config;
}

function serverOf(config: KubeConfig): URL {
  const server = config.getCurrentCluster()?.server ?? "";
  if (URL.canParse(server) && new URL(server).protocol === "https:") return new URL(server);
  throw new StatusError(
    "failed_precondition",
    "the kubeconfig's current context names no cluster with an https address: check KUBECONFIG",
  );
}

function parse({ what }: KubeCall, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StatusError("internal", `the Kubernetes API answered something other than JSON about ${what}`, { cause });
  }
}

const codes: Readonly<Record<number, StatusCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  408: "deadline_exceeded",
  // Somebody else has changed the object, or what we know of it is too old: look again.
  409: "aborted",
  410: "aborted",
  422: "invalid_argument",
  429: "resource_exhausted",
};

function refusal({ verb, what }: KubeCall, status: number): StatusError {
  const code = codes[status] ?? (status >= 500 ? "unavailable" : "internal");
  const advice: Readonly<Record<number, string>> = {
    401: "check that the service account's token is mounted and current",
    403: `allow the service account to ${verb} it, by a Role`,
    404: "make it, for this program never does, or correct the name",
  };
  const then = advice[status] === undefined ? "" : `: ${advice[status]}`;
  return new StatusError(code, `the Kubernetes API answered ${status} to ${verb} ${what}${then}`);
}

function unreachable(host: string, cause: unknown): StatusError {
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : "connection failed";
  return new StatusError("unavailable", `the Kubernetes API at ${host} cannot be reached (${why})`, { cause });
}
