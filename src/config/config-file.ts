import { resolve } from "node:path";
import { isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseAllDocuments, type Scalar } from "yaml";
import { StatusError } from "../baton/status-error.ts";
import { type ConfigFiles, unreadableFix } from "./files.ts";
import { nearest } from "./nearest.ts";
import type { Problem } from "./problem.ts";

/** What the YAML file says. */
export interface ConfigFile {
  /** Texts by key, keys in lower case; nulls and empty lists are left out. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** The path as people know it. */
  readonly name: string;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

const defaultPath = ".baton.yaml";

/**
 * Reads the YAML file that `path` (the value of `BATON_CONFIG_PATH`) names, or `./.baton.yaml` where that exists. A file
 * that was asked for by name must be there; a file that is there must be readable. Problems never repeat its content.
 */
export function readConfigFile(
  path: string | undefined,
  keys: readonly string[],
  files: ConfigFiles,
  cwd: string,
): ConfigFile {
  const explicit = path !== undefined && path !== "";
  const name = explicit ? path : defaultPath;
  const field = explicit ? "BATON_CONFIG_PATH" : defaultPath;
  const failed = (message: string, fix: string): ConfigFile => ({
    texts: new Map(),
    name,
    problems: [{ field, message, fix }],
    warnings: [],
  });
  if (!/\.ya?ml$/.test(name)) {
    return failed("expected config file to have .yaml or .yml extension", "name a file that ends in .yaml or .yml");
  }
  try {
    const text = files.readText(resolve(cwd, name));
    if (text === undefined) {
      return explicit
        ? failed(`names ${name}, which does not exist`, "correct the path, or unset the variable")
        : { texts: new Map(), name, problems: [], warnings: [] };
    }
    return readYaml(text, keys, name, failed);
  } catch (error) {
    const reason = StatusError.from(error).message;
    return failed(`names ${name}, which ${reason}`, unreadableFix(error));
  }
}

function readYaml(
  text: string,
  keys: readonly string[],
  name: string,
  failed: (message: string, fix: string) => ConfigFile,
): ConfigFile {
  const lines = new LineCounter();
  // In the failsafe schema every value stays the text it is: 012 does not become a number.
  const documents = [
    ...parseAllDocuments(text, { schema: "failsafe", prettyErrors: false, logLevel: "silent", lineCounter: lines }),
  ];
  const document = documents[0];
  if (document === undefined) return { texts: new Map(), name, problems: [], warnings: [] };
  const error = documents.flatMap((each) => each.errors)[0];
  if (error !== undefined) {
    return failed(
      `names ${name}, which is not valid YAML (${error.code}, line ${lines.linePos(error.pos[0]).line})`,
      "write one `option: value` per line, values with special characters in quotes",
    );
  }
  if (documents.length > 1) return failed(`names ${name}, which holds several documents`, "keep one");
  const root = document.contents;
  if (root === null || (isScalar(root) && textOf(root) === undefined)) {
    return { texts: new Map(), name, problems: [], warnings: [] };
  }
  if (!isMap(root)) return failed(`names ${name}, which is not a mapping`, "write one `option: value` per line");
  return readEntries(root.items, keys, name, lines);
}

interface Entry {
  readonly key: ParsedNode;
  readonly value: ParsedNode | null;
}

function readEntries(entries: readonly Entry[], keys: readonly string[], name: string, lines: LineCounter): ConfigFile {
  const texts = new Map<string, readonly string[]>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const { key, value } of entries) {
    const line = lines.linePos(key.range[0]).line;
    const option = isScalar(key) ? String(key.value).toLowerCase() : "";
    if (!keys.includes(option)) {
      const close = nearest(option, keys);
      const advice = close === undefined ? "" : `; did you mean ${close}?`;
      warnings.push(`${name}, line ${line}: the key is not an option and has no effect${advice}`);
      continue;
    }
    const found = textsOf(value);
    if (found === undefined) {
      const fix = "write a single value or a list of single values";
      problems.push({ field: `${option} in ${name}`, message: `has nested values (line ${line})`, fix });
    } else if (found.length > 0) texts.set(option, found);
  }
  return { texts, name, problems, warnings };
}

/** The texts of a value or of a list of values; `undefined` for anything deeper. */
function textsOf(value: ParsedNode | null): readonly string[] | undefined {
  if (value === null) return [];
  if (isScalar(value)) {
    const text = textOf(value);
    return text === undefined ? [] : [text];
  }
  if (!isSeq(value)) return undefined;
  const texts: string[] = [];
  for (const item of value.items) {
    if (!isScalar(item)) return undefined;
    const text = textOf(item);
    // A list item is one entry even if it has a comma: quoting keeps it whole.
    if (text !== undefined) texts.push(/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  }
  return texts;
}

/** `~`, `null` and nothing at all mean "not set", unless they are quoted. */
function textOf(scalar: Scalar): string | undefined {
  const text = String(scalar.value);
  return scalar.type === "PLAIN" && ["", "~", "null"].includes(text) ? undefined : text;
}
