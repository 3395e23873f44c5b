/** What happened, and what to do about it. */
export interface Advice {
  readonly what: string;
  readonly fix: string;
}

/** Messages end with what to do, after a colon or a semicolon; it begins with one of these. */
const advice =
  /^(.*)[:;] ((?:add|allow|ask|check|choose|copy|create|delete|do|give|if|leave|look|lower|make|mount|name|put|raise|remove|replace|restart|see|set|try|unset|use|wait)\b.*)$/su;

const checkNetwork = "It is tried again by itself. If it lasts, check the way there: DNS, proxy, firewall.";
const checkCredential =
  "Check the credential: it may be wrong, revoked or of another team. `baton-cursor doctor` tries all of them.";
const lookInLog = "If it comes again, look at the log around this time; `baton-cursor doctor` checks what is needed.";

const fixesByCode: Readonly<Record<string, string>> = {
  unavailable: checkNetwork,
  deadline_exceeded: checkNetwork,
  unauthenticated: checkCredential,
  permission_denied: checkCredential,
  resource_exhausted: "Wait, or give it more room: the message names the limit that was met.",
};

/** Splits a message into what happened and the fix that it ends with; without one, the fix is what helps with `code`. */
export function adviceOf(message: string, code: string | undefined): Advice {
  const match = advice.exec(message);
  const [, what, fix] = match ?? [];
  if (what !== undefined && fix !== undefined) return { what, fix: sentence(fix) };
  return { what: message, fix: fixesByCode[code ?? ""] ?? lookInLog };
}

function sentence(text: string): string {
  const end = /[.?!]$/.test(text) ? "" : ".";
  return text.charAt(0).toUpperCase() + text.slice(1) + end;
}
