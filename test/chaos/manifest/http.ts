import type { Injection } from "../injection.ts";
import type { Code, Verdict } from "./outcome.ts";

/** What calls to Cursor and to the directory must come to. */

/** Statuses that a call which may be repeated is repeated after. */
const passing = /^status-(408|429|500|502|503|504|520|599)(-|$)/;
/** No whole answer came, whatever the reason. */
const broken =
  /^(reset|closed|hang|gzip-.*|no-http|bad-status-line|huge-header|short-body|bad-chunk|cut-chunk|head-only)$/;
/** An answer that is late, but right. */
const late = /^slow(-body)?$/;
/** A success that is none: not what was asked for. */
const noJson = /^(garbage|html-200|empty|json-.*|status-204)$/;

function codeOfStatus(effect: string): Code | undefined {
  const status = Number(/^status-(\d+)/.exec(effect)?.[1] ?? Number.NaN);
  const known: Readonly<Record<number, Code>> = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ALREADY_EXISTS",
    429: "UNAVAILABLE",
    501: "UNIMPLEMENTED",
  };
  if (Number.isNaN(status)) return undefined;
  return known[status] ?? (status >= 500 ? "UNAVAILABLE" : "INVALID_ARGUMENT");
}

/** A call that only reads, or sets an absolute value, and that no answer but a right one satisfies. */
function read({ effect, lasting }: Injection): Verdict {
  if (late.test(effect)) return "ok";
  if (passing.test(effect) || broken.test(effect)) {
    if (lasting !== "always") return "ok";
    return { code: effect === "hang" ? "DEADLINE_EXCEEDED" : "UNAVAILABLE" };
  }
  if (noJson.test(effect)) return { code: "INTERNAL" };
  return { code: codeOfStatus(effect) ?? "INTERNAL" };
}

/** Answers of Cursor that are odd, and right all the same. */
const oddRosters: readonly string[] = [
  "gzip",
  "labelled-html",
  "rows-twice",
  "rows-reversed",
  "unknown-fields",
  "removed-flag-absent",
  "names-null",
  "roles-in-capitals",
  "ids-absent",
  "ids-numbers",
  "public-ids",
  "role-unknown",
  "pagination-without-next",
];

export function rosterVerdict(injection: Injection): Verdict {
  const { effect } = injection;
  if (oddRosters.includes(effect)) return "ok";
  if (effect === "oversized") return { code: "RESOURCE_EXHAUSTED" };
  if (effect.startsWith("redirect-")) return { code: "INVALID_ARGUMENT" };
  return read(injection);
}

/** Removing a member cannot be undone and is sent once; the roster says whether it happened. */
export function removalVerdict(injection: Injection): Verdict {
  const { effect, phase } = injection;
  if (phase === "after-effect" || phase === "mid-answer" || late.test(effect)) return "ok";
  if (effect === "status-400" || effect === "status-404") return { code: "FAILED_PRECONDITION" };
  if (effect === "hang") return { code: "DEADLINE_EXCEEDED" };
  if (broken.test(effect)) return { code: "UNAVAILABLE" };
  if (noJson.test(effect)) return { code: "INTERNAL" };
  return { code: codeOfStatus(effect) ?? "INTERNAL" };
}

export function scimVerdict(injection: Injection): Verdict {
  const { call, effect, lasting } = injection;
  if (call === "GET /ServiceProviderConfig") return description(injection);
  if (effect.startsWith("redirect-")) return { code: "FAILED_PRECONDITION" };
  // The other type of JSON is tried.
  if (effect === "status-415" && lasting === "once") return "ok";
  switch (call) {
    case "GET /Users?filter":
      return search(injection);
    case "POST /Users":
      return creation(injection);
    case "DELETE /Users/{id}":
      return deletion(injection);
    case "GET /Users/{id}":
      return look(injection);
    default:
      return change(injection, call === "PATCH /Users/{id}");
  }
}

/** A server need not describe itself, rightly or at all; it has to be there. */
function description(injection: Injection): Verdict {
  const isThere = !passing.test(injection.effect) || injection.effect === "status-500";
  return isThere ? "ok" : read(injection);
}

/** A refused filter is not the only way to find somebody; a missing collection is a wrong address. */
function search(injection: Injection): Verdict {
  const { effect } = injection;
  if (["status-400", "status-501", "list-of-nobody", "somebody-else"].includes(effect)) return "ok";
  return effect === "status-404" ? { code: "FAILED_PRECONDITION" } : read(injection);
}

/** Never sent again unless the server says that nothing was done; the directory says whether it was. */
function creation(injection: Injection): Verdict {
  const { effect, phase } = injection;
  if (phase === "after-effect" || phase === "mid-answer" || late.test(effect)) return "ok";
  if (effect.startsWith("status-429")) return "ok";
  // Says that the person is there, or was made, and shows nobody.
  const unseen = ["status-404", "status-409", "status-204", "empty", "somebody-else"];
  if (unseen.includes(effect)) return { code: "FAILED_PRECONDITION" };
  if (effect === "hang") return { code: "DEADLINE_EXCEEDED" };
  if (broken.test(effect)) return { code: "UNAVAILABLE" };
  if (noJson.test(effect)) return { code: "INTERNAL" };
  return { code: codeOfStatus(effect) ?? "INTERNAL" };
}

/** Idempotent; what a server accepts without doing it is reported as accepted. */
function deletion(injection: Injection): Verdict {
  const { effect, phase } = injection;
  if (phase === "after-effect" || noJson.test(effect)) return "ok";
  if (["status-409", "status-412"].includes(effect)) return "ok";
  if (["status-404", "status-405", "status-501"].includes(effect)) return { code: "FAILED_PRECONDITION" };
  return read(injection);
}

/** PATCH has a second form and PUT behind it; PUT has nothing. An answer without effect is noticed. */
function change(injection: Injection, hasOtherForm: boolean): Verdict {
  const { effect, phase } = injection;
  if (phase === "after-effect" || ["status-409", "status-412"].includes(effect)) return "ok";
  if (["status-400", "status-404", "status-501"].includes(effect) || noJson.test(effect)) {
    return hasOtherForm ? "ok" : { code: "FAILED_PRECONDITION" };
  }
  return read(injection);
}

/** The look after a change. After a deletion it may fail; after a reactivation it has to show the person. */
function look(injection: Injection): Verdict {
  if (injection.task === "delete") return "ok";
  // The change may have been made, so that no answer to the look is final.
  if (injection.effect !== "status-404" && read(injection) === "ok") return "ok";
  return { code: "UNAVAILABLE", done: true };
}
