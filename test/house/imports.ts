import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";

/** One import of a source file: the file, what it names, and the source file that is meant (own files only). */
export interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Path relative to the root, or `undefined` for packages and node: modules. */
  readonly target: string | undefined;
}

const importPattern =
  /(?:^|[\s;}])(?:import|export)\s[^;"']*?from\s*["']([^"']+)["']|(?:^|[\s;}])import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Every import of every `.ts` file below `root`, type-only imports included; comments are passed over. */
export function readImports(root: string): Import[] {
  const files = globSync("**/*.ts", { cwd: root }).map((file) => file.split(sep).join("/"));
  return files.flatMap((file) => importsOf(root, file));
}

function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  return [...text.matchAll(importPattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? "";
    const target = specifier.startsWith(".")
      ? relative(root, normalize(join(root, dirname(file), specifier)))
          .split(sep)
          .join("/")
      : undefined;
    return { from: file, specifier, target };
  });
}

/** The room (folder directly below the root, or the file itself) that a file belongs to. */
export function roomOf(file: string): string {
  const parts = file.split("/");
  if (parts.length === 1) return (parts[0] ?? "").replace(/\.ts$/, "");
  if (parts[0] === "wire" && parts[1] === "gen") return "wire/gen";
  return parts[0] ?? "";
}

/** Which rooms and packages each room may import, besides itself and node: modules. */
export type Boundaries = Readonly<
  Record<string, { readonly rooms: readonly string[]; readonly packages: readonly string[] }>
>;

/** One line per import that the table does not allow. */
export function boundaryViolations(imports: readonly Import[], boundaries: Boundaries): string[] {
  return imports.flatMap(({ from, specifier, target }) => {
    if (specifier.startsWith("node:")) return [];
    const room = roomOf(from);
    const allowed = boundaries[room];
    if (allowed === undefined) return [`${from}: room "${room}" is missing from the table of boundaries`];
    if (target === undefined) {
      const known = allowed.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      return known ? [] : [`${from}: ${room} may not import the package ${specifier}`];
    }
    const other = roomOf(target);
    if (other === room || allowed.rooms.includes(other)) return [];
    return [`${from}: ${room} may not import ${target} (${other})`];
  });
}

/** The files of each import cycle, type imports included, as one line per strongly connected component. */
export function importCycles(imports: readonly Import[]): string[] {
  const edges = new Map<string, string[]>();
  for (const { from, target } of imports) {
    if (target !== undefined) edges.set(from, [...(edges.get(from) ?? []), target]);
  }
  return components(edges).map((files) => files.sort().join(" <-> "));
}

/** Tarjan's strongly connected components, only those with a cycle. */
function components(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node) ?? 0);
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) !== index.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1 || (edges.get(node) ?? []).includes(node)) found.push(component);
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return found;
}
