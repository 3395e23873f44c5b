import { at, type Manifest, podOf, record, records } from "./objects.ts";

/** What a container would see of its environment, with fields of the pod and `$(NAME)` filled in as the kubelet does. */
export function kubeletEnv(container: unknown, field: (path: string) => string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of records(at(container, "env"))) {
    if (typeof name !== "string") throw new TypeError("a variable without a name");
    const path = at(valueFrom, "fieldRef", "fieldPath");
    if (typeof path === "string") env[name] = field(path);
    else if (valueFrom !== undefined) throw new TypeError(`${name} comes from an object that the test has not got`);
    else env[name] = expand(String(value ?? ""), env);
  }
  return env;
}

/** `$(NAME)` becomes the variable's text, and stays as it is where there is no such variable. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole);
}

/** The first container of the first object of a kind, or of the first that has a container with this name. */
export function containerOf(
  objects: readonly Manifest[],
  kind: "Deployment" | "Pod",
  name?: "doctor" | "health-check",
): Readonly<Record<string, unknown>> {
  const containers = objects
    .filter((candidate) => candidate.kind === kind)
    .map((object) => records(at(podOf(object)?.spec, "containers"))[0]);
  return record(containers.find((container) => name === undefined || container?.["name"] === name));
}
