import { appendFileSync } from "node:fs";
import type { LogSink } from "./logger.ts";

/**
 * A file that lines are appended to, made with mode 0600 where there is none. It is opened for each line, so that whoever
 * rotates it may move it away. When it cannot be written `tell` hears of it in one line, once until it can again; the error is
 * thrown on.
 */
export function createLogFile(path: string, tell: (line: string) => void): LogSink {
  let isBroken = false;
  return {
    write(line) {
      try {
        // A full disk may have taken the first half of the line before.
        appendFileSync(path, isBroken ? `\n${line}` : line, { mode: 0o600 });
        isBroken = false;
      } catch (cause) {
        if (!isBroken) tell(`baton-cursor: the log file ${path} cannot be written (${codeOf(cause)}): ${fix}\n`);
        isBroken = true;
        throw cause;
      }
    },
  };
}

const fix = "its lines are lost until it can; make room for it, or see to BATON_LOG_PATH";

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
}
