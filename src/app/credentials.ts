import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock, Random } from "../baton/clock.ts";
import { outsideLogScope } from "../baton/log-scope.ts";
import type { Logger } from "../baton/logger.ts";
import type { Loops } from "../baton/loops.ts";
import type { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import { secretFileNames } from "../config/credentials.ts";
import type { Config } from "../config/options.ts";
import { type Rotation, startRotation } from "../credentials/rotation.ts";
import { readSecretDirectory, type SecretFiles } from "../credentials/secret-directory.ts";
import {
  type CredentialHooks,
  type CredentialName,
  createSlot,
  type ReloadOutcome,
  type Slot,
} from "../credentials/slot.ts";
import { type CredentialReadings, createReader, type ReaderDeps, type ScimAccess } from "./credential-readings.ts";

/** Ways to try a new version out without touching what is in use. */
export interface Verifiers {
  c1(credentials: C1Credentials, signal: AbortSignal): Promise<void>;
  cursor(key: Secret, signal: AbortSignal): Promise<void>;
  scim(access: ScimAccess, signal: AbortSignal): Promise<void>;
}

/** What became of a version. */
export interface CredentialNews {
  readonly name: CredentialName;
  readonly outcome: ReloadOutcome;
  /** Why, without the credential; empty when it was activated. */
  readonly note: string;
}

/** Who is told, once there is somebody to be told. */
export interface CredentialListeners {
  /** Gets each C1 pair that is put in use. */
  onC1(credentials: C1Credentials): void;
  /** Gets what has happened so far, and what happens from now on. */
  onNews(news: CredentialNews): void;
}

/** The credentials as they are now, and as they become. */
export interface LiveCredentials extends AsyncDisposable {
  readonly c1: Slot<C1Credentials>;
  readonly cursor: Slot<Secret>;
  readonly scim: Slot<ScimAccess>;
  /** Whether new versions can come. */
  readonly rotates: boolean;
  /** Whether there were SCIM credentials at the start, right or not: C1 is told at Hello what the connector can do. */
  readonly hasDirectory: boolean;
  /** Why the connector cannot work, naming file and fix; `undefined` while it can. */
  problem(): string | undefined;
  /** Looks for new versions now. */
  look(): void;
  /** Begins to follow the secrets directory, where there is one. */
  follow(verifiers: Verifiers, listeners: CredentialListeners): void;
}

export interface LiveCredentialsDeps extends ReaderDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks: CredentialHooks;
  readonly loops: Loops;
}

/** Reads the credentials once; `follow` makes them live. Rejects with the signal's reason on abort, and for no other reason. */
export async function createLiveCredentials(deps: LiveCredentialsDeps, signal: AbortSignal): Promise<LiveCredentials> {
  const { clock, config } = deps;
  const directory = config.secretsDir;
  try {
    if (directory === undefined) return new Credentials(deps, { texts: new Map(), problems: new Map() });
    return new Credentials(deps, await readSecretDirectory(directory, secretFileNames, clock, signal));
  } catch (reason) {
    if (signal.aborted) throw StatusError.from(signal.reason);
    const why = `cannot be read: ${StatusError.from(reason).message}`;
    return new Credentials(deps, { texts: new Map(), problems: new Map(secretFileNames.map((name) => [name, why])) });
  }
}

class Credentials implements LiveCredentials {
  readonly #deps: LiveCredentialsDeps;
  readonly #read: (files: SecretFiles, needsC1: boolean) => CredentialReadings;
  readonly c1: Slot<C1Credentials>;
  readonly cursor: Slot<Secret>;
  readonly scim: Slot<ScimAccess>;
  readonly hasDirectory: boolean;
  readonly #untold: CredentialNews[] = [];
  #verifiers: Verifiers | undefined;
  #listeners: CredentialListeners | undefined;
  #rotation: Rotation | undefined;
  #toldOfDirectory = false;

  constructor(deps: LiveCredentialsDeps, files: SecretFiles) {
    this.#deps = { ...deps, hooks: this.#withNews(deps.hooks) };
    this.#read = createReader(deps);
    const readings = this.#read(files, false);
    this.hasDirectory = readings.scim.digest !== "" || readings.scim.problem !== undefined;
    const { allowRepoint } = deps.config;
    const refuse = (same: boolean, text: string) =>
      same || allowRepoint ? undefined : `${text}; set BATON_ALLOW_REPOINT=true if that is meant`;
    this.c1 = createSlot<C1Credentials>(
      {
        ...this.#deps,
        name: "c1",
        verify: async (value, signal) => this.#verifier().c1(value, signal),
        activate: (value) => this.#listeners?.onC1(value),
        refuse: (now, next) => refuse(now.tokenHost === next.tokenHost, "the client id is of another tenant"),
      },
      readings.c1,
    );
    this.cursor = createSlot<Secret>(
      {
        ...this.#deps,
        name: "cursor_api",
        verify: async (value, signal) => this.#verifier().cursor(value, signal),
        activate: nothing,
      },
      readings.cursor,
    );
    this.scim = createSlot<ScimAccess>(
      {
        ...this.#deps,
        name: "cursor_scim",
        verify: async (value, signal) => this.#verifier().scim(value, signal),
        activate: nothing,
        refuse: (now, next) => refuse(now.endpoint === next.endpoint, "the SCIM endpoint is of another directory"),
      },
      readings.scim,
    );
  }

  get rotates(): boolean {
    return this.#deps.config.secretsDir !== undefined;
  }

  problem(): string | undefined {
    // A directory that rejects its token harms nothing but accounts; without address or token it is a slip of the set-up.
    const scim = this.scim.active() === undefined && this.hasDirectory ? this.scim.problem() : undefined;
    const problems = [this.c1.problem(), this.cursor.problem(), scim].filter((problem) => problem !== undefined);
    if (problems.length === 0) return undefined;
    const text = problems.join("; ");
    const { secretName } = this.#deps.config;
    if (!this.rotates || secretName === undefined || text.includes(`the Secret ${secretName}`)) return text;
    return `${text} (from the Secret ${secretName})`;
  }

  look(): void {
    // A task may have asked for it, but what is found goes on without the task.
    outsideLogScope(() => this.#rotation?.look());
  }

  follow(verifiers: Verifiers, listeners: CredentialListeners): void {
    const { clock, config, hooks, log, loops } = this.#deps;
    this.#verifiers = verifiers;
    this.#listeners = listeners;
    for (const news of this.#untold.splice(0)) listeners.onNews(news);
    const { secretsDir } = config;
    if (secretsDir === undefined || this.#rotation !== undefined) return;
    this.#rotation = startRotation({
      directory: secretsDir,
      names: secretFileNames,
      clock,
      log,
      loops,
      onFiles: (files) => this.#offer(this.#read(files, true)),
      onUnreadable(reason) {
        for (const name of ["c1", "cursor_api", "cursor_scim"] as const) hooks.onReload?.(name, "unreadable", reason);
      },
    });
    // What changed since the first reading.
    this.#rotation.look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rotation?.[Symbol.asyncDispose]();
    for (const slot of [this.c1, this.cursor, this.scim]) slot.close();
  }

  #verifier(): Verifiers {
    if (this.#verifiers === undefined) throw new StatusError("unavailable", "nothing can be tried out yet");
    return this.#verifiers;
  }

  #offer(readings: CredentialReadings): void {
    this.c1.offer(readings.c1);
    this.cursor.offer(readings.cursor);
    if (this.hasDirectory) this.scim.offer(readings.scim);
    else if (readings.scim.digest !== "" && !this.#toldOfDirectory) {
      this.#toldOfDirectory = true;
      this.#deps.log.warn("there are SCIM credentials now: restart the connector, so that C1 learns what it can do");
    }
  }

  #withNews(hooks: CredentialHooks): CredentialHooks {
    return {
      ...hooks,
      onReload: (name, outcome, note) => {
        hooks.onReload?.(name, outcome, note);
        const news = { name, outcome, note };
        if (this.#listeners === undefined) this.#untold.push(news);
        else this.#listeners.onNews(news);
      },
    };
  }
}

const nothing = (): void => undefined;
