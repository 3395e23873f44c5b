import { StatusError } from "../baton/status-error.ts";

// Result codes of SQLite (sqlite3.h), which node:sqlite passes on as `errcode`.
const sqliteBusy = 5;
const sqliteFull = 13;
const sqliteConstraintUnique = 2067;

function errcode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return errcode(error) === sqliteBusy;
}

/** A unique index refused the row. */
export function isDuplicate(error: unknown): boolean {
  return errcode(error) === sqliteConstraintUnique;
}

/** A StatusError for a statement that failed; SQLite's messages name tables and columns, never values. */
export function databaseFailure(error: unknown): StatusError {
  const code = errcode(error);
  if (code === undefined || code === sqliteFull) return StatusError.from(error);
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError("internal", `the sync database failed (${message}): is the temporary directory still there?`, {
    cause: error,
  });
}
