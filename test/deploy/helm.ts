import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Manifest, parseObjects, type Value } from "./objects.ts";
import { type Outcome, root, run, tools } from "./tools.ts";

export const chart = `${root}helm/baton-cursor`;

/** The Helms that every rendering is done with. */
export const helms = { "Helm 3": tools.helm3, "Helm 4": tools.helm4 } as const;
export type HelmName = keyof typeof helms;
export const helmNames: readonly HelmName[] = ["Helm 3", "Helm 4"];

const casesFolder = new URL("./cases/", import.meta.url).pathname;

/** The values files of the test, by name without ending. */
export const cases: readonly string[] = readdirSync(casesFolder)
  .map((file) => file.replace(/\.yaml$/, ""))
  .sort();

export function casePath(name: string): string {
  return `${casesFolder}${name}.yaml`;
}

export interface Rendering {
  readonly helm?: HelmName;
  readonly release?: string;
  readonly namespace?: string;
  /** Values files, in order. */
  readonly files?: readonly string[];
  /** Values on top of the files. */
  readonly values?: Value;
}

/** What `helm template` answers. */
export function template({ helm = "Helm 4", release = "team", namespace = "c1", ...given }: Rendering): Outcome {
  const folder = mkdtempSync(join(tmpdir(), "baton-helm-"));
  try {
    const files = [...(given.files ?? [])];
    if (given.values !== undefined) {
      // JSON is YAML, and keeps texts texts.
      writeFileSync(join(folder, "values.yaml"), JSON.stringify(given.values));
      files.push(join(folder, "values.yaml"));
    }
    const values = files.flatMap((file) => ["--values", file]);
    return run(helms[helm], ["template", release, chart, "--namespace", namespace, ...values]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The rendered objects; throws with Helm's answer when there are none. */
export function render(rendering: Rendering): Manifest[] {
  const { code, stdout, stderr } = template(rendering);
  if (code !== 0) throw new Error(`helm template ended with ${code}\n${stderr}`);
  return parseObjects(stdout);
}

/** The objects of one of the values files. */
export function renderCase(name: string, helm: HelmName = "Helm 4"): Manifest[] {
  return render({ helm, files: [casePath(name)] });
}
