import { StatusError } from "../baton/status-error.ts";
import { ConfigError } from "../config/problem.ts";

/** What each exit code means; other failures end with the gRPC number of the error. */
export const exitCodes: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: 0, meaning: "done; in service mode: stopped by SIGTERM or SIGINT, with every task reported" },
  { code: 1, meaning: "cancelled: a second signal, Ctrl-C during a one-shot run, or a health check that is not 200" },
  { code: 2, meaning: "wrong flags or configuration, malformed client id or client secret" },
  { code: 3, meaning: "C1 found a request invalid; inspect and diff: not a sync file, or no such table" },
  { code: 4, meaning: "a time limit ran out" },
  { code: 5, meaning: "C1 does not know this connector; inspect and diff: no such file or sync" },
  { code: 7, meaning: "Cursor or C1 refused permission" },
  { code: 8, meaning: "out of disk space, or an answer or a sync file beyond its size limit" },
  { code: 9, meaning: "something has to be put right first; the message says what" },
  { code: 12, meaning: "an option or command that this connector refuses" },
  { code: 13, meaning: "an unexpected failure, or an answer from Cursor that cannot be right" },
  { code: 14, meaning: "Cursor or C1 could not be reached, or a stopped service could not report every task in time" },
  { code: 15, meaning: "a sync file is damaged or cut off" },
  { code: 16, meaning: "Cursor or C1 rejected the credentials" },
];

/** The exit code of a process that ends with this error: the gRPC number, or 2 and 12 for the configuration's own. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return error.exitCode;
  const { number } = StatusError.from(error);
  return number === 0 ? 13 : number;
}
