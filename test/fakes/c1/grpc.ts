import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { sendWrongly, type WrongAnswer } from "./wire-fault.ts";

/** gRPC status numbers (gRPC core `statuscodes`). */
export const grpcCodes = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The largest message that a gRPC server or client takes by default. */
export const maxMessageBytes = 4 * 1024 * 1024;
const prefixBytes = 5;

/** Thrown by a handler to end the call with a status other than OK. */
export class GrpcFailure extends Error {
  override readonly name = "GrpcFailure";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Thrown while reading when the client has gone: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** One call as the wire has it. */
export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's deadline in milliseconds, `undefined` when it set none. */
  readonly timeoutMs: number | undefined;
  /** The messages in order; reading only when asked, so that not reading stalls the client. Throws `ClientGone`. */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when the client cancelled, its connection broke, or the call is over. */
  readonly closed: Promise<void>;
  /** Whether the client gave up before it was answered. */
  gone(): boolean;
  /** The client's port as this server's inner listener sees it; names the connection. */
  readonly peerPort: number;
}

/** What a handler answers: the encoded message, one to be sent wrongly, or nothing when the connection was broken on purpose. */
export type GrpcAnswer = Uint8Array | WrongAnswer | undefined;

/** The faults of a request that a strict gRPC server refuses, as `[field, message]`. */
export function headerFaults(headers: IncomingHttpHeaders): readonly [string, string][] {
  const faults: [string, string][] = [];
  if (headers[":method"] !== "POST") faults.push([":method", `is ${headers[":method"]}, not POST`]);
  if (!/^application\/grpc(\+proto)?$/.test(headers["content-type"] ?? "")) {
    faults.push(["content-type", `is ${headers["content-type"]}, not application/grpc`]);
  }
  if (headers["te"] !== "trailers") faults.push(["te", "is not trailers"]);
  if (headers["user-agent"] === undefined) faults.push(["user-agent", "is missing"]);
  const timeout = headers["grpc-timeout"];
  if (timeout !== undefined && timeoutMs(String(timeout)) === undefined) {
    faults.push(["grpc-timeout", `is ${String(timeout)}`]);
  }
  return faults;
}

const timeoutUnitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

function timeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  const unit = timeoutUnitsMs[match?.[2] ?? ""];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Serves one HTTP/2 stream as a gRPC call. Whatever `handle` throws becomes the call's status. */
export async function serveGrpc(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: (call: GrpcCall) => Promise<GrpcAnswer>,
): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let answered = false;
  stream.once("close", resolve);
  stream.on("error", () => resolve());
  const call: GrpcCall = {
    path: headers[":path"] ?? "",
    headers,
    timeoutMs: timeoutMs(String(headers["grpc-timeout"] ?? "")),
    messages: readMessages(stream),
    closed,
    gone: () => !answered && (stream.aborted || stream.destroyed),
    peerPort: stream.session?.socket?.remotePort ?? 0,
  };
  try {
    const answer = await handle(call);
    answered = true;
    if (answer instanceof Uint8Array) await respond(stream, answer);
    else if (answer !== undefined) sendWrongly(stream, answer);
  } catch (reason) {
    answered = true;
    fail(stream, reason);
  }
}

async function* readMessages(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  let pending: Buffer = Buffer.alloc(0);
  const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  try {
    for await (const chunk of chunks) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (let size = messageSize(pending); size !== undefined; size = messageSize(pending)) {
        yield pending.subarray(prefixBytes, prefixBytes + size);
        pending = pending.subarray(prefixBytes + size);
      }
    }
  } catch (reason) {
    throw reason instanceof GrpcFailure ? reason : new ClientGone("the client broke off", { cause: reason });
  }
  if (stream.aborted || stream.destroyed) throw new ClientGone("the client broke off");
  if (pending.length > 0) throw new GrpcFailure(grpcCodes.INTERNAL, "the stream ends within a message");
}

/** Size of the message at the front when it is complete. */
function messageSize(bytes: Buffer): number | undefined {
  if (bytes.length < prefixBytes) return undefined;
  if (bytes[0] !== 0) throw new GrpcFailure(grpcCodes.UNIMPLEMENTED, "compressed messages are not accepted");
  const size = bytes.readUInt32BE(1);
  if (size > maxMessageBytes) {
    throw new GrpcFailure(grpcCodes.RESOURCE_EXHAUSTED, `a message of ${size} bytes is larger than ${maxMessageBytes}`);
  }
  return bytes.length < prefixBytes + size ? undefined : size;
}

async function respond(stream: ServerHttp2Stream, message: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => {
    stream.sendTrailers({ "grpc-status": "0" });
    closeEarly(stream);
  });
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  stream.write(prefix);
  stream.end(message);
}

function fail(stream: ServerHttp2Stream, reason: unknown): void {
  if (reason instanceof ClientGone || stream.destroyed || stream.closed) return;
  const failure =
    reason instanceof GrpcFailure ? reason : new GrpcFailure(grpcCodes.INTERNAL, `the fake failed: ${String(reason)}`);
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": String(failure.code),
      "grpc-message": percentEncode(failure.message),
    },
    { endStream: true },
  );
  closeEarly(stream);
}

/** gRPC over HTTP/2, "Responses": everything but printable ASCII, and the percent sign itself. */
function percentEncode(text: string): string {
  const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return text.replace(/[^ -$&-~]/gu, (character) => [...Buffer.from(character)].map(hex).join(""));
}

/**
 * RFC 9113 section 8.1: a server that answers before it has read everything asks the client to stop, without an error.
 * A reset overtakes the answer in the send queue; a ping that has come back says that the answer is out.
 */
function closeEarly(stream: ServerHttp2Stream): void {
  const { session } = stream;
  if (stream.readableEnded || session === undefined || session.destroyed) return;
  session.ping(() => {
    if (stream.destroyed) return;
    stream.close(constants.NGHTTP2_NO_ERROR);
    // What nobody reads would keep the stream, and with it a connection that was told to end.
    stream.resume();
  });
}
