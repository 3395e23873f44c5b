import assert from "node:assert/strict";
import type { C1Client, HeartbeatResult, PollResult, Upload } from "../../src/baton/c1-client.ts";
import type { Clock } from "../../src/baton/clock.ts";
import { type StatusCode, StatusError, throwIfAborted } from "../../src/baton/status-error.ts";
import type { Task, TaskReport, TaskType, TaskTypes } from "../../src/baton/task.ts";
import { until } from "../helpers/until.ts";

export type C1Method = "hello" | "getTask" | "getTasks" | "heartbeat" | "uploadAsset" | "finishTask";

/** A task without the parts that most tests do not care about. */
export type NewTask = {
  [P in TaskType]: {
    readonly type: P;
    readonly input: TaskTypes[P]["input"];
    readonly id?: string;
    readonly debug?: boolean;
  };
}[TaskType];

export interface Call {
  readonly method: C1Method;
  /** Empty where the call names no task. */
  readonly taskId: string;
  /** On the clock that never jumps. */
  readonly atMs: number;
  readonly request?: { readonly pageSize: number; readonly knownTaskIds: readonly string[] };
  readonly report?: TaskReport;
}

interface Fault {
  /** `undefined` leaves the call without an answer until it is aborted. */
  readonly error: StatusError | undefined;
  /** The call takes effect and only its answer is lost. */
  readonly applied: boolean;
}

interface Entry {
  readonly task: Task;
  state: "queued" | "handed" | "settled";
  /** To be handed out at the next poll. */
  due: boolean;
  cancelled: boolean;
  beats: number;
  readonly reports: TaskReport[];
}

const taskIdPattern = /^[a-zA-Z0-9]{27}$/;

/** The id of the `n`th task of a test. */
export function taskId(n: number): string {
  return `task${String(n).padStart(23, "0")}`;
}

/**
 * C1 in memory: a state machine per task that refuses, and remembers as a violation, whatever the real one would not take.
 * Tests queue tasks, script faults, wait for what the connector does, and end with `assertObeyed`.
 */
export class FakeC1 implements C1Client {
  readonly calls: Call[] = [];
  readonly uploads: { readonly taskId: string; readonly upload: Upload }[] = [];
  /** Tasks about which no more is said, in this order. */
  readonly forgotten: string[] = [];
  readonly violations: string[] = [];
  /** Answers to the next polls in turn, then `undefined`; any number as C1 might send it. */
  readonly nextPolls: (number | undefined)[] = [];
  nextPollMs: number | undefined = 1_000;
  nextHeartbeatMs: number | undefined = 30_000;
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  readonly #faults = new Map<C1Method, Fault[]>();
  #greeted = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // Verbs of the test.

  /** Queues a task and returns its id. */
  enqueue(task: NewTask): string {
    const id = task.id ?? taskId(this.#entries.length + 1);
    this.#entries.push({
      task: { debug: false, ...task, id },
      state: "queued",
      due: true,
      cancelled: false,
      beats: 0,
      reports: [],
    });
    return id;
  }

  /** Hands the same task out again at the next poll, whatever has become of it. */
  redeliver(id: string): void {
    this.#entry(id).due = true;
  }

  cancel(id: string): void {
    this.#entry(id).cancelled = true;
  }

  /** The next `times` calls of `method` fail; with `applied` they take effect and only the answer is lost. */
  fail(method: C1Method, code: StatusCode, { times = 1, applied = false } = {}): void {
    for (let n = 0; n < times; n += 1) {
      this.#script(method, { error: new StatusError(code, `scripted ${code}`), applied });
    }
  }

  /** The next call of `method` stays without an answer until it is aborted. */
  hang(method: C1Method): void {
    this.#script(method, { error: undefined, applied: false });
  }

  callsOf(method: C1Method, id?: string): readonly Call[] {
    return this.calls.filter((call) => call.method === method && (id === undefined || call.taskId === id));
  }

  /** Waits for the report that C1 has taken for a task. */
  async report(id: string): Promise<TaskReport> {
    await until(() => this.#entry(id).reports.length > 0, `a report of ${id}`);
    const { reports } = this.#entry(id);
    assert.equal(reports.length, 1, `one report of ${id}`);
    return reports[0] ?? assert.fail();
  }

  /** Reports that C1 has taken, over all hand-outs of the task. */
  reports(id: string): readonly TaskReport[] {
    return this.#entry(id).reports;
  }

  async called(method: C1Method, times: number): Promise<void> {
    await until(() => this.callsOf(method).length >= times, `${times} calls of ${method}`);
  }

  assertObeyed(): void {
    assert.deepEqual(this.violations, []);
  }

  // The service.

  async hello(id: string, _metadata: unknown, signal: AbortSignal): Promise<void> {
    await this.#answer({ method: "hello", taskId: id }, signal, () => {
      if (id === "") {
        this.#greeted = true;
        return;
      }
      const entry = this.#handed(id, "hello");
      if (entry.task.type !== "hello") this.#violation(`Hello answers ${entry.task.type} task ${id}`);
      entry.state = "settled";
    });
  }

  async getTask(signal: AbortSignal): Promise<PollResult> {
    return await this.#answer({ method: "getTask", taskId: "" }, signal, () => this.#handOut(1));
  }

  async getTasks(
    request: { pageSize: number; knownTaskIds: readonly string[] },
    signal: AbortSignal,
  ): Promise<PollResult> {
    return await this.#answer({ method: "getTasks", taskId: "", request }, signal, () => {
      const { pageSize, knownTaskIds } = request;
      if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) this.#violation(`page_size ${pageSize}`);
      if (!knownTaskIds.every((id) => taskIdPattern.test(id))) this.#violation("known_task_ids holds no task id");
      return this.#handOut(pageSize);
    });
  }

  async heartbeat(id: string, signal: AbortSignal): Promise<HeartbeatResult> {
    return await this.#answer({ method: "heartbeat", taskId: id }, signal, () => {
      const entry = this.#handed(id, "heartbeat");
      if (entry.task.type !== "sync_full") this.#violation(`heartbeat of ${entry.task.type} task ${id}`);
      entry.beats += 1;
      return { cancelled: entry.cancelled, nextHeartbeatMs: this.nextHeartbeatMs };
    });
  }

  async uploadAsset(id: string, upload: Upload, signal: AbortSignal): Promise<void> {
    await this.#answer({ method: "uploadAsset", taskId: id }, signal, () => {
      const entry = this.#handed(id, "upload");
      if (entry.beats === 0) this.#violation(`upload of ${id} before its first heartbeat`);
      if (upload.sha256.length !== 32) this.#violation("the checksum is not 32 bytes long");
      this.uploads.push({ taskId: id, upload });
    });
  }

  async finishTask(report: TaskReport, signal: AbortSignal): Promise<void> {
    const { id } = report.task;
    await this.#answer({ method: "finishTask", taskId: id, report }, signal, () => {
      const entry = this.#handed(id, "finish");
      this.#checkReport(report, entry);
      entry.state = "settled";
      entry.reports.push(report);
    });
  }

  forget(id: string): void {
    this.forgotten.push(id);
  }

  close(): void {
    // Nothing is open.
  }

  // Inside.

  #script(method: C1Method, fault: Fault): void {
    this.#faults.set(method, [...(this.#faults.get(method) ?? []), fault]);
  }

  #entry(id: string): Entry {
    return this.#entries.find(({ task }) => task.id === id) ?? assert.fail(`no task ${id}`);
  }

  #handed(id: string, what: string): Entry {
    if (!taskIdPattern.test(id)) this.#violation(`${what} with the task id "${id}"`);
    const entry = this.#entries.find(({ task }) => task.id === id);
    if (entry?.state !== "handed") throw new StatusError("not_found", `no running task ${id}`);
    return entry;
  }

  #violation(text: string): never {
    this.violations.push(text);
    throw new StatusError("invalid_argument", text);
  }

  #handOut(most: number): PollResult {
    if (!this.#greeted) this.#violation("asked for work before Hello");
    const entries = this.#entries.filter(({ due }) => due).slice(0, most);
    for (const entry of entries) {
      entry.state = "handed";
      entry.due = false;
    }
    return {
      tasks: entries.map(({ task }) => task),
      nextPollMs: this.nextPolls.length > 0 ? this.nextPolls.shift() : this.nextPollMs,
    };
  }

  #checkReport({ task, outcome }: TaskReport, entry: Entry): void {
    if (entry.task.type === "hello") this.#violation(`FinishTask for hello task ${task.id}`);
    if (entry.task.type !== task.type) this.#violation(`FinishTask calls ${task.id} a ${task.type} task`);
    if (outcome.ok) return;
    const { code, message } = outcome.error;
    if (code === "ok" || code === "unknown") this.#violation(`FinishTask of ${task.id} with code ${code}`);
    if (message === "" || /[\r\n]/.test(message) || message.length > 2048) this.#violation("no clean line of error");
    if (outcome.annotations.length > 16) this.#violation(`${outcome.annotations.length} annotations`);
  }

  async #answer<T>(call: Omit<Call, "atMs">, signal: AbortSignal, effect: () => T): Promise<T> {
    throwIfAborted(signal);
    this.calls.push({ ...call, atMs: this.#clock.monotonicMs() });
    const fault = this.#faults.get(call.method)?.shift();
    if (fault === undefined) return effect();
    if (fault.applied) effect();
    if (fault.error !== undefined) throw fault.error;
    return await aborted(signal);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(StatusError.from(signal.reason)), { once: true });
  return promise;
}
