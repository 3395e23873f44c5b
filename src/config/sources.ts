import { join, resolve } from "node:path";
import { StatusError } from "../baton/status-error.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { type ConfigFiles, unreadableFix } from "./files.ts";
import { type FlagSpec, type Flags, readFlags } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { type Facts, fieldName, type OptionRow } from "./option.ts";
import { environmentOnly, options, optionTable, secretOptions } from "./options.ts";
import type { Problem } from "./problem.ts";

/** Everything that the configuration is made from. */
export interface ConfigInput {
  /** The words after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: ConfigFiles;
  /** Directory that relative paths start from. */
  readonly cwd: string;
  /** The operating system's host name; may be empty. */
  readonly hostname: string;
  /** The operating system's temporary directory. */
  readonly tempDir: string;
}

/** Where a value comes from. */
export type Origin = "flag" | "secrets" | "environment" | "file" | "default";

/** What one option was given, by the source that wins. */
export interface Found {
  readonly texts: readonly string[];
  readonly origin: Origin;
}

/** All sources of options, laid over each other. */
export interface Sources {
  /** What the strongest source says of an option: flag, secrets directory, environment, YAML file. */
  find(row: OptionRow): Found | undefined;
  readonly flags: Flags;
  readonly facts: Facts;
  /** The YAML file as people know it. */
  readonly fileName: string;
  readonly problems: readonly Problem[];
  /** Files of the secrets directory that are there but cannot be read; a service waits until they can. */
  readonly secretProblems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The flags of the option table, hidden ones included. */
export const flagSpecs: readonly FlagSpec[] = optionTable.flatMap(({ flag, short, type }) =>
  flag === undefined ? [] : [{ name: flag, short, kind: type.kind }],
);

/**
 * Reads every source once. `commandFlags` are flags that the caller acts upon himself, e.g. `--check-config`. `secretTexts`
 * stand for the files of the secrets directory, which is not looked into then.
 */
export function readSources(
  input: ConfigInput,
  commandFlags: readonly FlagSpec[],
  secretTexts?: ReadonlyMap<string, string>,
): Sources {
  const flags = readFlags(input.argv, [...flagSpecs, ...commandFlags]);
  const keys = flagSpecs.map(({ name }) => name);
  const file = readConfigFile(input.env["BATON_CONFIG_PATH"], keys, input.files, input.cwd);
  const plain = layers(input, flags, file, new Map());
  const directory =
    secretTexts === undefined
      ? readSecretsDir(input, plain(options.secretsDir))
      : { texts: secretTexts, problems: [], fileProblems: [] };
  const find = layers(input, flags, file, directory.texts);
  return {
    find,
    flags,
    facts: {
      hostname: input.hostname,
      tempDir: resolve(input.cwd, input.env["BATON_TMPDIR"] || input.tempDir),
      podName: input.env["POD_NAME"]?.trim() ?? "",
    },
    fileName: file.name,
    problems: [...flags.problems, ...file.problems, ...directory.problems],
    secretProblems: directory.fileProblems,
    warnings: [...file.warnings, ...disagreements(directory.texts, input, flags), ...unknownVariables(input.env)],
  };
}

/** An empty flag is a decision for the default; an empty variable, key or file is as good as none. */
function layers(
  { env }: ConfigInput,
  flags: Flags,
  file: ConfigFile,
  secrets: ReadonlyMap<string, string>,
): (row: OptionRow) => Found | undefined {
  const filled = (texts: readonly string[] | undefined, origin: Origin): Found | undefined =>
    texts?.some((text) => text.trim() !== "") === true ? { texts, origin } : undefined;
  return ({ flag, env: name }) => {
    const given = flag === undefined ? undefined : flags.texts.get(flag);
    if (given !== undefined) return { texts: given, origin: "flag" };
    return (
      filled(listOf(secrets.get(name)), "secrets") ??
      filled(listOf(env[name]), "environment") ??
      filled(flag === undefined ? undefined : file.texts.get(flag), "file")
    );
  };
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : [text];
}

interface SecretsDir {
  readonly texts: ReadonlyMap<string, string>;
  /** What is wrong with the directory itself. */
  readonly problems: readonly Problem[];
  /** What is wrong with files of it. */
  readonly fileProblems: readonly Problem[];
}

/** More swaps in a row than this never happen. */
const maxReadings = 20;

/**
 * The credentials of a mounted directory by their variables' names. Kubernetes replaces all files of a mounted Secret at
 * once by moving the link `..data`: reading behind the resolved link never mixes old files with new ones, and when it has
 * moved meanwhile, the reading is made again, because the old files may have been gone.
 */
function readSecretsDir({ files, cwd }: ConfigInput, found: Found | undefined): SecretsDir {
  const path = found?.texts.at(-1) ?? "";
  if (path === "") return { texts: new Map(), problems: [], fileProblems: [] };
  const directory = resolve(cwd, path);
  const problem = files.directoryProblem(directory, "read");
  if (problem !== undefined) {
    const fix = "mount the Secret there, or unset it";
    const message = `is ${directory}, which ${problem}`;
    return {
      texts: new Map(),
      problems: [{ field: fieldName(options.secretsDir), message, fix }],
      fileProblems: [],
    };
  }
  const version = (): string | undefined => files.realPath(join(directory, "..data"));
  for (let reading = 1; ; reading += 1) {
    const before = version();
    const result = readSecretFiles(files, before ?? directory);
    if (version() === before || reading === maxReadings) return result;
  }
}

function readSecretFiles(files: ConfigFiles, directory: string): SecretsDir {
  const texts = new Map<string, string>();
  const fileProblems: Problem[] = [];
  for (const row of secretOptions) {
    try {
      const text = files.readText(join(directory, row.env));
      if (text !== undefined) texts.set(row.env, text);
    } catch (error) {
      const message = `is a file of the secrets directory that ${StatusError.from(error).message}`;
      fileProblems.push({ field: fieldName(row), message, fix: unreadableFix(error) });
    }
  }
  return { texts, problems: [], fileProblems };
}

/** One warning when files and variables tell two stories; which of them wins is not obvious to everybody. */
function disagreements(secrets: ReadonlyMap<string, string>, { env }: ConfigInput, flags: Flags): string[] {
  const names = secretOptions
    .filter(({ flag, env: name }) => {
      const inFile = secrets.get(name)?.trim() ?? "";
      const inEnvironment = env[name]?.trim() ?? "";
      const decidedByFlag = flag !== undefined && flags.texts.has(flag);
      return inFile !== "" && inEnvironment !== "" && inFile !== inEnvironment && !decidedByFlag;
    })
    .map(({ env: name }) => name);
  if (names.length === 0) return [];
  return [`the secrets directory and the environment differ on ${names.join(", ")}: the directory wins`];
}

const knownVariables: readonly string[] = [
  ...optionTable.map((row) => row.env),
  ...environmentOnly.flatMap(({ env }) => env.split(", ")),
];

/** One warning per `BATON_*` variable that nobody reads: a slip in a manifest must not be silent. */
function unknownVariables(env: ConfigInput["env"]): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith("BATON_") && !knownVariables.includes(name) && !isServiceLink(name, env))
    .sort()
    .map((name) => {
      const close = nearest(
        name,
        knownVariables.filter((known) => known.startsWith("BATON_")),
      );
      return `${name} is not a variable of this program and has no effect${close === undefined ? "" : `; did you mean ${close}?`}`;
    });
}

/** Kubernetes tells pods of every Service beside them: a Service `baton-x` makes BATON_X_SERVICE_HOST, BATON_X_PORT, … */
function isServiceLink(name: string, env: ConfigInput["env"]): boolean {
  const service = /^(BATON_[A-Z0-9_]*?)_(?:SERVICE_HOST|SERVICE_PORT|PORT)(?:_[A-Z0-9_]+)?$/.exec(name)?.[1];
  return service !== undefined && env[`${service}_SERVICE_HOST`] !== undefined;
}
