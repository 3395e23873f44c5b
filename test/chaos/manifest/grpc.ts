import type { Injection } from "../injection.ts";
import { type Code, grpc, type Verdict } from "./outcome.ts";

/** What C1's calls must come to, from the rules of the protocol: which codes are worth another attempt, and what each failure means. */

const passing: readonly Code[] = [
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "RESOURCE_EXHAUSTED",
  "ABORTED",
  "INTERNAL",
  "UNKNOWN",
];

/** HTTP and HTTP/2 to gRPC ("HTTP to gRPC Status Code Mapping"; PROTOCOL-HTTP2, "Errors"). A reset by somebody else is no cancel of ours. */
const seenAs: Readonly<Record<string, Code>> = {
  "grpc-99": "UNKNOWN",
  "rst-refused": "UNAVAILABLE",
  "rst-internal": "INTERNAL",
  "rst-cancel": "UNAVAILABLE",
  "rst-calm": "RESOURCE_EXHAUSTED",
  "http-401": "UNAUTHENTICATED",
  "http-403": "PERMISSION_DENIED",
  "http-404": "UNIMPLEMENTED",
  "http-429": "UNAVAILABLE",
  "http-502": "UNAVAILABLE",
  "http-503": "UNAVAILABLE",
  reset: "UNAVAILABLE",
  restart: "UNAVAILABLE",
  outage: "UNAVAILABLE",
  hang: "DEADLINE_EXCEEDED",
  stall: "DEADLINE_EXCEEDED",
  "ok-too-early": "INTERNAL",
  "no-status": "INTERNAL",
  "no-message": "UNIMPLEMENTED",
  // No whole message is none (gRPC core, `statuscodes`: cardinality violations).
  "cut-message": "UNIMPLEMENTED",
  garbage: "INTERNAL",
  compressed: "INTERNAL",
  oversized: "RESOURCE_EXHAUSTED",
};

/** The code with which the call fails; `undefined` when it does not. */
function codeOf(effect: string): Code | undefined {
  const name = effect.startsWith("grpc-") ? effect.slice("grpc-".length) : "";
  return name in grpc ? (name as Code) : seenAs[effect];
}

/** One refused token is replaced and the call made again. */
const isOverAtOnce = (code: Code | undefined, lasting: Injection["lasting"]): boolean =>
  code === undefined || (code === "UNAUTHENTICATED" && lasting === "once");

/** How Hello at the start ends: with the process working, or with this exit code. */
export function startVerdict({ effect, lasting }: Injection): "started" | Code {
  const code = codeOf(effect);
  if (code === undefined || isOverAtOnce(code, lasting)) return "started";
  const permanent: readonly Code[] = [
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "INVALID_ARGUMENT",
    "UNIMPLEMENTED",
    "FAILED_PRECONDITION",
    "NOT_FOUND",
  ];
  return permanent.includes(code) ? code : "started";
}

/** A verdict on the task, and whether C1 may have to hand it out once more. */
export interface Judged {
  readonly verdict: Verdict | "nothing";
  readonly lost: boolean;
  /** Uploads that C1 accepts. */
  readonly uploads?: number;
}

const fine: Judged = { verdict: "ok", lost: false };
const again: Judged = { verdict: "ok", lost: true };

/** A task whose answer is Hello itself. */
export function helloVerdict({ effect, lasting, phase }: Injection): Judged {
  const code = codeOf(effect);
  if (phase === "after-effect" || isOverAtOnce(code, lasting)) return fine;
  return code !== undefined && passing.includes(code) && lasting !== "always" ? fine : again;
}

/** Effects that end connections, whatever is on its way over them. */
export function breaksConnection(effect: string): boolean {
  return /^(damaged-to-.*|outage|restart|reset-all|black-hole)$/.test(effect);
}

/**
 * Whether the answer to an upload that C1 has taken may be lost, so that it is made again. All calls to C1 share one connection,
 * which a reset of any of them ends (how often a reset upload itself arrives is known); one that goes away closes as soon as the
 * last answer has left, and that may be lost with it on a busy machine.
 */
export function cutsOthersOff({ effect, target }: Injection): boolean {
  const isOnConnection = ["hello", "get-task", "get-tasks", "heartbeat"].includes(target);
  return breaksConnection(effect) || effect === "goaway" || (effect === "reset" && isOnConnection);
}

/** A poll that fails hands out nothing; one whose answer is lost takes the task with it. */
export function pollVerdict({ effect, phase }: Injection): Judged {
  return phase === "after-effect" || breaksConnection(effect) ? again : fine;
}

export function heartbeatVerdict({ attempt, effect, lasting }: Injection): Judged {
  if (effect === "cancelled") {
    return attempt === 1 ? { verdict: "nothing", lost: false } : { verdict: { code: "CANCELLED" }, lost: false };
  }
  const code = codeOf(effect);
  // Four heartbeats in a row may come to nothing while the connection is being made anew.
  if (breaksConnection(effect)) return again;
  if (code === undefined || isOverAtOnce(code, lasting)) return fine;
  // A task whose first heartbeat fails for good is dropped, and C1's lease ends.
  if (attempt === 1) return passing.includes(code) ? fine : again;
  const gone: readonly Code[] = ["NOT_FOUND", "FAILED_PRECONDITION", "PERMISSION_DENIED"];
  return lasting === "always" || gone.includes(code) ? { verdict: { code: "UNAVAILABLE" }, lost: false } : fine;
}

/** A report that C1 did not take is kept, and given when C1 hands the task out again; the work is not done again. */
export function finishVerdict({ effect, phase }: Injection): Judged {
  const code = codeOf(effect);
  if (phase === "after-effect" || code === undefined) return fine;
  return passing.includes(code) || code === "UNAUTHENTICATED" ? fine : again;
}

export function uploadVerdict({ effect, lasting, phase }: Injection): Judged {
  const code = codeOf(effect);
  const accepted = phase === "after-effect" ? 1 : 0;
  if (code === undefined || isOverAtOnce(code, lasting)) return { ...fine, uploads: accepted + 1 };
  const retried: readonly Code[] = [...passing, "DATA_LOSS"];
  // A complaint about the whole file is believed the second time.
  const doubted = code === "INVALID_ARGUMENT" && phase === "at-eof";
  if (lasting === "once" && (retried.includes(code) || doubted)) return { ...fine, uploads: accepted + 1 };
  return { verdict: { code }, lost: false, uploads: accepted };
}

/** C1's refusals of the credentials by HTTP status. */
const refusals: Readonly<Record<string, Code>> = {
  "status-400": "UNAUTHENTICATED",
  "status-401": "UNAUTHENTICATED",
  "status-403": "PERMISSION_DENIED",
  "status-404": "NOT_FOUND",
};

/** The token endpoint at the start. */
export function tokenAtStart({ effect, phase }: Injection): "started" | Code {
  return (phase === "before" ? refusals[effect] : undefined) ?? "started";
}

/**
 * The token endpoint when a call of the task needs a new token. Whatever it says is about the credentials, never about the task,
 * which "not found" would be of the call itself.
 */
export function tokenVerdict({ effect, phase, task }: Injection): Judged {
  const isRefusal = phase === "before" && refusals[effect.replace(/-at-upload$/, "")] !== undefined;
  // A report is repeated, a poll as well; an upload and a first heartbeat are not.
  if (!isRefusal || task === "idle" || task === "create") return fine;
  return effect.endsWith("-at-upload") ? { verdict: { code: "UNAUTHENTICATED" }, lost: false, uploads: 0 } : again;
}
