import { parseAllDocuments, stringify } from "yaml";

/** What Kubernetes and Helm read: there `0440` is octal and `yes` is true. */
const version = "1.1" as const;

/** Anything that YAML can say. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value | undefined };

/** A Kubernetes object, with the parts that every object has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The objects of a YAML text, ordered by kind and name. Throws for a text that is not YAML or has a key twice. */
export function parseObjects(text: string): Manifest[] {
  const objects = parseAllDocuments(text, { version }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    const object: Manifest | null = document.toJS();
    return object === null ? [] : [object];
  });
  return objects.sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}

/** The same objects as one text that depends on nothing but their content. */
export function printObjects(objects: readonly Manifest[]): string {
  const options = { version, lineWidth: 0, sortMapEntries: true, aliasDuplicateObjects: false };
  return objects.map((object) => stringify(object, options)).join("---\n");
}

/** `Kind/name`. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

/** What lies at a path of names and numbers, or undefined. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (here, step) => (typeof here === "object" && here !== null ? Reflect.get(here, step) : undefined),
    value,
  );
}

/** An array of records, whatever was found. */
export function records(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value : [];
}

/** A record, whatever was found. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The pod's labels and spec: of a Pod itself, or of the template inside. */
export function podOf(object: Manifest): { readonly labels: unknown; readonly spec: unknown } | undefined {
  if (object.kind === "Pod") return { labels: object.metadata.labels, spec: object["spec"] };
  const template = at(object, "spec", "template");
  if (template === undefined) return undefined;
  return { labels: at(template, "metadata", "labels"), spec: at(template, "spec") };
}
