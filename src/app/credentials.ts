import { createHmac, randomBytes } from "node:crypto";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock, Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import type { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import { c1Credentials } from "../config/c1-credentials.ts";
import { type FoundCredential, type FoundCredentials, secretFileNames } from "../config/credentials.ts";
import type { Config } from "../config/options.ts";
import { type Rotation, startRotation } from "../credentials/rotation.ts";
import { readSecretDirectory, type SecretTexts } from "../credentials/secret-directory.ts";
import { type CredentialHooks, type CredentialReading, createSlot, type Slot } from "../credentials/slot.ts";

/** Address and token of the team's directory. */
export interface ScimAccess {
  readonly endpoint: string;
  readonly token: Secret;
}

/** Ways to try a new version out without touching what is in use. */
export interface Verifiers {
  c1(credentials: C1Credentials, signal: AbortSignal): Promise<void>;
  cursor(key: Secret, signal: AbortSignal): Promise<void>;
  scim(access: ScimAccess, signal: AbortSignal): Promise<void>;
}

/** The credentials as they are now, and as they become. */
export interface LiveCredentials extends AsyncDisposable {
  readonly c1: Slot<C1Credentials>;
  readonly cursor: Slot<Secret>;
  readonly scim: Slot<ScimAccess>;
  /** Whether new versions can come. */
  readonly rotates: boolean;
  /** Why the connector cannot work, naming file and fix; `undefined` while it can. */
  problem(): string | undefined;
  /** Looks for new versions now. */
  look(): void;
  /** Begins to follow the secrets directory; `onC1` gets each pair that is put in use. */
  follow(verifiers: Verifiers, onC1: (credentials: C1Credentials) => void): void;
}

export interface LiveCredentialsDeps {
  readonly config: Config;
  /** Reads the five credentials with these texts as the files of the secrets directory. */
  readonly find: (files: SecretTexts) => FoundCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hooks: CredentialHooks;
  /** Told of every text that was read, so that it is kept out of the logs. */
  readonly onSecrets: (texts: readonly string[]) => void;
}

/** Reads the credentials once; `follow` makes them live. Rejects with the signal's reason on abort, and for no other reason. */
export async function createLiveCredentials(deps: LiveCredentialsDeps, signal: AbortSignal): Promise<LiveCredentials> {
  const { clock, config, log } = deps;
  const directory = config.secretsDir;
  let texts: SecretTexts = new Map();
  try {
    if (directory !== undefined) texts = await readSecretDirectory(directory, secretFileNames, clock, signal);
  } catch (reason) {
    if (signal.aborted) throw StatusError.from(signal.reason);
    log.error("the secrets directory cannot be read; waiting until it can", {
      error: StatusError.from(reason).message,
    });
  }
  return new Credentials(deps, texts);
}

class Credentials implements LiveCredentials {
  readonly #deps: LiveCredentialsDeps;
  readonly #key = randomBytes(32);
  readonly c1: Slot<C1Credentials>;
  readonly cursor: Slot<Secret>;
  readonly scim: Slot<ScimAccess>;
  #verifiers: Verifiers | undefined;
  #onC1: ((credentials: C1Credentials) => void) | undefined;
  #rotation: Rotation | undefined;

  constructor(deps: LiveCredentialsDeps, texts: SecretTexts) {
    this.#deps = deps;
    const readings = this.#read(texts);
    const { allowRepoint } = deps.config;
    const refuse = (text: string) =>
      allowRepoint ? undefined : `${text}; set BATON_ALLOW_REPOINT=true if that is meant`;
    this.c1 = createSlot<C1Credentials>(
      {
        ...deps,
        name: "c1",
        verify: (value, signal) => this.#verifier().c1(value, signal),
        activate: (value) => this.#onC1?.(value),
        refuse: (now, next) =>
          now.tokenHost === next.tokenHost ? undefined : refuse("the client id is of another tenant"),
      },
      readings.c1,
    );
    this.cursor = createSlot<Secret>(
      {
        ...deps,
        name: "cursor_api",
        verify: (value, signal) => this.#verifier().cursor(value, signal),
        activate: nothing,
      },
      readings.cursor,
    );
    this.scim = createSlot<ScimAccess>(
      {
        ...deps,
        name: "cursor_scim",
        verify: (value, signal) => this.#verifier().scim(value, signal),
        activate: nothing,
        refuse: (now, next) =>
          now.endpoint === next.endpoint ? undefined : refuse("the SCIM endpoint is of another directory"),
      },
      readings.scim,
    );
  }

  get rotates(): boolean {
    return this.#deps.config.secretsDir !== undefined;
  }

  problem(): string | undefined {
    return this.c1.problem() ?? this.cursor.problem();
  }

  look(): void {
    this.#rotation?.look();
  }

  follow(verifiers: Verifiers, onC1: (credentials: C1Credentials) => void): void {
    const { clock, config, hooks, log } = this.#deps;
    this.#verifiers = verifiers;
    this.#onC1 = onC1;
    const { secretsDir } = config;
    if (secretsDir === undefined || this.#rotation !== undefined) return;
    this.#rotation = startRotation({
      directory: secretsDir,
      names: secretFileNames,
      clock,
      log,
      hooks,
      onTexts: (texts) => this.#offer(texts),
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

  #offer(texts: SecretTexts): void {
    const readings = this.#read(texts);
    this.c1.offer(readings.c1);
    this.cursor.offer(readings.cursor);
    this.scim.offer(readings.scim);
  }

  #read(texts: SecretTexts) {
    const found = this.#deps.find(texts);
    this.#deps.onSecrets(Object.values(found).map(({ text }) => text));
    return { c1: this.#c1Reading(found), cursor: this.#cursorReading(found), scim: this.#scimReading(found) };
  }

  #c1Reading({ clientId, clientSecret }: FoundCredentials): CredentialReading<C1Credentials> {
    const digest = this.#digest(clientId, clientSecret);
    // Without either of them this is a one-shot run, unless the operator says otherwise.
    if (digest === "" && !this.#deps.config.service) return { digest, value: undefined, problem: undefined };
    const problem = this.#problem(["BATON_CLIENT_ID", clientId], ["BATON_CLIENT_SECRET", clientSecret]);
    if (clientId.value === undefined || clientSecret.value === undefined) return { digest, value: undefined, problem };
    return { digest, value: c1Credentials(clientId.value, clientSecret.value), problem: undefined };
  }

  #cursorReading({ cursorApiKey }: FoundCredentials): CredentialReading<Secret> {
    const problem = this.#problem(["BATON_CURSOR_API_KEY", cursorApiKey]);
    return { digest: this.#digest(cursorApiKey), value: cursorApiKey.value, problem };
  }

  #scimReading({ cursorScimEndpoint, cursorScimToken }: FoundCredentials): CredentialReading<ScimAccess> {
    const digest = this.#digest(cursorScimEndpoint, cursorScimToken);
    if (digest === "") return { digest, value: undefined, problem: undefined };
    const { value: endpoint } = cursorScimEndpoint;
    const { value: token } = cursorScimToken;
    if (endpoint !== undefined && token !== undefined)
      return { digest, value: { endpoint, token }, problem: undefined };
    const problem = this.#problem(
      ["BATON_CURSOR_SCIM_ENDPOINT", cursorScimEndpoint],
      ["BATON_CURSOR_SCIM_TOKEN", cursorScimToken],
    );
    return { digest, value: undefined, problem };
  }

  /** Empty when no part is there. */
  #digest(...parts: readonly FoundCredential<unknown>[]): string {
    if (parts.every(({ text }) => text === "")) return "";
    const hmac = createHmac("sha256", this.#key);
    for (const { text } of parts) hmac.update(`${Buffer.byteLength(text)}:${text}`);
    return hmac.digest("hex");
  }

  /** What is wrong with the first part that is missing or not right. */
  #problem(...parts: readonly (readonly [string, FoundCredential<unknown>])[]): string | undefined {
    const { secretName, secretsDir } = this.#deps.config;
    const where = secretName === undefined ? "the secrets directory" : `the Secret ${secretName}`;
    for (const [name, { problem, text }] of parts) {
      if (problem !== undefined) return problem;
      if (text === "") {
        return secretsDir === undefined
          ? `${name} is missing`
          : `${name} is missing from ${where}: add a key of this name`;
      }
    }
    return undefined;
  }
}

const nothing = (): void => undefined;
