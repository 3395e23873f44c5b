import type { Clock } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";
import { watchDirectory } from "./directory-watch.ts";
import { readSecretDirectory, type SecretTexts } from "./secret-directory.ts";
import type { CredentialHooks } from "./slot.ts";

export interface RotationDeps {
  readonly directory: string;
  /** Names of the files that hold credentials. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: CredentialHooks;
  /** Takes one consistent reading of all files. */
  readonly onTexts: (texts: SecretTexts) => void;
}

/** Follows the files of a mounted Secret. */
export interface Rotation extends AsyncDisposable {
  /** Looks now, because what is in use was rejected; the kubelet may be quicker than its notification. */
  look(): void;
  /** Why the files cannot be read; `undefined` while they can. */
  problem(): string | undefined;
}

const debounceMs = 250;
const safetyMs = 30_000;

/** Begins to follow the directory. A reading that fails changes nothing: what was read before stays. */
export function startRotation(deps: RotationDeps): Rotation {
  const { clock, directory, hooks, log, names } = deps;
  const ended = new AbortController();
  let problem: string | undefined;
  let looking = Promise.resolve();

  async function read(): Promise<void> {
    try {
      deps.onTexts(await readSecretDirectory(directory, names, clock, ended.signal));
      problem = undefined;
    } catch (reason) {
      if (ended.signal.aborted) return;
      const { message } = StatusError.from(reason);
      if (message === problem) return;
      problem = message;
      for (const name of ["c1", "cursor_api", "cursor_scim"] as const) hooks.onReload?.(name, "unreadable", message);
      log.error("the secrets directory cannot be read; the credentials in use stay", { error: message });
    }
  }

  function look(): Promise<void> {
    // One after the other, never instead of one another: a reading that began before a change does not know of it.
    looking = looking.then(read);
    return looking;
  }

  const watching = watchDirectory({ directory, clock, debounceMs, safetyMs }, look, ended.signal);
  return {
    look: () => void look(),
    problem: () => problem,
    async [Symbol.asyncDispose]() {
      ended.abort(new StatusError("cancelled", "the process ends"));
      await watching;
      await looking;
    },
  };
}
