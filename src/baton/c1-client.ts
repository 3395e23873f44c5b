import type { ConnectorMetadata } from "./connector.ts";
import type { Task, TaskReport } from "./task.ts";

export interface PollResult {
  /** Empty when there is no work; tasks without an id are already dropped. */
  readonly tasks: readonly Task[];
  /** As C1 sent it, unclamped (may be zero or negative); `undefined` when absent. */
  readonly nextPollMs: number | undefined;
}

export interface HeartbeatResult {
  readonly cancelled: boolean;
  /** As C1 sent it, unclamped; `undefined` when absent. */
  readonly nextHeartbeatMs: number | undefined;
}

/** A file to stream to C1 with its checksum. */
export interface Upload {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/**
 * The control plane. Every method rejects with a StatusError that carries the server's code, and with the signal's
 * reason on abort. Each call has its own deadline; a call that C1 answers with `unauthenticated` is repeated once with
 * a new token. Only uploads retry beyond that.
 */
export interface C1Client {
  /** `taskId` is empty at start-up and the task's id when answering a hello task. */
  hello(taskId: string, metadata: ConnectorMetadata, signal: AbortSignal): Promise<void>;
  getTask(signal: AbortSignal): Promise<PollResult>;
  getTasks(request: { pageSize: number; knownTaskIds: readonly string[] }, signal: AbortSignal): Promise<PollResult>;
  heartbeat(taskId: string, signal: AbortSignal): Promise<HeartbeatResult>;
  /** Streams the file; a failed attempt starts again from the first byte. */
  uploadAsset(taskId: string, upload: Upload, signal: AbortSignal): Promise<void>;
  /** One attempt. Repeating it is the worker's business, because a result must not get lost. */
  finishTask(report: TaskReport, signal: AbortSignal): Promise<void>;
  /** Says that no more calls about this task follow until it is handed out again, so that nothing need be kept for it. */
  forget(taskId: string): void;
  close(): void;
}
