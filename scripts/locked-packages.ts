import { readFileSync } from "node:fs";

/** One package of package-lock.json that may end up in the bundle. */
export interface LockedPackage {
  /** Where npm puts it, such as `node_modules/got/node_modules/keyv`. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** SPDX identifier or expression. */
  readonly license: string;
  /** `sha512-…` of the package's archive. */
  readonly integrity: string;
  /** Folders of the packages that it needs. */
  readonly needs: readonly string[];
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The lock file of the checkout: the project's own direct needs, and every package that is no tool of the development. */
export function readLock(root: string): { readonly direct: readonly string[]; readonly packages: LockedPackage[] } {
  const { packages }: { readonly packages: Readonly<Record<string, LockEntry>> } = JSON.parse(
    readFileSync(`${root}package-lock.json`, "utf8"),
  );
  const needs = (folder: string): string[] =>
    Object.keys(packages[folder]?.dependencies ?? {}).flatMap((name) => resolve(packages, folder, name) ?? []);
  const shipped = Object.entries(packages).filter(([folder, { dev, optional }]) => folder !== "" && !dev && !optional);
  return {
    direct: needs(""),
    packages: shipped.map(([folder, { version = "", license = "", integrity = "" }]) => ({
      folder,
      name: folder.replace(/^.*node_modules\//, ""),
      version,
      license,
      integrity,
      needs: needs(folder),
    })),
  };
}

/** The folder in which Node finds a package that another one asks for: its own, or the nearest above. */
function resolve(packages: Readonly<Record<string, LockEntry>>, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const candidate = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (folder === "") return undefined;
  }
}
