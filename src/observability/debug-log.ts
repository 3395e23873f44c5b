import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Upload } from "../baton/c1-client.ts";
import { alsoLogTo } from "../baton/log-scope.ts";
import { createPlainLogger, type LoggerOptions } from "./logger.ts";

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
  finish(): Promise<Upload | undefined>;
}

/**
 * Opens a private file for the task that it is called from. The file takes every line of that task from level debug on, whoever
 * writes it, redacted like all others, up to `maxBytes`; what comes later is dropped.
 */
export function createDebugLogOpener(options: DebugLogOptions): () => Promise<TaskDebugLog> {
  return async () => {
    const directory = options.makeDirectory();
    const path = join(directory.path, "debug.log");
    const file = new BoundedFile(path, options.maxBytes);
    alsoLogTo(createPlainLogger({ ...options.logger, level: "debug", format: "json", sinks: [file] }));
    const close = (): void => {
      alsoLogTo(undefined);
      file.close();
    };
    return {
      async finish() {
        close();
        return file.bytes === 0 ? undefined : { path, bytes: file.bytes, sha256: file.digest() };
      },
      async [Symbol.asyncDispose]() {
        close();
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
