/** The words in which faults are listed, played and judged. Imports nothing, so that the manifest can use them. */

/** What is put under faults. */
export type ProgramName = "baton-cursor" | "go-sdk";

/** Where a fault sits. `machine` is everything that is no network: disk, memory, descriptors, clock, signals. */
export type Target =
  | "token"
  | "hello"
  | "get-task"
  | "get-tasks"
  | "heartbeat"
  | "upload"
  | "finish"
  | "cursor"
  | "scim"
  | "machine";

/** What the program does while the fault is played. */
export type TaskKind =
  /** Nothing yet: it starts. */
  | "start"
  | "idle"
  | "hello"
  | "sync"
  | "create"
  /** A create task for somebody who is inactive in the directory. */
  | "reactivate"
  | "delete"
  /** A delete task for a member whom the directory does not know. */
  | "remove";

/** How many calls in a row are hit: one, three, or all until the task has ended. */
export type Lasting = "once" | "thrice" | "always";

/**
 * How far the call has come. `before`: the other side has done nothing. `after-effect`: it has done everything but answer.
 * `answer`: it answers, wrongly. `mid-answer`: a part of the answer has left. `at-…`: after that message of the upload stream.
 * The others name what the program is busy with when the machine fails.
 */
export type Phase =
  | "before"
  | "after-effect"
  | "answer"
  | "mid-answer"
  | "at-metadata"
  | "at-first-chunk"
  | "at-middle-chunk"
  | "at-last-chunk"
  | "at-eof"
  | "starting"
  | "polling"
  | "collecting"
  | "packing"
  | "uploading"
  | "reporting"
  | "provisioning";

/** One line of the catalog: a fault that can be played. */
export interface CatalogEntry {
  /** `call/task/phase/effect`, and `/thrice` or `/always` for one that lasts. Unique, and the same in every run. */
  readonly id: string;
  readonly target: Target;
  /** The call as its protocol names it: `FinishTask`, `GET /teams/members`. */
  readonly call: string;
  readonly phase: Phase;
  /** `status-503`, `grpc-UNAVAILABLE`, `reset`, `slow-body`, … */
  readonly effect: string;
  readonly task: TaskKind;
  readonly lasting: Lasting;
  /** Which calls of this kind may be hit, counted from 1 from the task's beginning; the seed picks one. */
  readonly attempts: readonly number[];
  /** Programs to which it can be played. */
  readonly underTest: readonly ProgramName[];
}

/** A catalog entry in a schedule: the seed has picked what is hit. */
export interface Injection extends CatalogEntry {
  readonly attempt: number;
}

/** What came of one injection: one line of `build/chaos/results.jsonl`. */
export interface InjectionResult {
  readonly id: string;
  readonly target: Target;
  readonly call: string;
  readonly phase: Phase;
  readonly effect: string;
  readonly task: TaskKind;
  readonly lasting: Lasting;
  readonly attempt: number;
  readonly seed: number;
  readonly underTest: ProgramName;
  /** Whether somebody other than the one who planned it saw it happen. An injection that was not observed proves nothing. */
  readonly observed: boolean;
  /** What the manifest says, in one line. */
  readonly expected: string;
  /** What was found, in one line: the same as `expected` when it survived. */
  readonly outcome: string;
  readonly survived: boolean;
  readonly tookMs: number;
  /** How many injections the process had met before; 0 for one that was started for it. Absent for faults of the machine. */
  readonly nth?: number;
  readonly note?: string;
}
