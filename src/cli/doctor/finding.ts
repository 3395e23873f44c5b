import { type StatusCode, StatusError } from "../../baton/status-error.ts";

/** One line of the checklist. */
export interface Finding {
  /** What was looked at, in a few words. */
  readonly name: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was found; counts and shapes, never people. */
  readonly detail: string;
  /** What to do; empty when there is nothing to do. */
  readonly fix: string;
}

export const good = (name: string, detail: string): Finding => ({ name, status: "ok", detail, fix: "" });
export const warning = (name: string, detail: string, fix: string): Finding => ({
  name,
  status: "warning",
  detail,
  fix,
});
export const failed = (name: string, detail: string, fix: string): Finding => ({ name, status: "failed", detail, fix });
export const skipped = (name: string, detail: string): Finding => ({ name, status: "skipped", detail, fix: "" });

/** What may be over in a while by itself. */
const passing: ReadonlySet<StatusCode> = new Set(["unavailable", "deadline_exceeded"]);
const tryAgain =
  "try again in some minutes; if it stays, look at that service's status page and at the network between";
const lookCloser = "run it again with --log-level=debug, which shows each request";

/** What `look` finds, or its failure as a finding: messages of ours have the form `what happened: what to do`. */
export async function attempt(name: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (reason) {
    const { code, message } = StatusError.from(reason);
    const cut = message.indexOf(": ");
    if (cut !== -1) return [failed(name, message.slice(0, cut), message.slice(cut + 2))];
    return [failed(name, message, passing.has(code) ? tryAgain : lookCloser)];
  }
}
