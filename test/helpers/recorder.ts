import type { Output } from "../../src/cli/output.ts";

/** An output that keeps what was written. */
export function recorder(): Output & { text(): { readonly stdout: string; readonly stderr: string } } {
  const written = { stdout: "", stderr: "" };
  return {
    stdout(text) {
      written.stdout += text;
    },
    stderr(text) {
      written.stderr += text;
    },
    text: () => ({ ...written }),
  };
}
