import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Client, type ClientWritableStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../baton/clock.ts";
import { StatusError, throwIfAborted } from "../baton/status-error.ts";
import { type Method, methodDefinition } from "../wire/service.ts";
import { rpcError } from "./rpc-error.ts";
import type { AccessToken } from "./token-response.ts";

/** One attempt at one call. */
export interface CallContext {
  readonly client: Client;
  readonly token: AccessToken;
  /** For messages: the host that is called. */
  readonly host: string;
  readonly signal: AbortSignal;
}

/**
 * Makes one unary call. Rejects with a StatusError that carries the server's code, with `deadline_exceeded` after
 * `deadlineMs`, and with the signal's reason on abort, which cancels the call.
 */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  method: Method<I, O>,
  request: MessageShape<I>,
  deadlineMs: number,
  { client, token, host, signal }: CallContext,
): Promise<MessageShape<O>> {
  throwIfAborted(signal);
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
  const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
  // grpc-js takes deadlines in real time only.
  const deadline = systemClock.nowMs() + deadlineMs;
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    authorization(token),
    { deadline },
    (failure, response) => {
      if (failure !== null) reject(asStatusError(method.name, host, failure, deadlineMs));
      else if (response === undefined) reject(rpcError(method.name, host, { code: 13, details: "no response" }));
      else resolve(response);
    },
  );
  return await cancelOnAbort(promise, () => call.cancel(), signal);
}

/** A client stream under way. */
export interface OpenStream<I extends DescMessage, O extends DescMessage> {
  readonly call: ClientWritableStream<MessageShape<I>>;
  /** How it ended: with the server's response or a StatusError. Never rejects before that, never left unhandled. */
  readonly outcome: Promise<MessageShape<O>>;
}

/** Opens a client stream without a deadline; the caller watches over it. Abort is the caller's business too. */
export function openClientStream<I extends DescMessage, O extends DescMessage>(
  method: Method<I, O>,
  { client, token, host }: Omit<CallContext, "signal">,
): OpenStream<I, O> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
  const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
  promise.catch(() => undefined);
  const call = client.makeClientStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    authorization(token),
    {},
    (failure, response) => {
      if (failure !== null) reject(asStatusError(method.name, host, failure));
      else if (response === undefined) reject(rpcError(method.name, host, { code: 13, details: "no response" }));
      else resolve(response);
    },
  );
  // The failure is the callback's to tell; without a listener an "error" event would end the process.
  call.on("error", () => undefined);
  return { call, outcome: promise };
}

function authorization(token: AccessToken): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", token.authorization);
  return metadata;
}

function asStatusError(method: string, host: string, failure: ServiceError, deadlineMs?: number): StatusError {
  // grpc-js promises both, and leaves them out for an answer that it cannot unpack.
  const { code = 13, details = failure.message }: Partial<ServiceError> = failure;
  return rpcError(method, host, { code, details }, deadlineMs);
}

async function cancelOnAbort<T>(outcome: Promise<T>, cancel: () => void, signal: AbortSignal): Promise<T> {
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await outcome;
  } catch (reason) {
    // What the call ended with is then only the echo of our own cancelling.
    throw signal.aborted ? StatusError.from(signal.reason) : reason;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
