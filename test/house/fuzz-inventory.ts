import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Calls that turn bytes or texts into something else, by the name under which an exception allows them. */
const decoders: Readonly<Record<string, RegExp>> = {
  "JSON.parse": /\bJSON\.parse\(/,
  protobuf: /\bfrom(?:Binary|Json|JsonString)\(/,
  "new URL": /\bnew URL\(/,
  "URL.parse": /\bURL\.(?:parse|canParse)\(/,
  "Date.parse": /\bDate\.parse\(/,
  decodeURI: /\bdecodeURI(?:Component)?\(/,
  base64: /,\s*["'`]base64(?:url)?["'`]|\batob\(/,
  TextDecoder: /\bnew TextDecoder\(/,
  yaml: /\bfrom ["']yaml["']/,
  unpacking:
    /\b(?:create)?(?:[zZ]std|[bB]rotli)Decompress|\b(?:create)?(?:[gG]unzip|[uU]nzip|[iI]nflate)(?:Raw|Sync)?\(/,
  sqlite: /\bnew DatabaseSync\(/,
  certificate: /\bnew X509Certificate\(|\bcreate(?:Public|Private)Key\(/,
  kubeconfig: /\.loadFrom(?:File|Cluster|String|Default)\(/,
};

/** What each product file below `src` decodes, by file; files that decode nothing are left out. */
export function decodingFiles(src: string): ReadonlyMap<string, readonly string[]> {
  const files = globSync("**/*.ts", { cwd: src }).filter((file) => !/\.test\.ts$|^wire\/gen\//.test(file));
  const found = files.sort().map((file) => [file, decodersIn(readFileSync(join(src, file), "utf8"))] as const);
  return new Map(found.filter(([, names]) => names.length > 0));
}

function decodersIn(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
  return Object.entries(decoders).flatMap(([name, pattern]) => (pattern.test(code) ? [name] : []));
}

/** A row of the inventory in test/fuzz/README.md. */
export interface InventoryRow {
  readonly what: string;
  /** Paths below `src` as they are written there, braces written out; may hold `*`, or name a folder. */
  readonly parsers: readonly string[];
  /** Names of fuzz targets. */
  readonly targets: readonly string[];
  /** How else it is tested. */
  readonly beside: string;
}

/** The table below the heading "Inventory". */
export function readInventory(readme: string): readonly InventoryRow[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith("Inventory\n")) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((line) => {
    const [what = "", parsers = "", here = "", beside = ""] = line.split("|").slice(1, -1);
    const targets = quoted(here).filter((name) => !name.startsWith("make "));
    return { what: what.trim(), parsers: quoted(parsers).flatMap(writtenOut), targets, beside: beside.trim() };
  });
}

function quoted(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
}

/** `a/{b,c}.ts` as `a/b.ts` and `a/c.ts`. */
function writtenOut(path: string): readonly string[] {
  const braces = /^(.*)\{([^}]*)\}(.*)$/.exec(path);
  if (braces === null) return [path];
  const [, before = "", names = "", after = ""] = braces;
  return names.split(",").map((name) => before + name + after);
}

/** The product files below `src` that a path of the inventory means. */
export function filesOf(src: string, path: string): readonly string[] {
  const pattern = path.endsWith(".ts") ? path : `${path}/**/*.ts`;
  return globSync(pattern, { cwd: src }).filter((file) => !file.endsWith(".test.ts"));
}
