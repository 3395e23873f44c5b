import { spawnSync } from "node:child_process";

/** Runs a program of the machine to its end. Throws with what it complains of when it fails. */
export function runTool(program: string, ...args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}
