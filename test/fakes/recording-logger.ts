import { systemClock } from "../../src/baton/clock.ts";
import { logScope } from "../../src/baton/log-scope.ts";
import type { LogFields, Logger } from "../../src/baton/logger.ts";
import { createLogger } from "../../src/observability/logger.ts";
import { capture } from "../helpers/capture.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * A logger that remembers its lines, those of its children included, with their log scope. What the program would write is looked at
 * for canaries, without its knowing any secret.
 */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
}

const written = createLogger({
  clock: systemClock,
  level: "debug",
  format: "json",
  sinks: [{ write: (line) => capture.look("recorded line", line) }],
  showPeople: false,
  secrets: () => [],
});

export function createRecordingLogger(lines: LogLine[] = [], context: LogFields = {}): RecordingLogger {
  const record =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...logScope(), ...context, ...fields } });
      written[level](message, { ...context, ...fields });
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
