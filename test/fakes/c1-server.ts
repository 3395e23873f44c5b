import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestCa } from "../helpers/tls.ts";
import type { C1Options, C1Server } from "./c1/api.ts";
import { createClients } from "./c1/clients.ts";
import { openFront } from "./c1/front.ts";
import { grpcCodes } from "./c1/grpc.ts";
import { openListener } from "./c1/listener.ts";
import { createNetwork, issueCertificates } from "./c1/network.ts";
import { createQueue } from "./c1/queue.ts";
import { createRecorder, type Violation } from "./c1/recorder.ts";
import { serveRpc } from "./c1/rpc.ts";
import { createScript } from "./c1/script.ts";
import type { State } from "./c1/state.ts";
import { createTokenEndpoint } from "./c1/token.ts";

export type { C1Options, C1Server } from "./c1/api.ts";
export type { C1zContents } from "./c1/c1z.ts";
export { grpcCodes } from "./c1/grpc.ts";
export type { C1Hook, C1Request } from "./c1/hook.ts";
export type { C1Network, Certificate } from "./c1/network.ts";
export { newTaskId } from "./c1/queue.ts";
export type { C1Event, Violation } from "./c1/recorder.ts";
export type { Improvise } from "./c1/script.ts";
export type { TokenControl, TokenRequest } from "./c1/token.ts";
export type * from "./c1/types.ts";

const defaultTimeoutMs = 10_000;

/** Starts a stand-in of C1 on 127.0.0.1 with credentials of its own. */
export async function startC1Server(options: C1Options = {}): Promise<C1Server> {
  const directory = await mkdtemp(join(tmpdir(), "fake-c1-"));
  const ca = options.ca ?? (await createTestCa());
  const caFile = join(directory, "ca.pem");
  await writeFile(caFile, ca.caPem);
  const certificates = await issueCertificates(ca);

  let innerPort = (): number => 0;
  const front = await openFront(() => innerPort());
  const apiHost = `localhost:${front.port}`;
  const clients = createClients();
  const addClient = (host = options.clientHost ?? apiHost) => {
    const { clientId, clientSecret } = clients.add(host);
    return { clientId, clientSecret };
  };
  const recorder = createRecorder();
  const token = createTokenEndpoint(clients, recorder, {
    drop: (peerPort) => front.dropByPeerPort(peerPort),
    hook: () => state.hook,
  });
  const state: State = {
    recorder,
    token,
    clients,
    queue: createQueue(),
    script: createScript(options.improvise),
    defaults: {
      nextPollMs: options.nextPollMs === undefined ? 50 : options.nextPollMs,
      nextHeartbeatMs: options.nextHeartbeatMs === undefined ? 1000 : options.nextHeartbeatMs,
    },
    calls: { Hello: [], GetTask: [], GetTasks: [], Heartbeat: [], UploadAsset: [], FinishTask: [] },
    uploads: [],
    greeted: new Set(),
    requireHello: options.requireHello ?? true,
    otherClients: options.otherClients ?? "accept",
    statusMessages: options.statusMessages ?? "one short line",
    taskIds: options.taskIds ?? "27 letters and digits",
    uploadKind: options.uploads ?? "c1z",
    c1zDepth: options.c1zDepth ?? "records",
    uploadDirectory: options.uploadDirectory ?? directory,
    hook: undefined,
    drop: (peerPort) => front.dropByPeerPort(peerPort),
  };
  const listener = await openListener(certificates.right, token, (call) => serveRpc(state, call), recorder);
  innerPort = () => listener.port();

  return {
    ...addClient(),
    ...{ apiHost, caPem: ca.caPem, caFile },
    addClient,
    revokeClient: (clientId, how) => clients.revoke(clientId, how),
    token: token.control,
    network: createNetwork(front, listener, certificates),
    setOnRequest(hook) {
      state.hook = hook;
    },
    ...taskVerbs(state),
    ...observations(state),
    ...waits(state),
    async [Symbol.asyncDispose]() {
      recorder.close();
      front.close();
      await listener.close();
      await rm(directory, { recursive: true, force: true });
      throwViolations(recorder.takeViolations());
    },
  };
}

type TaskVerbs = Pick<
  C1Server,
  "defaults" | "enqueue" | "lease" | "requeue" | "cancel" | "task" | "inFlight" | "script" | "unscript"
>;

function taskVerbs({ queue, script, defaults }: State): TaskVerbs {
  return {
    defaults,
    enqueue: (task, options) => queue.enqueue(task, options),
    lease: (task, options) => queue.lease(task, options),
    requeue: (taskId) => queue.requeue(taskId),
    cancel(taskId) {
      const entry = queue.known(taskId);
      entry.cancelFromBeat = entry.beats + 1;
    },
    task: (taskId) => queue.known(taskId),
    inFlight: queue.inFlight,
    script: (method, answers) => script.add(method, answers),
    unscript: (method) => script.clear(method),
  };
}

type Observations = Pick<C1Server, "calls" | "uploads" | "violations" | "takeViolations" | "onEvent" | "events">;

function observations({ calls, uploads, recorder }: State): Observations {
  return {
    calls: (method) => calls[method],
    uploads,
    get violations() {
      return recorder.violations;
    },
    takeViolations: () => recorder.takeViolations(),
    onEvent: (listener) => recorder.onEvent(listener),
    events: () => recorder.events(),
  };
}

type Waits = Pick<C1Server, "awaitFinish" | "awaitHello" | "awaitUpload" | "awaitCall" | "until">;

function waits({ queue, calls, uploads, recorder }: State): Waits {
  return {
    awaitFinish(taskId, timeoutMs = defaultTimeoutMs) {
      const entry = queue.known(taskId);
      const look = () => entry.state === "finished" && entry.finishes.at(-1);
      return recorder.until(look, timeoutMs, `finish of task ${taskId} (${entry.type})`);
    },
    awaitHello(taskId, timeoutMs = defaultTimeoutMs) {
      const look = () => calls.Hello.find(({ request, code }) => code === grpcCodes.OK && request?.taskId === taskId);
      return recorder.until(look, timeoutMs, `Hello of task "${taskId}"`);
    },
    awaitUpload(taskId, timeoutMs = defaultTimeoutMs) {
      const look = () => uploads.find((upload) => upload.ok && upload.taskId === taskId);
      return recorder.until(look, timeoutMs, `upload of task ${taskId}`);
    },
    awaitCall(method, n = 1, timeoutMs = defaultTimeoutMs) {
      return recorder.until(() => calls[method][n - 1], timeoutMs, `call ${n} of ${method}`);
    },
    until: (look, timeoutMs = defaultTimeoutMs, what = "the condition") => recorder.until(look, timeoutMs, what),
  };
}

function throwViolations(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const lines = violations.map(({ where, field, message }) => `\n  ${where}: ${field} ${message}`);
  throw new Error(`the client did what C1 refuses:${lines.join("")}`);
}
