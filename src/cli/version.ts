import type { Output } from "./output.ts";

/** Prints `baton-cursor version <v>`. */
export async function versionCommand({ out, version }: { out: Output; version: string }): Promise<number> {
  out.stdout(`baton-cursor version ${version}\n`);
  return 0;
}
