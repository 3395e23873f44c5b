import type { Output } from "../../src/cli/output.ts";
import { type CaptureOptions, capture, operatorCapture } from "./capture.ts";

/** An output that keeps what was written, looked at for canaries. */
export function recorder({
  shows,
}: CaptureOptions = {}): Output & { text(): { readonly stdout: string; readonly stderr: string } } {
  const written = { stdout: "", stderr: "" };
  const into = shows === "people" ? operatorCapture : capture;
  return {
    stdout(text) {
      into.look("standard output", text);
      written.stdout += text;
    },
    stderr(text) {
      into.look("standard error", text);
      written.stderr += text;
    },
    text: () => ({ ...written }),
  };
}
