import type { Secret } from "../baton/secret.ts";
import type { ClientId } from "./c1-credentials.ts";
import type { OptionRow } from "./option.ts";
import { options, secretOptions } from "./options.ts";
import { checkConfigFlag, resolveOption } from "./parse.ts";
import { type ConfigInput, type Origin, readSources } from "./sources.ts";

/** One of the five credentials as it stands now. */
export interface FoundCredential<T> {
  /** `undefined` when it is not there or not right. */
  readonly value: T | undefined;
  /** What is wrong with it, without its text; `undefined` also when it is simply not there. */
  readonly problem: string | undefined;
  /** What it was read from, for comparing versions; empty when it is not there. Never print it. */
  readonly text: string;
  readonly origin: Origin;
}

export interface FoundCredentials {
  readonly clientId: FoundCredential<ClientId>;
  readonly clientSecret: FoundCredential<Secret>;
  readonly cursorApiKey: FoundCredential<Secret>;
  readonly cursorScimEndpoint: FoundCredential<string>;
  readonly cursorScimToken: FoundCredential<Secret>;
}

/** Names of the files of a secrets directory, which are those of the variables. */
export const secretFileNames: readonly string[] = secretOptions.map(({ env }) => env);

/**
 * The five credentials, with `files` (texts by variable name) in place of what the secrets directory held at the start. Flags
 * still win over the files, and the files over the environment.
 */
export function findCredentials(input: ConfigInput, files: ReadonlyMap<string, string>): FoundCredentials {
  const sources = readSources(input, [checkConfigFlag], files);
  const find = <T>(row: OptionRow<T | undefined>): FoundCredential<T> => {
    const found = sources.find(row);
    const text = found?.texts.at(-1)?.trim() ?? "";
    const origin = found?.origin ?? "default";
    if (text === "") return { value: undefined, problem: undefined, text, origin };
    const resolved = resolveOption(row, sources);
    if ("value" in resolved) return { value: resolved.value, problem: undefined, text, origin };
    const { field, fix, message } = resolved.problem;
    return { value: undefined, problem: `${field} ${message}: ${fix}`, text, origin };
  };
  return {
    clientId: find(options.clientId),
    clientSecret: find(options.clientSecret),
    cursorApiKey: find(options.cursorApiKey),
    cursorScimEndpoint: find(options.cursorScimEndpoint),
    cursorScimToken: find(options.cursorScimToken),
  };
}
