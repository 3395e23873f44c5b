import type { StatusCode, StatusError } from "../baton/status-error.ts";
import type { TaskType } from "../baton/task.ts";

/** See the table in worker.ts. */
export type WorkerState = "starting" | "polling" | "standby" | "draining" | "stopped";

/** `task` when C1 gave work that was taken, `empty` when it had none (or only tasks that run already). */
export type PollOutcome = "task" | "empty" | "error";

export type HeartbeatOutcome = "ok" | "cancelled" | "error";

/** How one task ended. */
export interface TaskDone {
  readonly id: string;
  readonly type: TaskType;
  /** `cancelled` when C1 no longer wanted it. */
  readonly outcome: "success" | "failure" | "cancelled";
  /** What C1 was told, or would have been told for a task that is not reported; `undefined` on success. */
  readonly error: StatusError | undefined;
  /** From taking the task to the end of its report. */
  readonly durationMs: number;
}

/** What the worker tells whoever counts and shows. Hooks must not throw. */
export interface WorkerHooks {
  onState?(state: WorkerState): void;
  /** `code` is there when the poll failed. */
  onPoll?(outcome: PollOutcome, code: StatusCode | undefined): void;
  onTaskStart?(type: TaskType, id: string): void;
  /** Called once for every `onTaskStart`. */
  onTaskDone?(done: TaskDone): void;
  onHeartbeat?(outcome: HeartbeatOutcome): void;
}
