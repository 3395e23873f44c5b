import type { Lasting, TaskKind } from "../injection.ts";
import { both, type Fault, type FaultParts, fault, type LaneName } from "./fault.ts";
import {
  failures,
  type GrpcEffect,
  hanging,
  intercepted,
  lostAnswers,
  networkBreaks,
  oddAnswers,
  strangeStatus,
} from "./grpc-effects.ts";

type UnaryMethod = "Hello" | "GetTask" | "GetTasks" | "Heartbeat" | "FinishTask";

const targets = {
  Hello: "hello",
  GetTask: "get-task",
  GetTasks: "get-tasks",
  Heartbeat: "heartbeat",
  FinishTask: "finish",
} as const;

interface Circumstances extends Pick<FaultParts, "attempts" | "underTest"> {
  readonly lasting?: Lasting;
  readonly lane?: LaneName;
  readonly paced?: true;
  /** Added to what each effect takes by itself. */
  readonly moreMs?: number;
}

function faults(
  method: UnaryMethod,
  task: TaskKind,
  effects: readonly GrpcEffect[],
  circumstances: Circumstances = {},
): Fault[] {
  const { paced, moreMs = 0, ...rest } = circumstances;
  return effects.map(({ answer, effect, network, phase, takesMs = 3_000 }) =>
    fault({
      target: targets[method],
      call: method,
      task,
      phase,
      effect,
      takesMs: takesMs + moreMs,
      play: {
        at: "c1",
        method,
        answer,
        ...(network === undefined ? {} : { network }),
        ...(paced === undefined ? {} : { paced }),
      },
      ...rest,
    }),
  );
}

const pick = (...names: readonly string[]): GrpcEffect[] => failures.filter(({ effect }) => names.includes(effect));
const everything = [...failures, strangeStatus, ...intercepted, ...networkBreaks, ...lostAnswers, ...oddAnswers];
const polls = { attempts: [1, 2, 3], underTest: both } as const;

/** The calls that are answered once. */
export const unaryFaults: readonly Fault[] = [
  // A process of its own for each.
  ...faults("Hello", "start", everything, { underTest: both }),
  ...faults("Hello", "start", pick("grpc-UNAVAILABLE", "grpc-INTERNAL"), {
    underTest: both,
    lasting: "thrice",
    moreMs: 8_000,
  }),
  ...faults("Hello", "start", pick("grpc-UNAUTHENTICATED"), { underTest: both, lasting: "thrice" }),
  ...faults("Hello", "start", [hanging(60_000)], { underTest: both }),
  ...faults("Hello", "hello", [...failures, ...networkBreaks, ...lostAnswers], { underTest: both, moreMs: 2_000 }),
  ...faults("Hello", "hello", pick("grpc-UNAVAILABLE"), { underTest: both, lasting: "always", moreMs: 15_000 }),
  ...faults("GetTask", "sync", everything, polls),
  ...faults("GetTask", "sync", pick("grpc-UNAVAILABLE", "grpc-RESOURCE_EXHAUSTED", "grpc-UNAUTHENTICATED"), {
    ...polls,
    lasting: "thrice",
    moreMs: 15_000,
  }),
  ...faults("GetTask", "sync", [hanging(90_000)], { underTest: both }),
  ...faults("GetTasks", "sync", everything, { ...polls, lane: "batched" }),
  ...faults("Heartbeat", "sync", everything, { attempts: [1, 2, 3], underTest: both, paced: true, moreMs: 5_000 }),
  ...faults("Heartbeat", "sync", pick("grpc-UNAVAILABLE", "grpc-DEADLINE_EXCEEDED"), {
    attempts: [1, 2],
    underTest: both,
    lasting: "thrice",
    paced: true,
    moreMs: 6_000,
  }),
  ...faults("Heartbeat", "sync", pick("grpc-UNAVAILABLE"), {
    attempts: [2],
    underTest: both,
    lasting: "always",
    paced: true,
    moreMs: 12_000,
  }),
  ...faults("Heartbeat", "sync", [hanging(30_000)], { attempts: [1, 2], underTest: both, paced: true }),
  ...faults(
    "Heartbeat",
    "sync",
    [
      { phase: "answer", effect: "cancelled", answer: { cancelled: true } },
      { phase: "answer", effect: "interval-absent", answer: { nextHeartbeatMs: null } },
      { phase: "answer", effect: "interval-zero", answer: { nextHeartbeatMs: 0 } },
      { phase: "answer", effect: "interval-negative", answer: { nextHeartbeatMs: -5_000 } },
      { phase: "answer", effect: "interval-huge", answer: { nextHeartbeatMs: 10 ** 9 } },
    ],
    { attempts: [1, 2], underTest: both, paced: true, moreMs: 5_000 },
  ),
  ...faults(
    "GetTask",
    "sync",
    [
      { phase: "answer", effect: "next-poll-absent", answer: { nextPollMs: null } },
      { phase: "answer", effect: "next-poll-zero", answer: { nextPollMs: 0 } },
      { phase: "answer", effect: "next-poll-negative", answer: { nextPollMs: -60_000 } },
    ],
    polls,
  ),
  ...faults("FinishTask", "create", everything, { moreMs: 2_000 }),
  ...faults("FinishTask", "create", pick("grpc-UNAVAILABLE"), { lasting: "thrice", moreMs: 45_000 }),
  ...faults("FinishTask", "create", [hanging(30_000)]),
  ...faults("FinishTask", "delete", [...failures, ...lostAnswers], { moreMs: 2_000 }),
  ...faults("FinishTask", "sync", [...failures, ...lostAnswers], { underTest: both, moreMs: 2_000 }),
];
