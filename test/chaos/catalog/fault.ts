import type { Answers } from "../../fakes/c1-server.ts";
import type { MemberRow } from "../../fakes/cursor-server.ts";
import type { FaultAnswer, RequestMatcher } from "../../fakes/fault-answer.ts";
import type { CatalogEntry, Lasting, Phase, ProgramName, Target, TaskKind } from "../injection.ts";

/**
 * What a stage looks like. `small` and `large` are teams (a large one makes a file of several chunks); `batched` polls by
 * GetTasks; `single` works on one task at a time, so that nobody else needs a token; `removal` may remove members whom the
 * directory does not know; `no-patch` has a directory without PATCH. On those called `unlearnt` each fault meets a process that
 * has asked the directory for nothing yet, and the directory takes plain JSON too.
 */
export type LaneName =
  | "small"
  | "large"
  | "batched"
  | "single"
  | "removal"
  | "no-patch"
  | "unlearnt"
  | "unlearnt-no-patch";

/** Something done to the whole network between the program and C1. What does not end by itself ends after a few seconds. */
export type NetworkAction =
  | "goaway"
  | "reset-all"
  | "restart"
  | "outage"
  | "black-hole"
  | "damaged-to-server"
  | "damaged-to-client"
  | "untrusted-certificate"
  | "wrong-host-certificate"
  | "tls-1.1"
  | "plaintext";

/** The answer to one gRPC call, by method. */
export type C1Answer = { readonly [M in keyof Answers]: Omit<Answers[M], "also" | "times" | "change"> }[keyof Answers];

/** What the bodies of faulty answers are made of. */
export interface World {
  /** The team as it is. */
  readonly rows: readonly MemberRow[];
}

/** When tokens are taken back, so that the next call has to ask for a new one. */
export type TokenMoment = "start" | "now" | "hand-out" | "first-beat";

/** How a fault is played. */
export type Play =
  | {
      readonly at: "c1";
      readonly method: keyof Answers;
      readonly answer: C1Answer;
      readonly network?: NetworkAction;
      /** Makes the sync last, so that there are heartbeats. */
      readonly paced?: true;
      /** With an upload: what happens at a chunk. */
      readonly chunk?: "fail" | "ok" | "stall" | "drop" | "network";
    }
  | { readonly at: "token"; readonly moment: TokenMoment; readonly answer: FaultAnswer }
  | {
      readonly at: "token-terms";
      readonly tokenType?: string | undefined;
      readonly expiresIn?: number | undefined;
    }
  | { readonly at: "network"; readonly action: NetworkAction }
  | {
      readonly at: "cursor";
      readonly on: RequestMatcher;
      readonly answer: FaultAnswer | ((world: World) => FaultAnswer);
      readonly pageSize?: number;
    }
  | { readonly at: "scim"; readonly on: RequestMatcher; readonly answer: FaultAnswer };

/** A catalog entry and how it is played. */
export interface Fault extends CatalogEntry {
  readonly lane: LaneName;
  readonly play: Play;
  /** About how long it takes, in milliseconds: long ones are begun first, and the short run leaves the longest out. */
  readonly takesMs: number;
}

/** What the lists are written in. */
export interface FaultParts {
  readonly target: Target;
  readonly call: string;
  readonly task: TaskKind;
  readonly phase: Phase;
  readonly effect: string;
  readonly play: Play;
  readonly lasting?: Lasting;
  readonly attempts?: readonly number[];
  readonly lane?: LaneName;
  readonly takesMs?: number;
  readonly underTest?: readonly ProgramName[];
}

export const both: readonly ProgramName[] = ["baton-cursor", "go-sdk"];
const ours: readonly ProgramName[] = ["baton-cursor"];

/** One entry; its id names what makes it different from all others. */
export function fault(parts: FaultParts): Fault {
  const { call, task, phase, effect, lasting = "once" } = parts;
  const id = [call.replaceAll(" ", "_"), task, phase, effect, ...(lasting === "once" ? [] : [lasting])].join(":");
  return {
    attempts: [1],
    lane: "small",
    takesMs: 3_000,
    underTest: ours,
    ...parts,
    lasting,
    id,
  };
}
