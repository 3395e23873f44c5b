import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type {
  BatonServiceFinishTaskRequest,
  BatonServiceFinishTaskResponse,
  BatonServiceGetTaskRequest,
  BatonServiceGetTaskResponse,
  BatonServiceGetTasksRequest,
  BatonServiceGetTasksResponse,
  BatonServiceHeartbeatRequest,
  BatonServiceHeartbeatResponse,
  BatonServiceHelloRequest,
  BatonServiceHelloResponse,
  BatonServiceUploadAssetRequest,
  BatonServiceUploadAssetResponse,
  TaskSchema,
} from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import type { C1zContents } from "./c1z.ts";

/** What the client may send, by RPC. For UploadAsset the recorded request is the first message of the stream. */
export interface Requests {
  Hello: BatonServiceHelloRequest;
  GetTask: BatonServiceGetTaskRequest;
  GetTasks: BatonServiceGetTasksRequest;
  Heartbeat: BatonServiceHeartbeatRequest;
  UploadAsset: BatonServiceUploadAssetRequest;
  FinishTask: BatonServiceFinishTaskRequest;
}

/** What C1 answers, by RPC. */
export interface Responses {
  Hello: BatonServiceHelloResponse;
  GetTask: BatonServiceGetTaskResponse;
  GetTasks: BatonServiceGetTasksResponse;
  Heartbeat: BatonServiceHeartbeatResponse;
  UploadAsset: BatonServiceUploadAssetResponse;
  FinishTask: BatonServiceFinishTaskResponse;
}

export type Method = keyof Requests;

/** One RPC that reached the server. Times in milliseconds on a clock that never jumps. */
export interface Call<M extends Method = Method> {
  readonly method: M;
  readonly atMs: number;
  readonly userAgent: string;
  /** `authorization` as sent. */
  readonly authorization: string | undefined;
  /** The client to whom that token was issued. */
  readonly clientId: string | undefined;
  /** The client's deadline; `undefined` when it set none. */
  readonly timeoutMs: number | undefined;
  /** Names the connection; two calls with the same number shared it. */
  readonly connection: number;
  /** `undefined` until it has been read and decoded. */
  readonly request: Requests[M] | undefined;
  readonly endedMs: number | undefined;
  /** The gRPC status that was answered; `undefined` while open, or when nobody was left to answer. */
  readonly code: number | undefined;
  /** The scripted answer that it got. */
  readonly scripted: Answers[M] | undefined;
  /** Names the parts of that answer which have really happened: its chunk came, the wait is over, the connection was reset. */
  readonly played: ReadonlySet<string>;
}

/** How one call is answered instead of rightly. All parts are optional and combine, except `error`, `hang` and `drop…`. */
export interface Answer<M extends Method = Method> {
  /** How many calls in a row this applies to (1; Infinity for all from now on). */
  readonly times?: number;
  /** Fail with this gRPC status; nothing else happens (no task is handed out, no result is kept). */
  readonly error?: number;
  /** Text of the error. */
  readonly message?: string;
  /** Never answer. */
  readonly hang?: true;
  /** Reset the connection before doing anything. */
  readonly dropConnection?: true;
  /** Do the work, then reset the connection instead of answering. */
  readonly dropResponse?: true;
  /** Wait before answering. */
  readonly delayMs?: number;
  /** Change the answer before it is encoded. */
  readonly change?: (response: Responses[M]) => void;
  /** Make the encoded answer at least this large. */
  readonly padBytes?: number;
  /** Add fields that no version of the messages has. */
  readonly unknownFields?: true;
  /** Do the work, then answer in a form that is no right answer. */
  readonly wire?: WireFault;
  /** With `wire`: leave the work undone. */
  readonly undone?: true;
  /** Called when the call has arrived, before anything else: for what happens to the whole network at this moment. */
  readonly also?: () => void;
}

/** Answers that no gRPC server gives, but that arrive all the same, from proxies and from servers that break. */
export type WireFault =
  /** A gRPC status other than the right one. */
  | { readonly kind: "status"; readonly code: number }
  /** RST_STREAM with this HTTP/2 error code (RFC 9113, section 7). */
  | { readonly kind: "rst-stream"; readonly code: number }
  /** A whole HTTP answer of somebody in between. */
  | { readonly kind: "http"; readonly status: number; readonly body: string; readonly contentType: string }
  /** The message, and the end of the stream without trailers. */
  | { readonly kind: "no-status" }
  /** Trailers that say OK, and no message. */
  | { readonly kind: "no-message" }
  /** Less of the message than its prefix announces, then trailers that say OK. */
  | { readonly kind: "cut-message" }
  /** A message that does not decode. */
  | { readonly kind: "garbage" }
  /** The message with the mark of being compressed, which it is not. */
  | { readonly kind: "compressed" };

/** Extra ways to answer a poll. `next_poll` is `nextPoll` if given, else `nextPollMs`, else the server's default; null leaves it out. */
export interface PollAnswer<M extends "GetTask" | "GetTasks"> extends Answer<M> {
  readonly nextPollMs?: number | null;
  readonly nextPoll?: WireDuration;
  /** Hand out nothing although there is work. */
  readonly noTask?: true;
}

export interface HeartbeatAnswer extends Answer<"Heartbeat"> {
  readonly nextHeartbeatMs?: number | null;
  readonly nextHeartbeat?: WireDuration;
  readonly cancelled?: boolean;
}

/** A Duration exactly as it shall travel. */
export interface WireDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}

/**
 * How one upload stream is treated. Chunks count from 1; 0 is the moment after the metadata. Without a chunk, `error`
 * and `hang` come after `eof`, `dropResponse` after the upload was accepted.
 */
export interface UploadAnswer extends Omit<Answer<"UploadAsset">, "delayMs" | "dropConnection"> {
  /** Fail with `error` after this chunk. */
  readonly failAtChunk?: number;
  /** Answer OK after this chunk although there is more to come; nothing is accepted. */
  readonly okAtChunk?: number;
  /** Stop reading after this chunk, for good. */
  readonly stallAtChunk?: number;
  /** Reset the connection after this chunk. */
  readonly dropAtChunk?: number;
  /** Wait after each chunk. */
  readonly chunkDelayMs?: number;
  /** Calls `also` after this chunk instead of at once. */
  readonly alsoAtChunk?: number;
}

export interface Answers {
  Hello: Answer<"Hello">;
  GetTask: PollAnswer<"GetTask">;
  GetTasks: PollAnswer<"GetTasks">;
  Heartbeat: HeartbeatAnswer;
  UploadAsset: UploadAnswer;
  FinishTask: Answer<"FinishTask">;
}

/** A task to hand out. Without `taskType` its type is unset on the wire. */
export interface TaskInit extends Omit<MessageInitShape<typeof TaskSchema>, "$typeName" | "$unknown"> {
  /** Gives the task an arm that nobody knows, with this field number (124, say). */
  readonly unknownArm?: number;
}

export interface TaskOptions {
  /** How often an error that is not final (`non_retryable` false) puts the task back into the queue (0). */
  readonly requeueOnError?: number;
  /** From this heartbeat on (1 is the first) the task is told to be cancelled. */
  readonly cancelFromBeat?: number;
  /** Tell the cancel by `cancelled_task_ids` instead of `cancelled`. */
  readonly cancelByList?: boolean;
}

/** How a task ended. */
export interface Finish {
  readonly taskId: string;
  readonly atMs: number;
  readonly ok: boolean;
  /** `status.code`; 0 for success. */
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
  readonly nonRetryable: boolean;
  readonly annotations: readonly Any[];
  readonly response: Any | undefined;
  /** FinishTask calls it took, those that failed on purpose included. */
  readonly attempts: number;
}

/** What the server knows of a task. */
export interface TaskView {
  readonly id: string;
  /** The arm of the wire message, `unset` without one. */
  readonly type: string;
  readonly state: "queued" | "leased" | "finished";
  /** How often it was handed out. */
  readonly leases: number;
  readonly beats: number;
  readonly finishAttempts: number;
  readonly finishes: readonly Finish[];
}

/** One upload stream that has ended. */
export interface UploadRecord {
  readonly taskId: string;
  readonly hostId: string;
  readonly atMs: number;
  readonly endedMs: number;
  /** Whether C1 took it. */
  readonly ok: boolean;
  /** The gRPC status answered; `undefined` when nobody was left to answer. */
  readonly code: number | undefined;
  /** What it was taken for; `undefined` when it did not come to an end. */
  readonly kind: "c1z" | "debug_log" | "other" | undefined;
  readonly bytes: number;
  readonly chunkSizes: readonly number[];
  /** Of the bytes received, whatever the client said. */
  readonly sha256hex: string;
  readonly contents: C1zContents | undefined;
  /** Where the accepted bytes are, until the server stops (for good with `uploadDirectory`). */
  readonly path: string | undefined;
}
