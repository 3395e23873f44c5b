import { create } from "@bufbuild/protobuf";
import { seedPeople } from "../../helpers/canaries.ts";
import { capture } from "../../helpers/capture.ts";
import { decode, demandHello, encode, greeting, misbehave, readOne, record, refuseFaults } from "./dispatch.ts";
import { finishFaults, readFinish } from "./finish.ts";
import { type GrpcAnswer, type GrpcCall, GrpcFailure, grpcCodes, maxMessageBytes } from "./grpc.ts";
import { askHook } from "./hook.ts";
import type { TaskEntry } from "./queue.ts";
import type { State } from "./state.ts";
import type { Answers, Method, PollAnswer, Requests, Responses, WireDuration } from "./types.ts";
import { schemas } from "./wire.ts";

/** Every RPC but the upload. */
export type UnaryMethod = Exclude<Method, "UploadAsset">;

/** How one RPC is done: `check` refuses, `commit` changes the server's memory. */
interface Unary<M extends UnaryMethod> {
  check(state: State, request: Requests[M], call: GrpcCall): void;
  commit(state: State, request: Requests[M], answer: Answers[M] | undefined, call: GrpcCall): Responses[M];
  respond(response: Responses[M], answer: Answers[M]): Uint8Array;
}

/** Serves one unary call. */
export function serveUnary<M extends UnaryMethod>(state: State, method: M, call: GrpcCall): Promise<GrpcAnswer> {
  const unary: Unary<M> = unaries[method];
  return record(state, method, call, async (open) => {
    const request = decode(state, method, await readOne(call));
    open.request = request;
    unary.check(state, request, call);
    await askHook(state, call, method, "received");
    const taskId = "taskId" in request ? request.taskId : "";
    const answer = state.script.next(method) ?? state.script.improvise(method, taskId);
    open.scripted = answer;
    if (answer?.also !== undefined) {
      answer.also();
      open.played.add("also");
    }
    if (!(await misbehave(state, call, answer, open.played))) return undefined;
    if (answer?.wire !== undefined && answer.undone === true) return { message: new Uint8Array(), fault: answer.wire };
    const response = unary.commit(state, request, answer, call);
    await askHook(state, call, method, "done");
    if (answer?.dropResponse === true) {
      if (state.drop(call.peerPort)) open.played.add("dropResponse");
      return undefined;
    }
    const message = unary.respond(response, answer ?? {});
    return answer?.wire === undefined ? message : { message, fault: answer.wire };
  });
}

const unaries: { readonly [M in UnaryMethod]: Unary<M> } = {
  Hello: {
    check(state, { taskId, hostId }, call) {
      if (taskId === "") return;
      const entry = heldTask(state, "Hello", taskId, hostId, call);
      if (entry.type !== "hello") refuseFaults(state, "Hello", [["task_id", `is a task of type ${entry.type}`]]);
    },
    commit(state, { taskId, hostId, connectorMetadata }, _answer, call) {
      state.greeted.add(hostId).add(greeting(hostId, state.token.clientOf(call.headers.authorization)));
      const entry = state.queue.get(taskId);
      if (entry !== undefined) state.queue.complete(entry);
      state.recorder.emit({ type: "hello", hostId, taskId, displayName: connectorMetadata?.displayName ?? "" });
      return create(schemas.Hello.response);
    },
    respond: (response, answer) => encode(schemas.Hello.response, response, answer),
  },
  GetTask: {
    check: (state, { hostId }, call) => demandHello(state, "GetTask", hostId, call),
    commit(state, { hostId }, answer, call) {
      const [task] = handOut(state, { hostId, call, count: 1, known: [] }, answer);
      return create(schemas.GetTask.response, {
        ...(task === undefined ? {} : { task }),
        ...pollTimes(state, answer),
      });
    },
    respond: (response, answer) => encode(schemas.GetTask.response, response, answer),
  },
  GetTasks: {
    check: (state, { hostId }, call) => demandHello(state, "GetTasks", hostId, call),
    commit(state, { hostId, pageSize, knownTaskIds }, answer, call) {
      const tasks = handOut(state, { hostId, call, count: pageSize, known: knownTaskIds }, answer);
      return create(schemas.GetTasks.response, { tasks, ...pollTimes(state, answer) });
    },
    respond: (response, answer) => encode(schemas.GetTasks.response, response, answer),
  },
  Heartbeat: {
    check(state, { hostId, taskId }, call) {
      demandHello(state, "Heartbeat", hostId, call);
      heldTask(state, "Heartbeat", taskId, hostId, call);
    },
    commit(state, { taskId }, answer) {
      const entry = state.queue.known(taskId);
      entry.beats += 1;
      const cancelled = answer?.cancelled ?? entry.beats >= entry.cancelFromBeat;
      const byList = entry.cancelByList;
      const next =
        answer?.nextHeartbeat ??
        duration(answer?.nextHeartbeatMs === undefined ? state.defaults.nextHeartbeatMs : answer.nextHeartbeatMs);
      state.recorder.emit({ type: "heartbeat", taskId, beat: entry.beats, cancelled });
      return create(schemas.Heartbeat.response, {
        ...(next === undefined ? {} : { nextHeartbeat: next }),
        cancelled: cancelled && !byList,
        cancelledTaskIds: cancelled && byList ? [taskId] : [],
      });
    },
    respond: (response, answer) => encode(schemas.Heartbeat.response, response, answer),
  },
  FinishTask: {
    check(state, request, call) {
      const { hostId, taskId } = request;
      demandHello(state, "FinishTask", hostId, call);
      refuseSecondFinish(state, state.queue.get(taskId), call);
      const entry = heldTask(state, "FinishTask", taskId, hostId, call);
      entry.finishAttempts += 1;
      refuseFaults(state, "FinishTask", finishFaults(entry, request));
    },
    commit(state, request, answer, call) {
      const entry = state.queue.known(request.taskId);
      entry.toldOn = isWithheld(answer) ? undefined : call.peerPort;
      const finish = readFinish(entry, request);
      lookAtMessage(entry, finish.message);
      state.queue.settle(entry, finish);
      state.recorder.emit({ type: "finish", finish });
      return create(schemas.FinishTask.response);
    },
    respond: (response, answer) => encode(schemas.FinishTask.response, response, answer),
  },
};

/** C1 may be told about the people whom it named itself, and about nobody else. */
function lookAtMessage(entry: TaskEntry, message: string): void {
  const named = seedPeople(entry.message);
  capture.look(
    "message to C1",
    named.reduce((text, address) => text.replaceAll(address, "(named by C1)"), message),
  );
}

/** The task that `hostId` works on; refuses one that it does not have, and other clients where they are not wanted. */
export function heldTask(state: State, method: Method, taskId: string, hostId: string, call: GrpcCall): TaskEntry {
  const entry = state.queue.get(taskId);
  if (entry === undefined || entry.leases === 0) {
    refuseFaults(state, method, [["task_id", `"${taskId}" was never handed out`]], grpcCodes.NOT_FOUND);
  }
  if (entry === undefined || entry.state !== "leased") {
    throw new GrpcFailure(grpcCodes.NOT_FOUND, `task ${taskId} is not being worked on`);
  }
  entry.holder ??= hostId;
  if (entry.holder !== hostId) {
    refuseFaults(state, method, [["host_id", `"${hostId}" does not have the task`]], grpcCodes.FAILED_PRECONDITION);
  }
  const clientId = state.token.clientOf(call.headers.authorization);
  entry.client ??= clientId;
  if (entry.client !== clientId && state.otherClients === "refuse") {
    throw new GrpcFailure(grpcCodes.PERMISSION_DENIED, `task ${taskId} was handed out to another client`);
  }
  return entry;
}

/** Finishing twice is wrong when the client was told that the first time was good: same connection, answer not withheld. */
function refuseSecondFinish(state: State, entry: TaskEntry | undefined, call: GrpcCall): void {
  if (entry === undefined || entry.state === "leased" || entry.toldOn !== call.peerPort) return;
  refuseFaults(state, "FinishTask", [["task_id", `${entry.id} has been finished before`]], grpcCodes.NOT_FOUND);
}

/** Whether the client gets to know nothing that it could believe. */
function isWithheld(answer: Answers["FinishTask"] | undefined): boolean {
  return answer?.dropResponse === true || answer?.wire !== undefined || (answer?.padBytes ?? 0) > maxMessageBytes;
}

interface Poll {
  readonly hostId: string;
  readonly call: GrpcCall;
  readonly count: number;
  readonly known: readonly string[];
}

function handOut(
  state: State,
  { hostId, call, count, known }: Poll,
  answer: Pick<PollAnswer<"GetTask">, "noTask"> | undefined,
): TaskEntry["message"][] {
  const entries = answer?.noTask === true ? [] : state.queue.handOut(hostId, count, new Set(known));
  for (const entry of entries) entry.client = state.token.clientOf(call.headers.authorization);
  state.recorder.emit({ type: "poll", hostId, taskIds: entries.map(({ id }) => id) });
  return entries.map(({ message }) => message);
}

function pollTimes(
  state: State,
  answer: Pick<PollAnswer<"GetTask">, "nextPoll" | "nextPollMs"> | undefined,
): { nextPoll?: WireDuration } {
  const ms = answer?.nextPollMs === undefined ? state.defaults.nextPollMs : answer.nextPollMs;
  const nextPoll = answer?.nextPoll ?? duration(ms);
  return nextPoll === undefined ? {} : { nextPoll };
}

/** A Duration of `ms`; its parts have the same sign. */
function duration(ms: number | null): WireDuration | undefined {
  if (ms === null) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
