import { setTimeout as delay } from "node:timers/promises";
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ClientGone, type GrpcAnswer, type GrpcCall, GrpcFailure, grpcCodes, headerFaults } from "./grpc.ts";
import type { Fault } from "./rule-kit.ts";
import { rules } from "./rules.ts";
import type { OpenCall, State } from "./state.ts";
import type { Answer, Method, Requests } from "./types.ts";
import { findOddities } from "./unknown-fields.ts";
import { registry, schemas } from "./wire.ts";

/** A field number that no message uses. */
const strayField = 1999;

/** Records faults as violations and refuses the call when there are any. */
export function refuseFaults(
  state: State,
  method: Method,
  faults: readonly Fault[],
  code: number = grpcCodes.INVALID_ARGUMENT,
): void {
  for (const [field, message] of faults) state.recorder.violation(method, field, message);
  const [first] = faults;
  if (first !== undefined) throw new GrpcFailure(code, `${first[0]} ${first[1]}`);
}

/** Begins the record of a call, and refuses it for wrong headers or a token that is not valid. */
export async function record<M extends Method>(
  state: State,
  method: M,
  call: GrpcCall,
  work: (open: OpenCall<M>) => Promise<GrpcAnswer>,
): Promise<GrpcAnswer> {
  const { headers } = call;
  const open: OpenCall<M> = {
    method,
    atMs: performance.now(),
    userAgent: headers["user-agent"] ?? "",
    authorization: headers.authorization,
    clientId: state.token.clientOf(headers.authorization),
    timeoutMs: call.timeoutMs,
    connection: call.peerPort,
    request: undefined,
    endedMs: undefined,
    code: undefined,
    scripted: undefined,
    played: new Set(),
  };
  state.calls[method].push(open);
  state.recorder.touch();
  try {
    refuseFaults(state, method, headerFaults(headers), grpcCodes.INTERNAL);
    authenticate(state, method, headers.authorization);
    const answer = await work(open);
    if (answer instanceof Uint8Array) open.code = grpcCodes.OK;
    if (answer !== undefined && !call.gone()) markCarried(open, answer);
    return answer;
  } catch (reason) {
    open.code = codeOf(reason);
    throw reason;
  } finally {
    open.endedMs = performance.now();
    state.recorder.touch();
  }
}

const carried = [
  "change",
  "padBytes",
  "unknownFields",
  "nextPoll",
  "nextPollMs",
  "noTask",
  "nextHeartbeat",
  "nextHeartbeatMs",
  "cancelled",
];

/** Marks what the answer that leaves now has in it. */
function markCarried({ played, scripted }: OpenCall, answer: NonNullable<GrpcAnswer>): void {
  const names = answer instanceof Uint8Array ? carried : [...carried, "wire", "undone"];
  for (const name of names) if (scripted !== undefined && name in scripted) played.add(name);
}

function codeOf(reason: unknown): number | undefined {
  if (reason instanceof ClientGone) return undefined;
  return reason instanceof GrpcFailure ? reason.code : grpcCodes.INTERNAL;
}

function authenticate(state: State, method: Method, authorization: string | undefined): void {
  const fault = state.token.fault(authorization);
  if (fault === "missing") state.recorder.violation(method, "authorization", "is missing");
  if (fault === "scheme") state.recorder.violation(method, "authorization", "does not use the scheme of the token");
  if (fault !== undefined) throw new GrpcFailure(grpcCodes.UNAUTHENTICATED, `token ${fault}`);
}

const decoders: { readonly [M in Method]: (bytes: Uint8Array) => Requests[M] } = {
  Hello: (bytes) => fromBinary(schemas.Hello.request, bytes),
  GetTask: (bytes) => fromBinary(schemas.GetTask.request, bytes),
  GetTasks: (bytes) => fromBinary(schemas.GetTasks.request, bytes),
  Heartbeat: (bytes) => fromBinary(schemas.Heartbeat.request, bytes),
  UploadAsset: (bytes) => fromBinary(schemas.UploadAsset.request, bytes),
  FinishTask: (bytes) => fromBinary(schemas.FinishTask.request, bytes),
};

/** Decodes a request and refuses it when its bytes, unknown fields or any rule are wrong. */
export function decode<M extends Method>(state: State, method: M, message: Uint8Array): Requests[M] {
  const request = tryDecode(state, method, message);
  refuseFaults(
    state,
    method,
    findOddities(request, registry).map(({ path, message: text }) => [path, text]),
  );
  const overlooked = state.statusMessages === "any" ? "status.message" : undefined;
  refuseFaults(
    state,
    method,
    rules[method](request).filter(
      ([field]) => field !== overlooked && !(state.taskIds === "any" && /task_ids?(\[|$)/.test(field)),
    ),
  );
  return request;
}

function tryDecode<M extends Method>(state: State, method: M, message: Uint8Array): Requests[M] {
  try {
    return decoders[method](message);
  } catch (reason) {
    state.recorder.violation(method, "message", `does not decode: ${String(reason)}`);
    throw new GrpcFailure(grpcCodes.INTERNAL, "the request does not decode");
  }
}

/** Refuses whoever has not said Hello with this host id, and polls of clients that have not where each has to. */
export function demandHello(state: State, method: Method, hostId: string, call: GrpcCall): void {
  const each = state.requireHello === "of each client" && (method === "GetTask" || method === "GetTasks");
  const who = each ? greeting(hostId, state.token.clientOf(call.headers.authorization)) : hostId;
  if (state.requireHello === false || state.greeted.has(who)) return;
  refuseFaults(state, method, [["host_id", `"${hostId}" has not said Hello`]], grpcCodes.FAILED_PRECONDITION);
}

/** Names a host together with the client that speaks for it. */
export function greeting(hostId: string, clientId: string | undefined): string {
  return `${hostId} as ${clientId}`;
}

/** The one message of a unary call. */
export async function readOne(call: GrpcCall): Promise<Uint8Array> {
  let one: Uint8Array | undefined;
  for await (const message of call.messages) {
    if (one !== undefined) throw new GrpcFailure(grpcCodes.INTERNAL, "more than one message in a unary call");
    one = message;
  }
  if (one === undefined) throw new GrpcFailure(grpcCodes.INTERNAL, "no message in a unary call");
  return one;
}

type Misdeed = Pick<Answer, "delayMs" | "hang" | "dropConnection" | "error" | "message">;

/** Does what a script says about failing, and marks it as played; returns false when the connection was broken. */
export async function misbehave(
  state: State,
  call: GrpcCall,
  answer: Misdeed | undefined,
  played: Set<string>,
): Promise<boolean> {
  if (answer?.delayMs !== undefined) await Promise.race([delay(answer.delayMs), call.closed]);
  if (answer?.hang === true) await hang(call, played);
  if (call.gone()) throw new ClientGone("the client broke off");
  if (answer?.delayMs !== undefined) played.add("delayMs");
  if (answer?.dropConnection === true) {
    if (state.drop(call.peerPort)) played.add("dropConnection");
    return false;
  }
  if (answer?.error === undefined) return true;
  played.add("error");
  throw new GrpcFailure(answer.error, answer.message ?? "scripted");
}

/** Waits until the client gives up. */
export async function hang(call: GrpcCall, played: Set<string>): Promise<never> {
  if (!call.gone()) played.add("hang");
  await call.closed;
  throw new ClientGone("the client gave up");
}

/** Encodes a response with the changes of the script. */
export function encode<D extends DescMessage>(
  schema: D,
  response: MessageShape<D>,
  answer: { readonly change?: (response: MessageShape<D>) => void } & Pick<Answer, "padBytes" | "unknownFields">,
): Uint8Array {
  answer.change?.(response);
  const parts: Buffer[] = [Buffer.from(toBinary(schema, response))];
  if (answer.unknownFields === true) parts.push(strayBytes(Buffer.from("nobody knows me")));
  if (answer.padBytes !== undefined) parts.push(strayBytes(Buffer.alloc(answer.padBytes, "x")));
  return Buffer.concat(parts);
}

/** An unknown length-delimited field with this content. */
function strayBytes(content: Buffer): Buffer {
  return Buffer.concat([varint(strayField * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
