import { oneLine } from "../baton/one-line.ts";
import { checkTogether, isGiven, isService } from "./constraints.ts";
import type { FlagSpec } from "./flags.ts";
import { fieldName, type OptionRow } from "./option.ts";
import { type Config, options } from "./options.ts";
import { ConfigError, type Problem } from "./problem.ts";
import { type ConfigInput, type Origin, readSources, type Sources } from "./sources.ts";

/** The configuration with what is worth saying about it. */
export interface ParsedConfig {
  readonly config: Config;
  /** Where each value comes from, by its name in `config`. */
  readonly origins: Readonly<Record<keyof Config, Origin>>;
  /** The YAML file that an origin `file` means. */
  readonly fileName: string;
  /** One line each, without secrets. */
  readonly warnings: readonly string[];
  /** Whether the process works for C1, rather than doing one thing and ending. */
  readonly service: boolean;
}

/** The flag that asks for the configuration to be printed instead of used; `parseConfig` reads past it. */
export const checkConfigFlag: FlagSpec = { name: "check-config", short: undefined, kind: "bool" };

/**
 * Reads flags, the secrets directory, the environment and the YAML file (in this order of strength), fills in defaults
 * and checks everything. Throws one ConfigError that lists every problem; neither it nor the warnings repeat a secret.
 */
export function parseConfig(input: ConfigInput): ParsedConfig {
  const sources = readSources(input, [checkConfigFlag]);
  const service = isService(sources);
  // A service that follows a mounted Secret waits for a right one instead of ending.
  const waits = service && isGiven(options.secretsDir, sources);
  const problems: Problem[] = [
    ...sources.problems,
    ...(waits ? [] : sources.secretProblems),
    ...wordProblems(sources.flags.words),
  ];
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [key, row] of Object.entries<OptionRow>(options)) {
    const resolved = resolveOption(row, sources);
    if ("problem" in resolved && waits && row.secret) {
      values[key] = undefined;
      origins[key] = "default";
    } else if ("problem" in resolved) {
      problems.push(resolved.problem);
    } else {
      values[key] = resolved.value;
      origins[key] = resolved.origin;
    }
  }
  if (!isPartial(values) || !isPartialOrigins(origins)) throw new ConfigError(problems);
  const together = checkTogether(values, sources, input, { service, waits });
  problems.push(...together.problems);
  const warnings = [...sources.warnings, ...together.warnings].map(oneLine);
  if (problems.length > 0 || !isComplete(values) || !isCompleteOrigins(origins)) {
    throw new ConfigError(problems, warnings);
  }
  return { config: values, origins, fileName: sources.fileName, warnings, service };
}

export type Resolved<T> = { readonly value: T; readonly origin: Origin } | { readonly problem: Problem };

/** The value of one option, or what is wrong with it. */
export function resolveOption<T>(row: OptionRow<T>, sources: Sources): Resolved<T> {
  const found = sources.find(row);
  const unset = found?.texts.every((text) => text.trim() === "") === true && row.type.emptyIsUnset;
  if (found === undefined || unset) {
    if (row.byDefault !== undefined) return { value: row.byDefault(sources.facts), origin: "default" };
    return { problem: { field: fieldName(row), message: "is missing", fix: `set it: ${row.help}` } };
  }
  const parsed = row.type.parse(found.texts);
  if (parsed.ok) return { value: parsed.value, origin: found.origin };
  const place = {
    flag: "",
    secrets: " (in the secrets directory)",
    environment: "",
    file: ` (in ${sources.fileName})`,
  };
  const where = found.origin === "default" ? "" : place[found.origin];
  return { problem: { field: fieldName(row), message: `${parsed.message}${where}`, fix: parsed.fix } };
}

/** A stray word is often the value of a flag that was cut off by a blank: it is counted, never repeated. */
export function wordProblems(words: readonly string[]): readonly Problem[] {
  if (words.length === 0) return [];
  const fix = "write values as --flag=value, and switches as --flag or --flag=false; --help lists flags and commands";
  return [{ field: "the command line", message: `has ${words.length} stray word(s)`, fix }];
}

// The table cannot be walked and typed at once; these say what the loop above guarantees: each value is of its row's type.
function isPartial(values: Readonly<Record<string, unknown>>): values is Partial<Config> {
  return Object.keys(values).every((key) => key in options);
}
function isPartialOrigins(origins: Readonly<Record<string, Origin>>): origins is Partial<Record<keyof Config, Origin>> {
  return Object.keys(origins).every((key) => key in options);
}
function isComplete(values: Partial<Config>): values is Config {
  return Object.keys(options).every((key) => key in values);
}
function isCompleteOrigins(origins: Partial<Record<keyof Config, Origin>>): origins is Record<keyof Config, Origin> {
  return Object.keys(options).every((key) => key in origins);
}
