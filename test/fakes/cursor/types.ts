import type { IssuedCertificate } from "../../helpers/tls.ts";
import type { FaultAnswer, ImproviseFault } from "../fault-answer.ts";
import type { MemberRow, TeamSize } from "./team.ts";

/** One request that reached the server. */
export interface CursorRequest {
  /** Milliseconds on a clock that never jumps. */
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The body as parsed JSON, as text where it is none, `undefined` where there was none. */
  readonly body: unknown;
  readonly userAgent: string | undefined;
  readonly accept: string | undefined;
  /** The key that it carried, right or not; `undefined` where there was none. */
  readonly apiKey: string | undefined;
  /** What was answered; `undefined` while nothing was. */
  readonly status: number | undefined;
  /** The scripted answer that it got. */
  readonly fault: FaultAnswer | undefined;
  /** Whether everything that it says has happened. */
  readonly played: boolean;
}

/** How one request is answered instead of rightly. */
export type CursorAnswer = FaultAnswer;

/**
 * Awaited when a request is there and nothing is done yet ("received"), and between the work and the answer ("done"). "drop"
 * breaks the connection there. Not asked where a script answers in place of the work.
 */
export type CursorHook = (
  request: CursorRequest,
  phase: "received" | "done",
) => "drop" | undefined | Promise<"drop" | undefined>;

/** When a removal shows in the roster. */
export type RemovalDelay = "at once" | "manual";

export interface CursorOptions {
  /** The key that is accepted (`key_` and 64 characters). */
  readonly apiKey?: string;
  /** Rows of the team, of any shape. Default: no rows. */
  readonly members?: readonly unknown[];
  /** A made-up team instead. */
  readonly team?: TeamSize;
  /** Answers in pages of this size, with a `pagination` object. */
  readonly pageSize?: number;
  /** "manual": `remove-member` answers rightly, but the roster waits for `applyRemovals`. Default: "at once". */
  readonly removals?: RemovalDelay;
  /** Serves TLS on `localhost`. */
  readonly certificate?: IssuedCertificate;
  /** Faults for requests that no script is about. */
  readonly improvise?: ImproviseFault;
}

/** A row as it is in the roster; rows of odd shapes lack fields. */
export type MemberView = Readonly<Partial<MemberRow>>;

/** A running stand-in of Cursor's Admin API. */
export interface CursorServer extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly requests: readonly CursorRequest[];
  /** The rows as they are now, in a list of their own. Rows that are no objects are left out. */
  readonly members: readonly MemberView[];
  setMembers(members: readonly unknown[]): void;
  setTeam(team: TeamSize): void;
  setPageSize(pageSize: number | undefined): void;
  /** From now on these keys are accepted, and no others. A team may have several at once. */
  setKeys(...apiKeys: readonly string[]): void;
  /** Marks every row with this e-mail removed, ignoring case and asking nobody. Returns how many there were. */
  markRemoved(email: string): number;
  /** A first sign-in: adds a member unless an active row has this e-mail. Returns the active row. */
  signIn(email: string, name?: string): MemberView;
  /** Shows the removals that wait because of `removals: "manual"`. */
  applyRemovals(): void;
  /** Lays out how the next requests are answered; what was laid out before comes first. */
  script(...answers: readonly CursorAnswer[]): void;
  setOnRequest(hook: CursorHook | undefined): void;
  /** Forgets what is left of the script. */
  clearScript(): void;
}
