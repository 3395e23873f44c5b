import type { FuzzTarget } from "./target.ts";

/** A target by its name out of a module that exports `targets`. */
export async function findTarget(module: string, name: string): Promise<FuzzTarget> {
  const loaded: { readonly targets?: readonly FuzzTarget[] } = await import(module);
  const found = loaded.targets?.find((target) => target.name === name);
  if (found === undefined) throw new Error(`there is no target ${name}`);
  return found;
}
