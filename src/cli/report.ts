import { StatusError, statusCodes } from "../baton/status-error.ts";
import { ConfigError } from "../config/problem.ts";
import { exitCodeOf } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Tells why the program ends, on standard error, and returns the exit code that says the same. */
export function reportError(error: unknown, out: Output): number {
  if (error instanceof ConfigError) printWarnings(error.warnings, out);
  out.stderr(error instanceof ConfigError ? problemText(error) : `baton-cursor: ${StatusError.from(error).message}\n`);
  return exitCodeOf(error);
}

/**
 * The last words about a fault of ours that nothing caught, in one line; returns the exit code. Node's own would be a page of
 * minified source. The error's text is left out, because it may quote anything; its kind and the functions say where to look.
 */
export function reportCrash(error: unknown, out: Output): number {
  const [kind, stack] = error instanceof Error ? [error.name, error.stack ?? ""] : [typeof error, ""];
  const functions = Array.from(stack.matchAll(/^ +at (?:async )?(\S+)/gm), ([, name]) => name).slice(0, 5);
  const where = functions.length === 0 ? "" : ` in ${functions.join(" < ")}`;
  out.stderr(
    `baton-cursor: a fault of the connector ended it (${kind}${where}): start it again and report this line\n`,
  );
  return statusCodes.internal;
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
