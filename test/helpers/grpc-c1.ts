import { promisify } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import {
  type handleClientStreamingCall,
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
} from "@grpc/grpc-js";
import {
  BatonService,
  type BatonServiceFinishTaskRequest,
  BatonServiceFinishTaskResponseSchema,
  type BatonServiceGetTaskRequest,
  BatonServiceGetTaskResponseSchema,
  type BatonServiceGetTasksRequest,
  BatonServiceGetTasksResponseSchema,
  type BatonServiceHeartbeatRequest,
  BatonServiceHeartbeatResponseSchema,
  type BatonServiceHelloRequest,
  BatonServiceHelloResponseSchema,
  type BatonServiceUploadAssetRequest,
  type BatonServiceUploadAssetResponse,
  BatonServiceUploadAssetResponseSchema,
} from "../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { serviceDefinition } from "../../src/wire/service.ts";
import type { TestCa } from "./tls.ts";

/** Thrown by a handler: the status with which the call ends. */
export class GrpcStatus extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details = "") {
    super(details);
    this.code = code;
    this.details = details;
  }
}

export type UploadCall = ServerReadableStream<BatonServiceUploadAssetRequest, BatonServiceUploadAssetResponse>;

type Reply<T> = T | Promise<T>;

/** What each call gets; `number` counts the calls of that method from 1. */
export interface Handlers {
  hello(
    request: BatonServiceHelloRequest,
    number: number,
  ): Reply<MessageInitShape<typeof BatonServiceHelloResponseSchema>>;
  getTask(
    request: BatonServiceGetTaskRequest,
    number: number,
  ): Reply<MessageInitShape<typeof BatonServiceGetTaskResponseSchema>>;
  getTasks(
    request: BatonServiceGetTasksRequest,
    number: number,
  ): Reply<MessageInitShape<typeof BatonServiceGetTasksResponseSchema>>;
  heartbeat(
    request: BatonServiceHeartbeatRequest,
    number: number,
  ): Reply<MessageInitShape<typeof BatonServiceHeartbeatResponseSchema>>;
  finishTask(
    request: BatonServiceFinishTaskRequest,
    number: number,
  ): Reply<MessageInitShape<typeof BatonServiceFinishTaskResponseSchema>>;
  /** Resolving answers OK, at once and whether or not everything was read. */
  uploadAsset(call: UploadCall, number: number): Promise<void>;
}

/** One call as the server saw it. */
export interface Call {
  readonly method: string;
  readonly metadata: Metadata;
  /** Address and port of the connection. */
  readonly peer: string;
  readonly cancelled: () => boolean;
}

/** The bare service on grpc-js over TLS: it checks nothing and says what the test tells it to. */
export interface GrpcC1 extends AsyncDisposable {
  /** `localhost:<port>`. */
  readonly host: string;
  readonly port: number;
  /** Every call so far. */
  readonly calls: readonly Call[];
  /** Replace its members to change the answers. */
  readonly handlers: Partial<Handlers>;
}

const methods = {
  hello: BatonServiceHelloResponseSchema,
  getTask: BatonServiceGetTaskResponseSchema,
  getTasks: BatonServiceGetTasksResponseSchema,
  heartbeat: BatonServiceHeartbeatResponseSchema,
  finishTask: BatonServiceFinishTaskResponseSchema,
} as const;

export async function startGrpcC1(ca: TestCa, handlers: Partial<Handlers> = {}, port = 0): Promise<GrpcC1> {
  const calls: Call[] = [];
  const count = (method: string): number => calls.filter((call) => call.method === method).length;
  const unary =
    (method: keyof typeof methods): handleUnaryCall<object, object> =>
    async (call, reply) => {
      calls.push({ method, metadata: call.metadata, peer: call.getPeer(), cancelled: () => call.cancelled });
      try {
        // The service definition has decoded the request as this method's own.
        const handler = handlers[method] as ((request: object, number: number) => Reply<object>) | undefined;
        const answer = await handler?.(call.request, count(method));
        reply(null, create(methods[method], answer ?? {}));
      } catch (reason) {
        reply(statusOf(reason));
      }
    };
  const uploadAsset: handleClientStreamingCall<
    BatonServiceUploadAssetRequest,
    BatonServiceUploadAssetResponse
  > = async (call, reply) => {
    calls.push({
      method: "uploadAsset",
      metadata: call.metadata,
      peer: call.getPeer(),
      cancelled: () => call.cancelled,
    });
    try {
      await handlers.uploadAsset?.(call, count("uploadAsset"));
      reply(null, create(BatonServiceUploadAssetResponseSchema));
    } catch (reason) {
      reply(statusOf(reason));
    }
  };
  const server = new Server();
  server.addService(serviceDefinition(BatonService), {
    hello: unary("hello"),
    getTask: unary("getTask"),
    getTasks: unary("getTasks"),
    heartbeat: unary("heartbeat"),
    finishTask: unary("finishTask"),
    startDebugging: unary("hello"),
    uploadAsset,
  });
  const { certPem, keyPem } = ca.issue(["localhost"]);
  const secure = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) },
  ]);
  const bound = await promisify(server.bindAsync.bind(server))(`127.0.0.1:${port}`, secure);
  return {
    host: `localhost:${bound}`,
    port: bound ?? 0,
    calls,
    handlers,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

function statusOf(reason: unknown): { code: number; details: string } {
  return reason instanceof GrpcStatus
    ? { code: reason.code, details: reason.details }
    : { code: 2, details: String(reason) };
}
