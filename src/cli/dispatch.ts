import { type Flags, readFlags } from "../config/flags.ts";
import { nearest } from "../config/nearest.ts";
import { type ParsedConfig, parseConfig, wordProblems } from "../config/parse.ts";
import { ConfigError } from "../config/problem.ts";
import { type ConfigInput, flagSpecs } from "../config/sources.ts";
import { parseBool } from "../config/text.ts";
import { actionFlags, commands, doctorFlags, healthCheckFlags, inspectFlags, refusedCommands } from "./commands.ts";
import type { DoctorFlags } from "./doctor/services.ts";

/** What the command line asks for, with what that needs. */
export type Invocation =
  | { readonly command: "config" | "help" | "version" }
  | { readonly command: "capabilities"; readonly accounts: boolean }
  | { readonly command: "diff" | "health-check" | "inspect"; readonly input: ConfigInput }
  | { readonly command: "doctor"; readonly flags: DoctorFlags; readonly json: boolean; readonly input: ConfigInput }
  | { readonly command: "check-config"; readonly parsed: ParsedConfig }
  | { readonly command: "service" | "one-shot" | "account"; readonly parsed: ParsedConfig };

/**
 * Decides what to do. Help and version win over everything, commands need no configuration, and everything else reads it:
 * a client id means service mode, none means one sync to a file. Throws a ConfigError for what cannot be carried out.
 */
export function dispatch(input: ConfigInput): Invocation {
  const flags = readFlags(input.argv, [
    ...flagSpecs,
    ...actionFlags,
    ...doctorFlags,
    ...healthCheckFlags,
    ...inspectFlags,
  ]);
  const [word, ...more] = flags.words;
  if (isOn(flags, "help") || word === "help") return { command: "help" };
  if (isOn(flags, "version")) return { command: "version" };
  if (word === undefined) return run(input, isOn(flags, "check-config"));
  // It reads its own few options and reports mistakes in its own way, because probes know only 0 and 1.
  if (word === "health-check") return { command: word, input };
  // Files of any connector can be looked at without a configuration.
  if (word === "inspect" || word === "diff") return { command: word, input };
  if (word === "doctor") return doctor(input, flags);
  if (word !== "capabilities" && word !== "config") throw unknownWord(word, input);
  const problems = [...flags.problems, ...wordProblems(more)];
  if (problems.length > 0) throw new ConfigError(problems);
  return word === "config" ? { command: word } : { command: word, accounts: mayHaveAccounts(input) };
}

/** The flags that create or delete an account; without them a one-shot run syncs. */
function changesAccount({ config }: ParsedConfig): boolean {
  const { createAccountEmail, createAccountLogin, createAccountProfile, deleteResource } = config;
  return [createAccountEmail, createAccountLogin, createAccountProfile, deleteResource].some(
    (flag) => flag !== undefined,
  );
}

/** With a complete configuration, whether it has a directory; without one, everything the connector can. */
function mayHaveAccounts(input: ConfigInput): boolean {
  try {
    return parseConfig({ ...input, argv: [] }).config.cursorScimEndpoint !== undefined;
  } catch {
    return true;
  }
}

/** What is left of the command line without the word and its own flags is the configuration's. */
function doctor(input: ConfigInput, flags: Flags): Invocation {
  const own = new RegExp(`^(?:doctor|--(?:${doctorFlags.map(({ name }) => name).join("|")})(?:=.*)?)$`);
  return {
    command: "doctor",
    flags: { hello: isOn(flags, "hello"), listPeople: isOn(flags, "list-people") },
    json: isOn(flags, "json") || flags.texts.get("output")?.at(-1) === "json",
    input: { ...input, argv: input.argv.filter((word) => !own.test(word)) },
  };
}

function isOn(flags: Flags, name: string): boolean {
  const text = flags.texts.get(name)?.at(-1);
  return text !== undefined && parseBool(text) !== false;
}

function run(input: ConfigInput, checkOnly: boolean): Invocation {
  const parsed = parseConfig(input);
  if (checkOnly) return { command: "check-config", parsed };
  if (parsed.service) return { command: "service", parsed };
  return { command: changesAccount(parsed) ? "account" : "one-shot", parsed };
}

/** The word itself is not repeated: it may be a secret that lost its flag. */
function unknownWord(word: string, input: ConfigInput): ConfigError {
  const reason = refusedCommands[word];
  if (reason !== undefined) {
    return new ConfigError([{ field: `the command ${word}`, message: "is not supported", fix: reason, refused: true }]);
  }
  const close = nearest(word, [...Object.keys(commands), ...actionFlags.map(({ name }) => `--${name}`)]);
  if (close !== undefined) {
    return new ConfigError([{ field: "the command", message: "is not known", fix: `did you mean ${close}?` }]);
  }
  try {
    parseConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return new ConfigError(wordProblems([word]));
}
