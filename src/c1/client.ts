import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { C1Client, PollResult, Upload } from "../baton/c1-client.ts";
import { systemClock } from "../baton/clock.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import type { Logger } from "../baton/logger.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { durationMs, type WireDuration } from "../wire/duration.ts";
import { encodeFinish } from "../wire/finish.ts";
import {
  BatonService,
  BatonServiceGetTaskRequestSchema,
  BatonServiceGetTasksRequestSchema,
  BatonServiceHeartbeatRequestSchema,
  type BatonServiceHelloRequest,
  BatonServiceHelloRequestSchema,
  type Task as TaskMessage,
} from "../wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { encodeMetadata } from "../wire/metadata.ts";
import type { Method } from "../wire/service.ts";
import { decodeTask } from "../wire/tasks.ts";
import { createTokenSource, refusedAsUnauthenticated, type TokenSource } from "./auth.ts";
import { type C1Channel, createC1Channel } from "./channel.ts";
import { type C1ClientOptions, type C1Deadlines, defaultDeadlines } from "./client-options.ts";
import { buildInfo, osInfo, readHostFacts } from "./host-info.ts";
import { callUnary, openClientStream } from "./rpc.ts";
import type { AccessToken } from "./token-response.ts";
import { uploadWithRetry } from "./upload.ts";
import { sendFile } from "./upload-stream.ts";

interface Context extends C1ClientOptions {
  readonly host: string;
  readonly channel: C1Channel;
  readonly tokens: TokenSource;
  readonly limits: C1Deadlines;
}

/** C1 takes pages of 1 to 100 tasks. */
const maxPageSize = 100;
const taskIdPattern = /^[a-zA-Z0-9]{27}$/;

/**
 * The control plane over gRPC. Connects when first used; nothing is sent before the server has proved its identity by TLS,
 * which cannot be switched off. Throws `invalid_argument` when the proxy cannot carry gRPC.
 */
export function createC1Client(options: C1ClientOptions): C1Client {
  const greeting = createContext(options);
  const context = { ...greeting, tokens: refusedAsUnauthenticated(greeting.tokens) };
  const { hostId, limits, log } = context;
  const { hello, getTask, getTasks, heartbeat, finishTask } = BatonService.method;
  return {
    async hello(taskId, metadata, signal) {
      await call(greeting, hello, helloRequest(context, taskId, metadata), limits.hello, signal);
    },
    async getTask(signal) {
      const request = create(BatonServiceGetTaskRequestSchema, { hostId });
      const { task, nextPoll } = await call(context, getTask, request, limits.poll, signal);
      return pollResult(task === undefined ? [] : [task], nextPoll, log);
    },
    async getTasks({ pageSize, knownTaskIds }, signal) {
      const request = create(BatonServiceGetTasksRequestSchema, {
        hostId,
        pageSize: Math.max(1, Math.min(Math.trunc(pageSize), maxPageSize)),
        // One id that C1 would not accept would spoil the whole request.
        knownTaskIds: knownTaskIds.filter((id) => taskIdPattern.test(id)),
      });
      const { tasks, nextPoll } = await call(context, getTasks, request, limits.poll, signal);
      return pollResult(tasks, nextPoll, log);
    },
    async heartbeat(taskId, signal) {
      const request = create(BatonServiceHeartbeatRequestSchema, { hostId, taskId });
      const response = await call(context, heartbeat, request, limits.heartbeat, signal);
      return {
        cancelled: response.cancelled || response.cancelledTaskIds.includes(taskId),
        nextHeartbeatMs: durationMs(response.nextHeartbeat),
      };
    },
    async finishTask(report, signal) {
      await call(context, finishTask, encodeFinish(report, hostId), limits.finishTask, signal);
    },
    uploadAsset: (taskId, upload, signal) => uploadAsset(context, taskId, upload, signal),
    // Every task goes over the same connection.
    forget: () => undefined,
    close: () => context.channel.close(),
  };
}

function createContext(options: C1ClientOptions): Context {
  const { credentials, build, trust, proxy, postForm, clock, log, hooks } = options;
  const host = options.apiHost ?? credentials.tokenHost;
  const limits = { ...defaultDeadlines, ...options.deadlines };
  const userAgent = `${credentials.clientName} baton-sdk-compatible/${build.version}`;
  const onRecreate = (): void => log.debug("the connection to C1 kept failing and is replaced", { host });
  return {
    ...options,
    host,
    limits,
    channel: createC1Channel({ host, userAgent, trust, proxy, onRecreate }),
    tokens: createTokenSource({
      credentials,
      host,
      postForm,
      clock,
      timeoutMs: limits.token,
      onTokenExpiry: (expiryMs) => hooks?.onTokenExpiry?.(expiryMs),
      onRequest: (error, ms) => hooks?.onRpc?.({ method: "token", code: error?.code ?? "ok", durationMs: ms }),
    }),
  };
}

function helloRequest(context: Context, taskId: string, metadata: ConnectorMetadata): BatonServiceHelloRequest {
  return create(BatonServiceHelloRequestSchema, {
    hostId: context.hostId,
    taskId,
    buildInfo: buildInfo(context.build),
    osInfo: osInfo(context.hostFacts ?? readHostFacts()),
    connectorMetadata: encodeMetadata(metadata),
  });
}

function pollResult(messages: readonly TaskMessage[], nextPoll: WireDuration | undefined, log: Logger): PollResult {
  const tasks = messages.map(decodeTask).filter((task) => task !== undefined);
  const nameless = tasks.filter(({ id }) => id === "");
  // Without an id there is nothing that could be reported.
  for (const { type } of nameless) log.warn("C1 sent a task without an id; it is dropped", { taskType: type });
  return { tasks: tasks.filter(({ id }) => id !== ""), nextPollMs: durationMs(nextPoll) };
}

function call<I extends DescMessage, O extends DescMessage>(
  context: Context,
  method: Method<I, O>,
  request: MessageShape<I>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<MessageShape<O>> {
  return withFreshToken(context, signal, (token) =>
    observed(context, method.name, signal, () => {
      const client = context.channel.client();
      return callUnary(method, request, deadlineMs, { client, token, host: context.host, signal });
    }),
  );
}

function uploadAsset(context: Context, taskId: string, upload: Upload, signal: AbortSignal): Promise<void> {
  const { clock, random, host, hostId, hooks, limits, log } = context;
  const method = BatonService.method.uploadAsset;
  const sendOnce = (token: AccessToken) =>
    observed(context, method.name, signal, async () => {
      const stream = openClientStream(method, { client: context.channel.client(), token, host });
      const onBytes = (bytes: number): void => hooks?.onUploadBytes?.(bytes);
      const progressTimeoutMs = limits.uploadProgress;
      // Bytes move in real time, however fast the clock of everything else runs.
      await sendFile({ stream, hostId, taskId, upload, clock: systemClock, progressTimeoutMs, onBytes }, signal);
    });
  const onRetry = (error: StatusError): void => {
    log.warn("an upload failed and starts again", { taskId, code: error.code, error: error.message });
    hooks?.onUploadRetry?.(error);
  };
  return uploadWithRetry(() => withFreshToken(context, signal, sendOnce), { clock, random, onRetry }, signal);
}

/** A token that C1 no longer accepts is dropped, and the call is made once more with a new one. */
async function withFreshToken<T>(
  { tokens }: Context,
  signal: AbortSignal,
  attempt: (token: AccessToken) => Promise<T>,
): Promise<T> {
  const token = await tokens.get(signal);
  try {
    return await attempt(token);
  } catch (reason) {
    if (!(reason instanceof StatusError) || reason.code !== "unauthenticated") throw reason;
    tokens.invalidate(token);
    return await attempt(await tokens.get(signal));
  }
}

/** Tells the channel and the hooks how an attempt ended. */
async function observed<T>(
  { channel, clock, hooks }: Context,
  method: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const startedMs = clock.monotonicMs();
  const ended = (code: StatusCode): void => {
    // A call that we ended ourselves says nothing about the connection.
    if (!signal.aborted) channel.ended(code);
    hooks?.onRpc?.({ method, code, durationMs: clock.monotonicMs() - startedMs });
  };
  try {
    const result = await attempt();
    ended("ok");
    return result;
  } catch (reason) {
    const error = StatusError.from(reason);
    ended(error.code);
    throw error;
  }
}
