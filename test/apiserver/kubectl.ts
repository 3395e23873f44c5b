import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Manifest, printObjects } from "../deploy/objects.ts";
import { type Outcome, run, tools } from "../deploy/tools.ts";

/** kubectl as one user of one cluster. */
export interface Kubectl {
  /** What a command answers. */
  run(...args: readonly string[]): Outcome;
  /** What a command prints; throws when it fails. */
  output(...args: readonly string[]): string;
  /** Server-side apply of objects, unknown fields refused; with `dryRun` nothing is stored. */
  apply(objects: readonly Manifest[], options: { readonly namespace: string; readonly dryRun?: boolean }): Outcome;
  /** Applies objects that the server must take. */
  put(objects: readonly Manifest[], namespace?: string): void;
}

/** kubectl with a kubeconfig. */
export function kubectlWith(kubeconfig: string): Kubectl {
  const call = (...args: readonly string[]): Outcome =>
    run(tools.kubectl, ["--kubeconfig", kubeconfig, "--cache-dir", `${kubeconfig}.cache`, ...args]);
  const apply: Kubectl["apply"] = (objects, { namespace, dryRun = false }) => {
    const folder = mkdtempSync(join(tmpdir(), "baton-apply-"));
    try {
      writeFileSync(join(folder, "objects.yaml"), printObjects(objects));
      const flags = ["--server-side", "--validate=strict", ...(dryRun ? ["--dry-run=server"] : [])];
      return call("apply", "--namespace", namespace, ...flags, "--filename", join(folder, "objects.yaml"));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return {
    run: call,
    output(...args) {
      const { code, stdout, stderr } = call(...args);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}\n${stderr}`);
      return stdout;
    },
    apply,
    put(objects, namespace = "default") {
      const { code, stderr } = apply(objects, { namespace });
      if (code !== 0) throw new Error(`the API server refuses:\n${stderr}`);
    },
  };
}
