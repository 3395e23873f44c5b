import { type Manifest, podOf, record } from "../deploy/objects.ts";

const restricted = { "enforce-version": "latest", enforce: "restricted", warn: "restricted" };

/** A namespace that takes pods of Pod Security level "restricted" only, and warns of whatever makes others. */
export function namespaceObject(name: string): Manifest {
  const labels = Object.fromEntries(
    Object.entries(restricted).map(([mode, level]) => [`pod-security.kubernetes.io/${mode}`, level]),
  );
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** A service account; the one named `default` is otherwise made by a controller that does not run here. */
export function serviceAccount(namespace: string, name: string): Manifest {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } };
}

/** A priority class that pods may name. */
export function priorityClass(name: string): Manifest {
  const value: Record<string, unknown> = { value: 1000 };
  return { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, ...value };
}

/** The pod that the Deployment's controller would make. */
export function podObject(deployment: Manifest): Manifest {
  const { labels, spec } = podOf(deployment) ?? {};
  const { name, namespace } = deployment.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${name}-1`, ...(namespace && { namespace }), labels: textsOf(labels) },
    spec,
  };
}

/** A pod that says nothing about its security, so that level "restricted" refuses it, and a Deployment of such pods. */
export function careless(namespace: string): readonly [pod: Manifest, deployment: Manifest] {
  const metadata = { name: "careless", namespace };
  const labels = { app: "careless" };
  const spec = { containers: [{ name: "main", image: "registry.example.com/careless:1" }] };
  const template = { metadata: { labels }, spec };
  return [
    { apiVersion: "v1", kind: "Pod", metadata, spec },
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { selector: { matchLabels: labels }, template } },
  ];
}

function textsOf(labels: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(labels)).map(([key, value]) => [key, String(value)]));
}
