import { oneLine } from "../baton/one-line.ts";
import { StatusError } from "../baton/status-error.ts";

/** One thing that is wrong with the configuration. Never carries the value of a secret. */
export interface Problem {
  /** The option in both spellings, e.g. `--task-concurrency (BATON_TASK_CONCURRENCY)`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
  /** True when the option asks for something that this connector refuses to do, rather than being mistyped. */
  readonly refused?: boolean;
}

/** Everything that is wrong with the configuration, in one error. */
export class ConfigError extends StatusError {
  readonly problems: readonly Problem[];
  /** What was noticed besides; a mistyped variable often explains a missing option. */
  readonly warnings: readonly string[];

  constructor(problems: readonly Problem[], warnings: readonly string[] = []) {
    const refused = problems.some((problem) => problem.refused === true);
    const clean = problems.map((problem) => ({
      ...problem,
      field: oneLine(problem.field),
      message: oneLine(problem.message),
      fix: oneLine(problem.fix),
    }));
    const lines = clean.map(({ field, message, fix }) => `${field} ${message}: ${fix}`);
    super(refused ? "unimplemented" : "invalid_argument", lines.join("; "));
    this.problems = clean;
    this.warnings = warnings;
  }

  /** 12 when an option was refused (making the rest right would not help), otherwise 2 as for any wrong usage. */
  get exitCode(): 2 | 12 {
    return this.code === "unimplemented" ? 12 : 2;
  }
}
