import type { StatusCode } from "../baton/status-error.ts";

/** What a span tells beside its name and times: numbers and words of closed lists, never a person or a secret. */
export type SpanFacts = Readonly<Record<string, string | number>>;

/** Traces of tasks. What ends outside a task is not recorded: polls would drown the rest. */
export interface Tracing extends AsyncDisposable {
  /** Runs the work of one task within a span of its own; what ends meanwhile, wherever, becomes part of it. */
  task(id: string, type: string, work: (traceId: string) => Promise<void>): Promise<void>;
  /** How the task around it ended. `code` is what C1 was told. */
  taskDone(outcome: string, code: StatusCode | undefined): void;
  /** A step of a task has just been completed, after `durationMs`. */
  stepped(name: string, durationMs: number): void;
  /** A call to another system that a task made has just ended, after `durationMs`; `failed` when it did not succeed. */
  called(name: string, durationMs: number, facts: SpanFacts, failed: boolean): void;
}
