import { randomInt } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Task, TaskSchema } from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { seedPeople } from "../../helpers/canaries.ts";
import type { Finish, TaskInit, TaskOptions, TaskView } from "./types.ts";

/** A task with all that happened to it. */
export interface TaskEntry extends TaskView {
  readonly message: Task;
  state: TaskView["state"];
  /** The host that has it, while leased. */
  holder: string | undefined;
  /** The client to which it was handed out last. */
  client: string | undefined;
  leases: number;
  beats: number;
  finishAttempts: number;
  readonly finishes: Finish[];
  requeuesLeft: number;
  cancelFromBeat: number;
  cancelByList: boolean;
  /** The connection on which its finish was answered; `undefined` when the answer was withheld. */
  toldOn: number | undefined;
  /** Uploads accepted since it was handed out. */
  uploads: number;
}

/** What C1 has to do, has given out, and has got back. */
export interface Queue {
  enqueue(task: TaskInit, options?: TaskOptions): string;
  /** Registers a task as handed out to whoever asks for it first, without a poll. */
  lease(task: TaskInit, options?: TaskOptions): string;
  /** Puts a known task back at the end, whatever its state: it will be handed out (again). */
  requeue(id: string): void;
  /** Takes up to `count` tasks for `hostId`, skipping those in `known`. */
  handOut(hostId: string, count: number, known: ReadonlySet<string>): TaskEntry[];
  get(id: string): TaskEntry | undefined;
  /** Like `get`, but throws for an id that was never enqueued. */
  known(id: string): TaskEntry;
  settle(entry: TaskEntry, finish: Finish): void;
  /** Ends a task that has no result (hello). */
  complete(entry: TaskEntry): void;
  readonly inFlight: { readonly now: number; readonly max: number };
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idLength = 27;
/** Protobuf wire type of length-delimited fields. */
const lengthDelimited = 2;

/** A new task id: 27 letters and digits. */
export function newTaskId(): string {
  return Array.from({ length: idLength }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** Creates an empty queue. */
export function createQueue(): Queue {
  const entries = new Map<string, TaskEntry>();
  const waiting: TaskEntry[] = [];
  let now = 0;
  let max = 0;

  function setState(entry: TaskEntry, state: TaskView["state"]): void {
    if (entry.state === "leased") now -= 1;
    entry.state = state;
    if (state === "leased") now += 1;
    max = Math.max(max, now);
  }

  function register(task: TaskInit, options: TaskOptions): TaskEntry {
    const entry = createEntry(task, options);
    if (entries.has(entry.id)) throw new Error(`task ${entry.id} is there already: use requeue`);
    if (entry.id !== "") entries.set(entry.id, entry);
    seedPeople(task);
    return entry;
  }

  function known(id: string): TaskEntry {
    const entry = entries.get(id);
    if (entry === undefined) throw new Error(`no task ${id} was ever enqueued`);
    return entry;
  }

  function take(entry: TaskEntry, hostId: string): void {
    entry.leases += 1;
    // Handed out a second time while it runs, it is still one piece of work with one upload.
    if (entry.state !== "leased") entry.uploads = 0;
    // A task without an id can not be spoken of again, and "none" is no work: neither is ever finished.
    if (entry.id === "" || entry.type === "none") setState(entry, "finished");
    else {
      entry.holder = hostId;
      setState(entry, "leased");
    }
  }

  /** What has ended while it waited to be handed out once more is not. */
  function forgetWaiting(entry: TaskEntry): void {
    for (let at = waiting.length - 1; at >= 0; at -= 1) if (waiting[at] === entry) waiting.splice(at, 1);
  }

  return {
    enqueue(task, options = {}) {
      const entry = register(task, options);
      waiting.push(entry);
      return entry.id;
    },
    lease(task, options = {}) {
      const entry = register(task, options);
      entry.leases = 1;
      setState(entry, "leased");
      return entry.id;
    },
    requeue(id) {
      const entry = known(id);
      if (entry.state === "finished") setState(entry, "queued");
      waiting.push(entry);
    },
    handOut(hostId, count, knownIds) {
      const taken = waiting.filter(({ id }) => !knownIds.has(id)).slice(0, count);
      for (const entry of taken) {
        waiting.splice(waiting.indexOf(entry), 1);
        take(entry, hostId);
      }
      return taken;
    },
    get: (id) => entries.get(id),
    known,
    settle(entry, finish) {
      entry.finishes.push(finish);
      entry.holder = undefined;
      forgetWaiting(entry);
      if (finish.ok || finish.nonRetryable || entry.requeuesLeft <= 0) {
        setState(entry, "finished");
        return;
      }
      entry.requeuesLeft -= 1;
      setState(entry, "queued");
      waiting.push(entry);
    },
    complete(entry) {
      entry.holder = undefined;
      forgetWaiting(entry);
      setState(entry, "finished");
    },
    inFlight: {
      get now() {
        return now;
      },
      get max() {
        return max;
      },
    },
  };
}

function createEntry(task: TaskInit, options: TaskOptions): TaskEntry {
  const { unknownArm, ...init } = task;
  const message = create(TaskSchema, { ...init, id: init.id ?? newTaskId() });
  if (unknownArm !== undefined) {
    message.$unknown = [{ no: unknownArm, wireType: lengthDelimited, data: Uint8Array.of(0) }];
  }
  return {
    id: message.id,
    message,
    type: message.taskType.case ?? "unset",
    state: "queued",
    holder: undefined,
    client: undefined,
    leases: 0,
    beats: 0,
    finishAttempts: 0,
    finishes: [],
    requeuesLeft: options.requeueOnError ?? 0,
    cancelFromBeat: options.cancelFromBeat ?? Number.POSITIVE_INFINITY,
    cancelByList: options.cancelByList ?? false,
    toldOn: undefined,
    uploads: 0,
  };
}
