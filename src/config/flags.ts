import { nearest } from "./nearest.ts";
import type { Problem } from "./problem.ts";

/** How one flag is cut out of the command line. */
export interface FlagSpec {
  /** Without dashes. */
  readonly name: string;
  readonly short: string | undefined;
  readonly kind: "bool" | "text" | "list";
}

/** A command line taken apart. */
export interface Flags {
  /** Every text given for a flag, in order; a flag without a value counts as `true`. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** What is neither a flag nor a flag's value. May hold anything, secrets included: never print it. */
  readonly words: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Takes a command line apart as Go's pflag does: `--x=v`, `--x v`, `-f v`, `-f=v`, `-fv`, `--bool`, `--bool=false`, `--`
 * ends the flags. A flag that takes a value takes the next word whatever it looks like. Problems name flags, never values.
 */
export function readFlags(argv: readonly string[], specs: readonly FlagSpec[]): Flags {
  const texts = new Map<string, string[]>();
  const words: string[] = [];
  const problems: Problem[] = [];
  const rest = [...argv];
  const add = (spec: FlagSpec, value: string | undefined): void => {
    const text = value ?? (spec.kind === "bool" ? "true" : rest.shift());
    if (text === undefined) {
      problems.push({ field: `--${spec.name}`, message: "has no value", fix: `write --${spec.name}=...` });
    } else {
      texts.set(spec.name, [...(texts.get(spec.name) ?? []), text]);
    }
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") words.push(...rest.splice(0));
    else if (word.startsWith("--")) readLong(word, specs, add, problems);
    else if (word.startsWith("-") && word !== "-") readShort(word, specs, add, problems);
    else words.push(word);
  }
  return { texts, words, problems };
}

type Add = (spec: FlagSpec, value: string | undefined) => void;

function readLong(word: string, specs: readonly FlagSpec[], add: Add, problems: Problem[]): void {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) problems.push(unknownFlag(name, specs));
  else add(spec, equals === -1 ? undefined : word.slice(equals + 1));
}

/** `-pf name`: flags without a value may stand together, the last one may take the rest of the word as its value. */
function readShort(word: string, specs: readonly FlagSpec[], add: Add, problems: Problem[]): void {
  for (let at = 1; at < word.length; at += 1) {
    const spec = specs.find((candidate) => candidate.short === word[at]);
    if (spec === undefined) {
      problems.push(unknownShort(word, at, specs));
      return;
    }
    const tail = word.slice(at + 1);
    const value = tail.startsWith("=") ? tail.slice(1) : tail;
    if (spec.kind === "bool" && !tail.startsWith("=")) {
      add(spec, undefined);
      continue;
    }
    add(spec, tail === "" ? undefined : value);
    return;
  }
}

/** Only what looks like the name of a flag is repeated; the rest could be a secret that slipped out of its place. */
function shown(name: string): string {
  return /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) && name.length <= 50 ? `--${name}` : "a flag";
}

function unknownFlag(name: string, specs: readonly FlagSpec[]): Problem {
  const close = nearest(
    name,
    specs.map((spec) => spec.name),
  );
  if (name === "config") {
    return { field: "--config", message: "is not a flag", fix: "name the file with BATON_CONFIG_PATH" };
  }
  return {
    field: shown(name),
    message: "is not known",
    fix: close === undefined ? "--help lists every flag" : `did you mean --${close}?`,
  };
}

function unknownShort(word: string, at: number, specs: readonly FlagSpec[]): Problem {
  const name = word.slice(1).split("=")[0] ?? "";
  const long = at === 1 ? specs.find((spec) => spec.name === name) : undefined;
  const letters = specs.flatMap((spec) => (spec.short === undefined ? [] : [`-${spec.short}`])).join(", ");
  return long === undefined
    ? { field: "a flag with one dash", message: "is not known", fix: `those with one dash are ${letters}` }
    : { field: `-${name}`, message: "has one dash too few", fix: `write --${name}` };
}
