import type { Clock } from "../baton/clock.ts";
import { logScope } from "../baton/log-scope.ts";
import type { LogFields, Logger } from "../baton/logger.ts";
import { adviceOf } from "./fixes.ts";
import { shorten } from "./shorten.ts";
import type { ProblemView } from "./view.ts";

export interface ProblemLogDeps {
  readonly clock: Clock;
  /** Takes secrets and, unless they may be shown, people out of a text. */
  readonly clean: (text: string) => string;
  readonly onChange: () => void;
}

/** The warnings and errors of the log that are still of interest. */
export interface ProblemLog {
  /** A logger that remembers warnings and errors and drops the rest. */
  readonly logger: Logger;
  /** Newest first, at most 20; the array is a new one after each change. */
  problems(): readonly ProblemView[];
}

const mostProblems = 20;
/** Characters; the whole page has its limit. */
const longest = { title: 160, detail: 280, fix: 200 };

/** Remembers the last different problems; one that comes again is counted and moves to the front. */
export function createProblemLog({ clock, clean, onChange }: ProblemLogDeps): ProblemLog {
  let problems: readonly ProblemView[] = [];

  function remember(level: "warn" | "error", message: string, fields: LogFields): void {
    const nowMs = clock.nowMs();
    const problem = { level, firstMs: nowMs, lastMs: nowMs, count: 1, ...wordsOf(message, fields, clean) };
    const before = problems.find((other) => sameProblem(other, problem));
    const next =
      before === undefined ? problem : { ...problem, firstMs: before.firstMs, count: before.count + problem.count };
    problems = [next, ...problems.filter((other) => other !== before)].slice(0, mostProblems);
    onChange();
  }

  const loggerWith = (base: LogFields): Logger => ({
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields) => remember("warn", message, { ...logScope(), ...base, ...fields }),
    error: (message, fields) => remember("error", message, { ...logScope(), ...base, ...fields }),
    child: (fields) => loggerWith({ ...base, ...fields }),
  });
  return { logger: loggerWith({}), problems: () => problems };
}

function wordsOf(
  message: string,
  fields: LogFields,
  clean: (text: string) => string,
): Pick<ProblemView, "about" | "title" | "detail" | "fix" | "code"> {
  const code = text(fields["code"]);
  const reason = text(fields["error"]) ?? text(fields["reason"]);
  const { what, fix } = adviceOf(reason ?? message, code);
  const title = reason === undefined ? what : message;
  return {
    about: text(fields["taskType"]) ?? text(fields["credential"]),
    title: shorten(clean(title), longest.title),
    detail: reason === undefined ? "" : shorten(clean(what), longest.detail),
    fix: shorten(clean(fix), longest.fix),
    code,
  };
}

function text(value: LogFields[string]): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function sameProblem(one: ProblemView, other: ProblemView): boolean {
  const keys = ["level", "about", "title", "detail"] as const;
  return keys.every((key) => one[key] === other[key]);
}
