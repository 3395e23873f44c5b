import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seedSecret } from "../helpers/canaries.ts";
import { serve } from "../helpers/http-server.ts";
import { createTestCa } from "../helpers/tls.ts";
import { readText } from "./fault-answer.ts";
import { allows, type Role } from "./kube/access.ts";
import { createObjects, failure, type ObjectAnswer, type Objects } from "./kube/objects.ts";
import { findTarget, type Target } from "./kube/target.ts";
import type { KubeApi, KubeApiOptions, KubeAttempt, KubeFault, KubeRequest, LeaseObject } from "./kube/types.ts";

export type { Role } from "./kube/access.ts";
export type * from "./kube/types.ts";

interface State {
  readonly namespace: string;
  readonly defaultRole: Role;
  readonly objects: Objects;
  readonly users: Map<string, { readonly user: string; readonly role: Role | undefined }>;
  readonly requests: KubeRequest[];
  readonly laid: { readonly fault: KubeFault; readonly verb: string | undefined }[];
  readonly cut: Set<string>;
  readonly swallowed: Map<ServerResponse, string>;
  readonly connections: Map<Socket, number>;
  readonly violations: string[];
  weather: (attempt: KubeAttempt) => KubeFault;
  down: boolean;
  skewMs: number;
}

const defaultLease = "baton-cursor";

/** A Role with what the program asks for at most: one Lease by name, and Events. */
export function roleFor(...leases: readonly string[]): Role {
  return {
    rules: [
      { apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: leases, verbs: ["get", "update"] },
      { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
    ],
  };
}

/** Starts a stand-in of a Kubernetes API server over TLS on 127.0.0.1: Leases and Events of one namespace, behind roles. */
export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  const namespace = options.namespace ?? "connectors";
  const leases = options.leases ?? [defaultLease];
  const directory = await mkdtemp(join(tmpdir(), "fake-kube-"));
  const ca = await createTestCa("kubernetes test CA");
  const violations: string[] = [];
  const state: State = {
    namespace,
    defaultRole: options.role ?? roleFor(...leases),
    objects: createObjects(namespace, (line) => violations.push(line)),
    users: new Map(),
    requests: [],
    laid: [],
    cut: new Set(),
    swallowed: new Map(),
    connections: new Map(),
    violations,
    weather: () => ({}),
    down: false,
    skewMs: 0,
  };
  for (const name of leases) state.objects.addLease(name);
  const server = await serve(
    (request, response) => void answer(state, request, response).catch(() => response.destroy()),
    ca.issue(["localhost", "127.0.0.1"]),
  );
  server.server.keepAliveTimeout = 60_000;
  server.server.on("connection", (socket: Socket) => {
    if (state.down) socket.destroy();
    else state.connections.set(socket, state.connections.size + 1);
  });
  return {
    url: server.url,
    caPem: ca.caPem,
    namespace,
    ...accounts(state, server.url, ca.caPem, directory),
    ...leaseVerbs(state),
    ...disturbances(state),
    async [Symbol.asyncDispose]() {
      for (const response of state.swallowed.keys()) response.destroy();
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
      if (violations.length > 0)
        throw new Error(`the client did what Kubernetes refuses:\n  ${violations.join("\n  ")}`);
    },
  };
}

type Accounts = Pick<KubeApi, "kubeconfig" | "mountServiceAccount" | "revoke">;

function accounts(state: State, url: string, caPem: string, directory: string): Accounts {
  const issue = (user: string, role: Role | undefined): string => {
    const token = `token-of-${user}-${randomBytes(8).toString("hex")}`;
    seedSecret("token of a service account", token, { whole: true });
    state.users.set(token, { user, role });
    return token;
  };
  return {
    async kubeconfig(user, role) {
      const path = join(directory, `${user}.kubeconfig`);
      // JSON is YAML too.
      const config = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "c", cluster: { server: url, "certificate-authority-data": base64(caPem) } }],
        users: [{ name: "u", user: { token: issue(user, role) } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: state.namespace } }],
        "current-context": "x",
      };
      await writeFile(path, JSON.stringify(config));
      return path;
    },
    async mountServiceAccount(user) {
      const root = join(directory, `root-of-${user}`);
      const mount = join(root, "var/run/secrets/kubernetes.io/serviceaccount");
      await mkdir(mount, { recursive: true });
      await writeFile(join(mount, "token"), issue(user, undefined));
      await writeFile(join(mount, "ca.crt"), caPem);
      await writeFile(join(mount, "namespace"), state.namespace);
      return root;
    },
    revoke(user) {
      for (const [token, known] of state.users) if (known.user === user) state.users.delete(token);
    },
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

type LeaseVerbs = Pick<
  KubeApi,
  "lease" | "changeLease" | "removeLease" | "history" | "events" | "forgetEvents" | "requests" | "violations"
>;

function leaseVerbs({ objects, requests, violations }: State): LeaseVerbs & Pick<KubeApi, "takeViolations"> {
  return {
    lease: (name = defaultLease) => objects.lease(name),
    changeLease: (change, name = defaultLease) => objects.changeLease(name, change),
    removeLease: (name = defaultLease) => objects.removeLease(name),
    history: objects.history,
    events: objects.events,
    forgetEvents: () => objects.forgetEvents(),
    requests,
    violations,
    takeViolations: () => violations.splice(0),
  };
}

type Disturbances = Pick<KubeApi, "script" | "setWeather" | "cutOff" | "setDown" | "setSkew">;

function disturbances(state: State): Disturbances {
  return {
    script: (faults, verb) => void state.laid.push(...faults.map((fault) => ({ fault, verb }))),
    setWeather(weather) {
      state.weather = weather;
    },
    setSkew(ms) {
      state.skewMs = ms;
    },
    cutOff(user, off = true) {
      if (off) state.cut.add(user);
      else state.cut.delete(user);
      for (const [response, whose] of state.swallowed) {
        if (off || whose !== user) continue;
        response.destroy();
        state.swallowed.delete(response);
      }
    },
    setDown(down) {
      state.down = down;
      if (!down) return;
      for (const socket of state.connections.keys()) socket.destroy();
    },
  };
}

/** Carries one request out, with what was laid out to go wrong. */
async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const account = state.users.get(token);
  const target = findTarget(request.method ?? "", request.url ?? "", state.namespace);
  const { verb = "unknown", resource = "unknown", name } = target ?? {};
  const attempt = { user: account?.user ?? "nobody", verb, resource, name };
  const note = (status: number | undefined): void => {
    const connection = request.socket.remotePort ?? 0;
    state.requests.push({ atMs: performance.now(), ...attempt, status, connection });
  };
  if (state.cut.has(attempt.user)) {
    state.swallowed.set(response, attempt.user);
    note(undefined);
    return;
  }
  const laidAt = state.laid.findIndex((entry) => entry.verb === undefined || entry.verb === verb);
  const fault = laidAt >= 0 ? (state.laid.splice(laidAt, 1)[0]?.fault ?? {}) : state.weather(attempt);
  const body = await readText(request);
  if (fault.delayMs !== undefined) await delay(fault.delayMs);
  if (fault.drop === "before") {
    note(undefined);
    request.socket.destroy();
    return;
  }
  const made = fault.status === undefined ? carryOut(state, account, target, request, body) : planned(fault.status);
  if (fault.answerDelayMs !== undefined) await delay(fault.answerDelayMs);
  note(fault.drop === undefined ? made.status : undefined);
  if (fault.drop === "after") {
    request.socket.destroy();
    return;
  }
  response.writeHead(made.status, { "content-type": "application/json" });
  response.end(JSON.stringify(skewed(made.body, state.skewMs)));
}

const planned = (status: number): ObjectAnswer => failure(status, "Planned", "as the test wishes");

function carryOut(
  { objects, defaultRole, violations }: State,
  account: { readonly user: string; readonly role: Role | undefined } | undefined,
  target: Target | undefined,
  request: IncomingMessage,
  text: string,
): ObjectAnswer {
  if (account === undefined) return failure(401, "Unauthorized", "Unauthorized");
  if (target === undefined || !allows(account.role ?? defaultRole, target)) {
    const what = `${target?.resource ?? request.url}.${target?.group ?? ""} "${target?.name ?? ""}"`;
    return failure(403, "Forbidden", `${what} is forbidden: User "${account.user}" cannot ${target?.verb}`);
  }
  const { verb, resource, name = "" } = target;
  const type = verb === "patch" ? "application/merge-patch+json" : "application/json";
  if (verb !== "get" && request.headers["content-type"] !== type)
    violations.push(`${verb}: content type is not ${type}`);
  if (!request.headers["user-agent"]?.startsWith("baton-cursor/")) violations.push(`${verb}: no user agent of our own`);
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  if (resource === "leases" && verb === "get") return objects.readLease(name);
  if (resource === "leases" && verb === "update") return objects.replaceLease(name, body, account.user);
  if (resource === "events" && verb === "create") return objects.createEvent(body);
  if (resource === "events" && verb === "patch") return objects.patchEvent(name, body);
  return failure(405, "MethodNotAllowed", "the stand-in does not do that");
}

/** A Lease whose holder's clock is elsewhere. */
function skewed(body: object, skewMs: number): object {
  if (skewMs === 0 || !("kind" in body) || body.kind !== "Lease") return body;
  const { spec, ...rest } = body as LeaseObject;
  if (spec?.renewTime === undefined) return body;
  const renewTime = new Date(Date.parse(spec.renewTime) + skewMs).toISOString().replace("Z", "000Z");
  return { ...rest, spec: { ...spec, renewTime } };
}
