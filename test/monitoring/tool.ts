import { spawnSync } from "node:child_process";

/**
 * Whether a program of Debian's package prometheus is there. If not, it says that the check was skipped, and makes the process
 * fail where nothing may be skipped (`CI=true`).
 */
export function hasTool(name: "prometheus" | "promtool", what: string): boolean {
  if (spawnSync(name, ["--version"]).status === 0) return true;
  process.stdout.write(`SKIPPED: ${name} is not installed (Debian package prometheus), so ${what} was not checked\n`);
  if (process.env["CI"] === "true") process.exitCode = 1;
  return false;
}
