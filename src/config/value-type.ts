import { Secret } from "../baton/secret.ts";
import { StatusError } from "../baton/status-error.ts";
import { parseBool, parseCsv, parseDuration } from "./text.ts";

/** The outcome of reading one value. `message` and `fix` never repeat a secret. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly fix: string };

/** How the texts of one option become a value, and back. */
export interface ValueType<T> {
  /** How the command line is cut: a `bool` flag needs no value, a `list` flag may be repeated. */
  readonly kind: "bool" | "text" | "list";
  /** For help and documents, e.g. `1..100`; empty where any text will do. */
  readonly shape: string;
  /** True where an empty text means "not set" rather than a mistake. */
  readonly emptyIsUnset: boolean;
  /** Bounds of whole numbers, for the schema that C1's forms are made from. */
  readonly range?: { readonly min: number; readonly max: number };
  /** All texts that one source gave, in order; only lists look at more than the last. */
  parse(texts: readonly string[]): Parsed<T>;
  /** The value as an operator would write it; secrets as `[redacted]`. */
  format(value: T): string;
}

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (message: string, fix: string): Parsed<never> => ({ ok: false, message, fix });

/** A text as people would quote it in a sentence, shortened and on one line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function scalar<T>(type: {
  readonly kind?: "bool" | "text";
  readonly shape?: string;
  readonly emptyIsUnset?: boolean;
  readonly range?: { readonly min: number; readonly max: number };
  readonly read: (text: string) => Parsed<T>;
  readonly format?: (value: T) => string;
}): ValueType<T> {
  return {
    kind: type.kind ?? "text",
    shape: type.shape ?? "",
    emptyIsUnset: type.emptyIsUnset ?? false,
    ...(type.range === undefined ? {} : { range: type.range }),
    parse: (texts) => type.read((texts.at(-1) ?? "").trim()),
    format: type.format ?? String,
  };
}

/** Any text; `check` returns what is wrong and the fix, or `undefined`. */
export function text(shape = "", check?: (value: string) => readonly [string, string] | undefined): ValueType<string> {
  return scalar({
    shape,
    emptyIsUnset: true,
    read: (value) => {
      const problem = check?.(value);
      return problem === undefined ? good(value) : bad(...problem);
    },
  });
}

/** A path, kept exactly as written. */
export const path: ValueType<string> = {
  kind: "text",
  shape: "path",
  emptyIsUnset: true,
  parse: (texts) => good(texts.at(-1) ?? ""),
  format: String,
};

/** True or false in the spellings of Go's `strconv.ParseBool`. */
export const bool: ValueType<boolean> = scalar({
  kind: "bool",
  shape: "true or false",
  read: (value) => {
    const parsed = parseBool(value);
    return parsed === undefined ? bad(`is ${quote(value)}`, "write true or false") : good(parsed);
  },
});

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): ValueType<number> {
  const fix = `give a whole number from ${min} to ${max}`;
  return scalar({
    shape: `${min}..${max}`,
    range: { min, max },
    read: (value) => {
      // A Service called like the option's prefix makes Kubernetes set such a variable in every pod beside it.
      if (value.startsWith("tcp://")) {
        return bad("is an address that Kubernetes sets for a Service", "set enableServiceLinks: false on the pod");
      }
      if (!/^[+-]?\d{1,15}$/.test(value)) return bad(`is ${quote(value)}, not a whole number`, fix);
      const number = Number(value);
      return number >= min && number <= max ? good(number) : bad(`is ${number}`, fix);
    },
  });
}

/** One of a few words; other spellings of them may be accepted. Upper and lower case are the same. */
export function choice<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): ValueType<T> {
  return scalar({
    shape: words.join(", "),
    emptyIsUnset: true,
    read: (value) => {
      const lower = value.toLowerCase();
      const word = words.find((candidate) => candidate === lower) ?? synonyms[lower];
      return word === undefined ? bad(`is ${quote(value)}`, `use one of ${words.join(", ")}`) : good(word);
    },
  });
}

/** A span of time in Go's notation (`20s`, `1m30s`), in milliseconds. */
export function duration(minMs: number, maxMs: number): ValueType<number> {
  const bounds = `${formatDuration(minMs)}..${formatDuration(maxMs)}`;
  return scalar({
    shape: bounds,
    read: (value) => {
      const ms = parseDuration(value);
      if (ms === undefined) return bad(`is ${quote(value)}`, "write a number with its unit, such as 20s or 1m30s");
      return ms >= minMs && ms <= maxMs ? good(ms) : bad(`is ${quote(value)}`, `give a time within ${bounds}`);
    },
    format: formatDuration,
  });
}

function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const minutes = Math.floor(ms / 60_000);
  const rest = ms - minutes * 60_000;
  const hours = Math.floor(minutes / 60);
  const parts = [
    hours > 0 ? `${hours}h` : "",
    minutes % 60 > 0 ? `${minutes % 60}m` : "",
    rest > 0 ? (rest % 1000 === 0 ? `${rest / 1000}s` : `${rest}ms`) : "",
  ];
  return parts.join("");
}

/** Several texts: a repeated flag, a YAML list, or one text with commas (CSV quoting). Empty entries are dropped. */
export function list(words?: readonly string[]): ValueType<readonly string[]> {
  return {
    kind: "list",
    shape: words === undefined ? "list" : `list of ${words.join(", ")}`,
    emptyIsUnset: true,
    parse: (texts) => {
      const entries: string[] = [];
      for (const value of texts) {
        const fields = parseCsv(value);
        if (fields === undefined) return bad("has an unclosed or misplaced quote", 'write a,b or "with,comma",b');
        entries.push(...fields.map((field) => field.trim()).filter((field) => field !== ""));
      }
      const unknown = words === undefined ? undefined : entries.find((entry) => !words.includes(entry));
      if (unknown !== undefined) return bad(`contains ${quote(unknown)}`, `use only ${words?.join(", ")}`);
      return good([...new Set(entries)]);
    },
    format: (value) =>
      value.map((entry) => (/[",]/.test(entry) ? `"${entry.replaceAll('"', '""')}"` : entry)).join(","),
  };
}

/** A credential; white space around it is dropped. `check` throws a StatusError when it is not a right one. */
export function secret(check?: (value: string) => unknown): ValueType<Secret> {
  return scalar({
    emptyIsUnset: true,
    read: (value) => {
      // Credentials travel in HTTP headers, which bear neither blanks nor control characters.
      if (check === undefined && !/^[\x21-\x7e]+$/.test(value)) {
        return bad("contains blanks, line breaks or other characters that no credential has", "copy it again");
      }
      return guarded(() => {
        check?.(value);
        return new Secret(value);
      });
    },
    format: () => "[redacted]",
  });
}

/** A text that `parse` understands or rejects with a StatusError; `format` must not show what is confidential. */
export function parsedBy<T>(parse: (text: string) => T, format: (value: T) => string): ValueType<T> {
  return scalar({ emptyIsUnset: true, read: (value) => guarded(() => parse(value)), format });
}

/** A StatusError's message is `what is wrong: what would be right`. */
function guarded<T>(attempt: () => T): Parsed<T> {
  try {
    return good(attempt());
  } catch (error) {
    const [message = "", ...rest] = StatusError.from(error).message.split(": ");
    return bad(`is an ${message}`, rest.join(": "));
  }
}
