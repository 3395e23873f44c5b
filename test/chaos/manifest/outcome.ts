/** What is to be seen in the stand-ins once a task has ended, each part in words that can be compared. */
export interface Outcome {
  /** What C1 was told: `ok`, `ok in_progress`, `code 14 retryable`, `code 16 final`, `hello`, `nothing`; or `started`, `exit 7`. */
  readonly ending: string;
  /** The syncs that C1 accepted: how many, and what is in them; `-` for none. */
  readonly content: string;
  /** The person's records in the directory: `-`, `active`, `inactive`, or several of them. */
  readonly directory: string;
  /** The person's rows in the team: `-`, `active`, `removed`. */
  readonly team: string;
  /** What requests changed in the directory: `-`, `created`, `patched`, `deleted`; a creation is never done twice. */
  readonly effects: string;
}

/** What must come of an injection. */
export interface Manifest {
  readonly outcome: Outcome;
  /**
   * Whether the task may be lost to the program, as an answer that did not arrive takes it away, so that C1 hands it out once
   * more when its lease has ended. The outcome holds after that.
   */
  readonly lost: boolean;
  /**
   * Whether C1 may have accepted the same sync more than once, because the network broke while nobody can say how far an upload
   * had come. What it holds must be right each time.
   */
  readonly mayRepeat: boolean;
}

/** gRPC status numbers (gRPC core, `statuscodes`). */
export const grpc = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type Code = keyof typeof grpc;

/** How a task ends: rightly, or with this code. `done` says whether the change of the directory was made all the same. */
export type Verdict = "ok" | { readonly code: Code; readonly done?: true };

/** One line. */
export function describe({ content, directory, effects, ending, team }: Outcome): string {
  return `${ending}; sync ${content}; directory ${directory}; team ${team}; effects ${effects}`;
}
