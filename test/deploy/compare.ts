import { at, type Manifest, nameOf, records } from "./objects.ts";

/** Labels that tell who made an object, not what it is. */
const makersLabels = ["app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"];

/** Lists whose order means nothing, with what names their elements. */
const named: Readonly<Record<string, string>> = {
  env: "name",
  ports: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  containers: "name",
  topologySpreadConstraints: "topologyKey",
  items: "path",
  subjects: "name",
};

/**
 * The differences in meaning between two sets of objects, one line each, with where they are. The namespace, the order of lists
 * of named things, the objects of `helm test` and who made an object are no differences.
 */
export function differences(one: readonly Manifest[], other: readonly Manifest[]): string[] {
  const [left, right] = [one, other].map((objects) => Object.fromEntries(objects.filter(stays).map(meaning)));
  return compare(left, right, "");
}

function stays({ metadata }: Manifest): boolean {
  return metadata.annotations?.["helm.sh/hook"] !== "test";
}

function meaning(object: Manifest): [string, unknown] {
  const labels = Object.entries(object.metadata.labels ?? {}).filter(([key]) => !makersLabels.includes(key));
  const metadata = { ...object.metadata, namespace: undefined, labels: Object.fromEntries(labels) };
  // A binding has to name the namespace of its subjects; which one that is matters only relative to its own.
  const subjects = records(object["subjects"]).map((subject) => ({
    ...subject,
    namespace: subject["namespace"] === object.metadata.namespace ? "its own" : subject["namespace"],
  }));
  const rest = subjects.length > 0 ? { ...object, subjects } : object;
  return [nameOf(object), byName({ ...rest, metadata }, "")];
}

/** Turns lists of named things into maps. */
function byName(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const name = named[key];
    if (name === undefined || !value.every((element) => typeof at(element, name) === "string")) {
      return value.map((element) => byName(element, ""));
    }
    return Object.fromEntries(value.map((element) => [at(element, name), byName(element, "")]));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([inner, element]) => [inner, byName(element, inner)]));
}

function compare(one: unknown, other: unknown, path: string): string[] {
  if (isTree(one) && isTree(other) && Array.isArray(one) === Array.isArray(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) =>
      compare(Reflect.get(one, key), Reflect.get(other, key), path === "" ? key : `${path} ${key}`),
    );
  }
  if (Object.is(one, other)) return [];
  return [`${path}: ${shown(one)} or ${shown(other)}`];
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
