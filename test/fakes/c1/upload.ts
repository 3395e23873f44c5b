import { createHash, type Hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type FileHandle, open as openFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { capture } from "../../helpers/capture.ts";
import { inspectC1z, isC1z } from "./c1z.ts";
import { decode, demandHello, encode, hang, record, refuseFaults } from "./dispatch.ts";
import { ClientGone, type GrpcAnswer, type GrpcCall, GrpcFailure, grpcCodes } from "./grpc.ts";
import { askHook, type C1Request } from "./hook.ts";
import { newTaskId, type TaskEntry } from "./queue.ts";
import type { OpenCall, State } from "./state.ts";
import type { Requests, UploadAnswer, UploadRecord } from "./types.ts";
import { heldTask } from "./unary.ts";
import { schemas } from "./wire.ts";

type Message = Requests["UploadAsset"];

/** A stream on its way in. */
interface Incoming {
  readonly entry: TaskEntry;
  readonly hostId: string;
  readonly atMs: number;
  readonly path: string;
  readonly file: FileHandle;
  readonly hash: Hash;
  readonly chunkSizes: number[];
  bytes: number;
  /** The checksum that the client promised, once `eof` is there. */
  promised: Uint8Array | undefined;
}

/** How a stream ended. */
type Ending = Partial<Pick<UploadRecord, "ok" | "code" | "kind" | "contents" | "path">>;

/** Serves one UploadAsset stream: metadata, data, eof, in this order and nothing else. */
export function serveUpload(state: State, call: GrpcCall): Promise<GrpcAnswer> {
  return record(state, "UploadAsset", call, async (open) => {
    const laid = state.script.next("UploadAsset");
    let answer = laid ?? {};
    open.scripted = answer;
    if (answer.alsoAtChunk === undefined) playAlso(open, answer);
    let incoming: Incoming | undefined;
    try {
      for await (const bytes of call.messages) {
        refuseRevoked(state, call);
        const message = decode(state, "UploadAsset", bytes);
        const name: C1Request["name"] = `UploadAsset ${message.msg.case ?? "data"}`;
        await askHook(state, call, name, "received");
        if (incoming === undefined) {
          incoming = await begin(state, open, message, call);
          answer = laid ?? state.script.improvise("UploadAsset", incoming.entry.id) ?? {};
          open.scripted = answer;
        } else {
          await add(state, incoming, message);
        }
        if (incoming.promised === undefined) await askHook(state, call, name, "done");
        if (await interfere(state, call, { incoming, answer, open })) {
          await end(state, incoming, answer.okAtChunk === undefined ? {} : { code: grpcCodes.OK });
          return answer.okAtChunk === undefined ? undefined : response(answer);
        }
      }
      if (incoming?.promised === undefined)
        refuseFaults(state, "UploadAsset", [["msg", "the stream ends without eof"]]);
      refuseRevoked(state, call);
      if (answer.hang === true) await hang(call, open.played);
      if (answer.error !== undefined) {
        if (!call.gone()) open.played.add("error");
        throw new GrpcFailure(answer.error, answer.message ?? "scripted");
      }
      const whole = incoming;
      if (answer.wire !== undefined && answer.undone === true) {
        if (whole !== undefined) await end(state, whole, {});
        return { message: new Uint8Array(), fault: answer.wire };
      }
      if (whole !== undefined) await end(state, whole, await accept(state, whole));
      // What follows does not end it a second time.
      incoming = undefined;
      await askHook(state, call, "UploadAsset eof", "done");
      if (answer.dropResponse !== true) return response(answer);
      if (state.drop(call.peerPort)) open.played.add("dropResponse");
      return undefined;
    } catch (reason) {
      if (incoming !== undefined) await end(state, incoming, failureOf(reason));
      throw reason;
    }
  });
}

function playAlso({ played }: OpenCall<"UploadAsset">, { also }: UploadAnswer): void {
  if (also === undefined) return;
  also();
  played.add("also");
}

function response(answer: UploadAnswer): GrpcAnswer {
  const message = encode(schemas.UploadAsset.response, create(schemas.UploadAsset.response), answer);
  return answer.wire === undefined ? message : { message, fault: answer.wire };
}

/** A client that was revoked at once does not end what it has begun. */
function refuseRevoked(state: State, call: GrpcCall): void {
  const clientId = state.token.clientOf(call.headers.authorization);
  if (clientId === undefined || state.clients.revocation(clientId) !== "at once") return;
  throw new GrpcFailure(grpcCodes.UNAUTHENTICATED, "the client was revoked");
}

function failureOf(reason: unknown): Ending {
  if (reason instanceof ClientGone) return {};
  return { code: reason instanceof GrpcFailure ? reason.code : grpcCodes.INTERNAL };
}

async function begin(state: State, open: OpenCall<"UploadAsset">, message: Message, call: GrpcCall): Promise<Incoming> {
  open.request = message;
  const { msg } = message;
  if (msg.case !== "metadata") {
    refuseFaults(state, "UploadAsset", [["msg", `the stream begins with ${msg.case}, not metadata`]]);
    throw new Error("unreachable");
  }
  const { hostId, taskId } = msg.value;
  demandHello(state, "UploadAsset", hostId, call);
  const entry = heldTask(state, "UploadAsset", taskId, hostId, call);
  if (entry.type !== "syncFull" && state.uploadKind === "c1z") {
    refuseFaults(state, "UploadAsset", [["task_id", `belongs to a task of type ${entry.type}`]]);
  }
  const path = join(state.uploadDirectory, `${encodeURIComponent(taskId)}-${newTaskId().slice(0, 6)}`);
  state.recorder.emit({ type: "upload-started", taskId });
  return {
    entry,
    hostId,
    atMs: performance.now(),
    path,
    file: await openFile(path, "wx", 0o600),
    hash: createHash("sha256"),
    chunkSizes: [],
    bytes: 0,
    promised: undefined,
  };
}

async function add(state: State, incoming: Incoming, { msg }: Message): Promise<void> {
  if (incoming.promised !== undefined) {
    refuseFaults(state, "UploadAsset", [["msg", `${msg.case} follows eof`]]);
  }
  if (msg.case === "metadata") refuseFaults(state, "UploadAsset", [["msg", "metadata is sent twice"]]);
  if (msg.case === "eof") incoming.promised = msg.value.sha256Checksum;
  if (msg.case !== "data") return;
  const { data } = msg.value;
  incoming.hash.update(data);
  await incoming.file.write(data);
  incoming.bytes += data.length;
  incoming.chunkSizes.push(data.length);
  state.recorder.emit({ type: "upload-progress", taskId: incoming.entry.id, bytes: incoming.bytes });
}

interface Stage {
  readonly incoming: Incoming;
  readonly answer: UploadAnswer;
  readonly open: OpenCall<"UploadAsset">;
}

/** Does what the script says at this chunk, and marks it as played; true when the stream is over for the server. */
async function interfere(state: State, call: GrpcCall, { answer, incoming, open }: Stage): Promise<boolean> {
  if (incoming.promised !== undefined) return false;
  const chunk = incoming.chunkSizes.length;
  if (answer.alsoAtChunk === chunk) {
    playAlso(open, answer);
    open.played.add("alsoAtChunk");
  }
  if (answer.chunkDelayMs !== undefined && chunk > 0) {
    await Promise.race([delay(answer.chunkDelayMs), call.closed]);
    if (!call.gone()) open.played.add("chunkDelayMs");
  }
  return await breakOff(state, call, { answer, open, incoming });
}

/** The ends of a stream before its time. */
async function breakOff(state: State, call: GrpcCall, { answer, incoming, open }: Stage): Promise<boolean> {
  const chunk = incoming.chunkSizes.length;
  const point = breaks.find((name) => answer[name] === chunk);
  if (point === undefined) return false;
  if (point === "dropAtChunk") {
    if (state.drop(call.peerPort)) open.played.add(point);
    return true;
  }
  if (!call.gone()) open.played.add(point);
  if (point === "stallAtChunk") await hang(call, open.played);
  if (point === "failAtChunk") {
    open.played.add("error");
    throw new GrpcFailure(answer.error ?? grpcCodes.UNAVAILABLE, answer.message ?? "scripted");
  }
  return true;
}

const breaks = ["stallAtChunk", "failAtChunk", "dropAtChunk", "okAtChunk"] as const;

/** Checks the bytes and what they are. */
async function accept(state: State, incoming: Incoming): Promise<Ending> {
  const { entry, path, promised } = incoming;
  if (
    !incoming.hash
      .copy()
      .digest()
      .equals(promised ?? Buffer.alloc(0))
  ) {
    refuseFaults(state, "UploadAsset", [["sha256_checksum", "is not that of the bytes received"]]);
  }
  if (!(await isC1z(path))) return acceptOther(state, entry, path);
  const contents = state.c1zDepth === "unread" ? undefined : await inspectC1z(path, state.c1zDepth);
  if (state.uploadKind === "c1z") {
    refuseFaults(
      state,
      "UploadAsset",
      (contents?.problems ?? []).map((problem) => ["c1z", problem]),
    );
  }
  entry.uploads += 1;
  return { ok: true, code: grpcCodes.OK, kind: "c1z", contents, path: `${path}.c1z` };
}

/** What is no c1z is a debug log when the task's sync is there already and C1 asked for one. */
function acceptOther(state: State, entry: TaskEntry, path: string): Ending {
  const debugLog = entry.uploads > 0 && entry.message.debug;
  if (!debugLog && state.uploadKind === "c1z") {
    const what = entry.uploads > 0 ? "is a second upload that was not asked for" : "is no c1z";
    refuseFaults(state, "UploadAsset", [["data", what]]);
  }
  if (debugLog) capture.look("debug log", readFileSync(path, "utf8"));
  else entry.uploads += 1;
  return {
    ok: true,
    code: grpcCodes.OK,
    kind: debugLog ? "debug_log" : "other",
    path: debugLog ? `${path}.log` : path,
  };
}

/** Closes the file, keeps or removes it, and records the stream. */
async function end(state: State, incoming: Incoming, ending: Ending): Promise<void> {
  await incoming.file.close();
  if (ending.path === undefined) await rm(incoming.path, { force: true });
  else await rename(incoming.path, ending.path);
  const upload: UploadRecord = {
    taskId: incoming.entry.id,
    hostId: incoming.hostId,
    atMs: incoming.atMs,
    endedMs: performance.now(),
    ok: ending.ok ?? false,
    code: ending.code,
    kind: ending.kind,
    bytes: incoming.bytes,
    chunkSizes: incoming.chunkSizes,
    sha256hex: incoming.hash.copy().digest("hex"),
    contents: ending.contents,
    path: ending.path,
  };
  state.uploads.push(upload);
  state.recorder.emit({ type: "upload-finished", upload });
}
