import { StatusError } from "../baton/status-error.ts";
import { ConfigError } from "../config/problem.ts";
import { exitCodeOf } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Tells why the program ends, on standard error, and returns the exit code that says the same. */
export function reportError(error: unknown, out: Output): number {
  if (error instanceof ConfigError) printWarnings(error.warnings, out);
  out.stderr(error instanceof ConfigError ? problemText(error) : `baton-cursor: ${StatusError.from(error).message}\n`);
  return exitCodeOf(error);
}

function problemText({ problems }: ConfigError): string {
  const head =
    problems.length === 1
      ? "baton-cursor: the configuration has a problem:\n"
      : `baton-cursor: the configuration has ${problems.length} problems:\n`;
  return head + problems.map(({ field, message, fix }) => `  ${field} ${message}\n    -> ${fix}\n`).join("");
}

/** Warnings about the configuration, on standard error. */
export function printWarnings(warnings: readonly string[], out: Output): void {
  for (const warning of warnings) out.stderr(`baton-cursor: warning: ${warning}\n`);
}
