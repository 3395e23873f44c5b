import { createHmac, randomBytes } from "node:crypto";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Secret } from "../baton/secret.ts";
import { c1Credentials } from "../config/c1-credentials.ts";
import type { FoundCredential, FoundCredentials } from "../config/credentials.ts";
import { type Config, options } from "../config/options.ts";
import type { SecretFiles } from "../credentials/secret-directory.ts";
import type { CredentialReading } from "../credentials/slot.ts";

/** Address and token of the team's directory. */
export interface ScimAccess {
  readonly endpoint: string;
  readonly token: Secret;
}

/** The three credentials as they were at one moment. */
export interface CredentialReadings {
  readonly c1: CredentialReading<C1Credentials>;
  readonly cursor: CredentialReading<Secret>;
  readonly scim: CredentialReading<ScimAccess>;
}

export interface ReaderDeps {
  readonly config: Pick<Config, "cursorRemoveUnmanaged" | "secretName" | "secretsDir" | "service">;
  /** Reads the five credentials with these texts as the files of the secrets directory. */
  readonly find: (files: ReadonlyMap<string, string>) => FoundCredentials;
  /** Told of every text that was read, so that it is kept out of the logs. */
  readonly onSecrets: (texts: readonly string[]) => void;
}

/** One file, variable or flag of a credential. */
interface Part<T> {
  readonly name: string;
  readonly value: T | undefined;
  /** What tells versions apart; empty when there is nothing. */
  readonly text: string;
  readonly problem: string | undefined;
  readonly unreadable: boolean;
}

/**
 * Reads credentials from the files of one moment and whatever else they may come from. A file that is there but cannot be
 * read still wins over a variable: what the operator meant is not known. `needsC1` tells whether C1's pair must be there.
 */
export function createReader(deps: ReaderDeps): (files: SecretFiles, needsC1: boolean) => CredentialReadings {
  const { config } = deps;
  const where = config.secretName === undefined ? "the secrets directory" : `the Secret ${config.secretName}`;
  const digest = createDigest();
  /** Where there has been a directory, its credentials do not vanish without a word. */
  let hasDirectory = config.cursorRemoveUnmanaged;

  function problemOf({ name, problem, text }: Part<unknown>): string | undefined {
    if (problem !== undefined || text !== "") return problem;
    return config.secretsDir === undefined
      ? `${name} is missing`
      : `${name} is missing from ${where}: add a key of this name`;
  }

  function reading<T>(parts: readonly Part<unknown>[], needed: boolean, value: T | undefined): CredentialReading<T> {
    const version = digest(parts);
    if (value !== undefined) return { digest: version, value, problem: undefined };
    const problems = version === "" && !needed ? [] : parts.map(problemOf).filter((problem) => problem !== undefined);
    const problem = problems.length === 0 ? undefined : problems.join("; ");
    return { digest: version, value, problem, unreadable: parts.some(({ unreadable }) => unreadable) };
  }

  return ({ problems, texts }, needsC1) => {
    const found = deps.find(texts);
    deps.onSecrets(Object.values(found).map(({ text }) => text));
    const part = <T>({ env }: { readonly env: string }, one: FoundCredential<T>): Part<T> =>
      partOf(env, one, problems.get(env), where);
    const id = part(options.clientId, found.clientId);
    const secret = part(options.clientSecret, found.clientSecret);
    const key = part(options.cursorApiKey, found.cursorApiKey);
    const endpoint = part(options.cursorScimEndpoint, found.cursorScimEndpoint);
    const token = part(options.cursorScimToken, found.cursorScimToken);
    hasDirectory ||= endpoint.text !== "" || token.text !== "";
    return {
      c1: reading([id, secret], needsC1 || config.service, pairOf(id.value, secret.value, c1Credentials)),
      cursor: reading([key], true, key.value),
      scim: reading(
        [endpoint, token],
        hasDirectory,
        pairOf(endpoint.value, token.value, (address, secretToken) => ({ endpoint: address, token: secretToken })),
      ),
    };
  };
}

function partOf<T>(name: string, found: FoundCredential<T>, broken: string | undefined, where: string): Part<T> {
  // A flag wins over files.
  if (broken === undefined || found.origin === "flag") return { name, ...found, unreadable: false };
  const problem = `the file ${name} of ${where} ${broken}`;
  return { name, value: undefined, text: broken, problem, unreadable: true };
}

function pairOf<A, B, T>(a: A | undefined, b: B | undefined, join: (a: A, b: B) => T): T | undefined {
  return a === undefined || b === undefined ? undefined : join(a, b);
}

/** Keyed for this process: a digest tells versions apart and nothing about the credential. Empty when nothing is there. */
function createDigest(): (parts: readonly Part<unknown>[]) => string {
  const key = randomBytes(32);
  return (parts) => {
    if (parts.every(({ text }) => text === "")) return "";
    const hmac = createHmac("sha256", key);
    for (const { text } of parts) hmac.update(`${Buffer.byteLength(text)}:${text}`);
    return hmac.digest("hex");
  };
}
