import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Upload } from "../baton/c1-client.ts";
import type { Logger } from "../baton/logger.ts";
import { createLogger, type LoggerOptions, teeLogger } from "./logger.ts";

/** A directory of its own for one log; disposing removes it. */
export interface PrivateDirectory extends AsyncDisposable {
  readonly path: string;
}

export interface DebugLogOptions {
  readonly makeDirectory: () => PrivateDirectory;
  /** How lines are made; level, format and sinks are the debug log's own. */
  readonly logger: Omit<LoggerOptions, "level" | "format" | "sinks">;
  readonly maxBytes: number;
}

/** One task's debug log. */
export interface TaskDebugLog extends AsyncDisposable {
  readonly log: Logger;
  finish(): Promise<Upload | undefined>;
}

/**
 * Opens a private file per task that takes every line from level debug on, redacted like all others, up to `maxBytes`;
 * what comes later is dropped. The returned logger writes to the task's own log too.
 */
export function createDebugLogOpener(options: DebugLogOptions): (taskId: string, log: Logger) => Promise<TaskDebugLog> {
  return async (taskId, log) => {
    const directory = options.makeDirectory();
    const path = join(directory.path, "debug.log");
    const file = new BoundedFile(path, options.maxBytes);
    const debug = createLogger({ ...options.logger, level: "debug", format: "json", sinks: [file] });
    return {
      log: teeLogger(log, debug.child({ task_id: taskId })),
      async finish() {
        file.close();
        return file.bytes === 0 ? undefined : { path, bytes: file.bytes, sha256: file.digest() };
      },
      async [Symbol.asyncDispose]() {
        file.close();
        await directory[Symbol.asyncDispose]();
      },
    };
  };
}

/** An append-only file of mode 0600 that stops growing at its limit. */
class BoundedFile {
  readonly #hash = createHash("sha256");
  readonly #maxBytes: number;
  #descriptor: number | undefined;
  bytes = 0;

  constructor(path: string, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#descriptor = openSync(path, "wx", 0o600);
  }

  write(line: string): void {
    const data = Buffer.from(line);
    if (this.#descriptor === undefined || this.bytes + data.length > this.#maxBytes) return;
    // A full disk may take a part of the line; what is told of the file must be true of it.
    const written = writeSync(this.#descriptor, data);
    this.#hash.update(data.subarray(0, written));
    this.bytes += written;
  }

  /** SHA-256 of everything written; call it once, after close. */
  digest(): Uint8Array {
    return this.#hash.digest();
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
