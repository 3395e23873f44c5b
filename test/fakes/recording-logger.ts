import { logScope } from "../../src/baton/log-scope.ts";
import type { LogFields, Logger } from "../../src/baton/logger.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that remembers its lines, those of its children included, with their log scope. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
}

export function createRecordingLogger(lines: LogLine[] = [], context: LogFields = {}): RecordingLogger {
  const record =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...logScope(), ...context, ...fields } });
    };
  return {
    lines,
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
    child: (fields) => createRecordingLogger(lines, { ...context, ...fields }),
  };
}
