import type { Clock } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { type Loops, unwatchedLoops } from "../baton/loops.ts";
import { StatusError } from "../baton/status-error.ts";
import { watchDirectory } from "./directory-watch.ts";
import { readSecretDirectory, type SecretFiles } from "./secret-directory.ts";

export interface RotationDeps {
  readonly directory: string;
  /** Names of the files that hold credentials. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes one consistent reading of all files. */
  readonly onFiles: (files: SecretFiles) => void;
  /** Told once of each reason why the directory cannot be read. */
  readonly onUnreadable: (reason: string) => void;
  /** Who watches the loop that follows the directory; by default nobody. */
  readonly loops?: Loops;
}

/** Follows the files of a mounted Secret. */
export interface Rotation extends AsyncDisposable {
  /** Looks now, because what is in use was rejected; the kubelet may be quicker than its notification. After the end it does nothing. */
  look(): void;
}

const debounceMs = 250;
const safetyMs = 30_000;

/** Begins to follow the directory. A reading that fails changes nothing: what was read before stays. */
export function startRotation(deps: RotationDeps): Rotation {
  const { clock, directory, log, loops = unwatchedLoops, names } = deps;
  const ended = new AbortController();
  let problem: string | undefined;
  let looking = Promise.resolve();
  let next: Promise<void> | undefined;

  async function read(): Promise<void> {
    if (ended.signal.aborted) return;
    try {
      const files = await readSecretDirectory(directory, names, clock, ended.signal);
      // A version that was tried out after the end would keep the process alive.
      if (ended.signal.aborted) return;
      deps.onFiles(files);
      if (problem !== undefined) log.info("the secrets directory can be read again");
      problem = undefined;
    } catch (reason) {
      if (ended.signal.aborted) return;
      const { message } = StatusError.from(reason);
      if (message === problem) return;
      problem = message;
      deps.onUnreadable(message);
      log.error("the secrets directory cannot be read; the credentials in use stay", { error: message });
    }
  }

  function look(): Promise<void> {
    // One after the other: a reading that began before a change does not know of it. One that has not begun serves all.
    next ??= looking.then(() => {
      next = undefined;
      return read();
    });
    looking = next;
    return next;
  }

  const watching = watchDirectory({ directory, clock, debounceMs, safetyMs, loops }, look, ended.signal);
  return {
    look: () => void look(),
    async [Symbol.asyncDispose]() {
      ended.abort(new StatusError("cancelled", "the process ends"));
      await watching;
      await looking;
    },
  };
}
