import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Manifest, nameOf, printObjects } from "./objects.ts";
import { root, run, tools } from "./tools.ts";

/** The oldest Kubernetes that the chart promises, the newest that the checker knows, and two between. */
export const kubernetesVersions = ["1.27", "1.31", "1.34", "1.37"] as const;

/** Objects of operators; the checker has no schemas of them, the compiler has types. */
const operatorTypes: Readonly<Record<string, readonly [type: string, module: string]>> = {
  PodMonitor: ["IPodMonitor", "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor"],
  ServiceMonitor: ["IServiceMonitor", "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor"],
  PrometheusRule: ["IPrometheusRule", "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule"],
  ApplicationSet: ["IApplicationSet", "@kubernetes-models/argo-cd/argoproj.io/v1alpha1/ApplicationSet"],
};

/** Whether an object is one that only an operator understands. */
export function isOperators({ kind }: Manifest): boolean {
  return operatorTypes[kind] !== undefined;
}

/**
 * Checks objects against the schemas of one Kubernetes version, unknown fields included; one line per problem. Objects that
 * the checker knows no schema of are problems too.
 */
export function schemaProblems(objects: readonly Manifest[], version: string): string[] {
  return inFolder((folder) => {
    const files = objects.map((object, index) => {
      const file = join(folder, `${index}-${object.kind}-${object.metadata.name}.yaml`);
      writeFileSync(file, printObjects([object]));
      return file;
    });
    const { stdout, stderr } = run(tools.validate, ["--strict", "-k", version, ...files]);
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
    const passed = lines.filter((line) => line.startsWith("INFO ") && line.includes(" passed "));
    const problems = lines.filter((line) => !passed.includes(line)).map((line) => line.replaceAll(`${folder}/`, ""));
    if (passed.length + problems.length < objects.length) problems.push(`only ${passed.length} objects were checked`);
    return problems;
  });
}

/** Checks operators' objects by compiling them as values of their types; one line per problem. */
export function operatorProblems(objects: readonly Manifest[]): string[] {
  return inFolder((folder) => {
    symlinkSync(tools.nodeModules, join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const files = objects.map((object, index) => {
      const [type, module] = operatorTypes[object.kind] ?? [];
      if (type === undefined) throw new Error(`there are no types of ${nameOf(object)}`);
      const file = join(folder, `${index}.ts`);
      const text = JSON.stringify(object, null, 2);
      writeFileSync(file, `import type { ${type} } from "${module}";\nexport const object: ${type} = ${text};\n`);
      return file;
    });
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
    const { code, stdout } = run(`${root}node_modules/.bin/tsc`, [...flags, ...files], folder);
    return code === 0 ? [] : stdout.split("\n").filter((line) => /error TS/.test(line));
  });
}

function inFolder<Result>(use: (folder: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), "baton-validate-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
