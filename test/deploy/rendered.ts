import assert from "node:assert/strict";
import { cases, renderCase } from "./helm.ts";
import { at, type Manifest, record, records } from "./objects.ts";
import { containerOf } from "./pod.ts";

/** The objects of every values file. */
export const everyCase = cases.map((name) => ({ name, objects: renderCase(name) }));

/** The objects of one values file. */
export function of(name: string): readonly Manifest[] {
  return everyCase.find((candidate) => candidate.name === name)?.objects ?? assert.fail(name);
}

/** The only object of a kind. */
export function only(objects: readonly Manifest[], kind: string): Manifest {
  const found = objects.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0] ?? assert.fail(kind);
}

/** The spec of the Deployment's pods. */
export function podSpec(objects: readonly Manifest[]): Readonly<Record<string, unknown>> {
  return record(at(only(objects, "Deployment"), "spec", "template", "spec"));
}

/** The variables of the Deployment's container; those that come from elsewhere are undefined. */
export function envOf(objects: readonly Manifest[]): Map<string, unknown> {
  const list = records(at(containerOf(objects, "Deployment"), "env"));
  return new Map(list.map(({ name, value }) => [String(name), value]));
}

/** Whether an object is there only while `helm test` runs. */
export function isTest({ metadata }: Manifest): boolean {
  return metadata.annotations?.["helm.sh/hook"] === "test";
}

/** Whether labels fulfil a selector's matchLabels. */
export function matches(selector: unknown, labels: unknown): boolean {
  const wanted = Object.entries(record(selector));
  return wanted.length > 0 && wanted.every(([key, value]) => record(labels)[key] === value);
}
