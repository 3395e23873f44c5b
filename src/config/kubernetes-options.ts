import { option, optional } from "./option.ts";
import { bool, integer, path, text } from "./value-type.ts";

const objectName = text("name of an object", (value) =>
  value.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value)
    ? undefined
    : ["is not a name that Kubernetes knows", "give small letters, digits, dashes and dots, 253 at most"],
);

/** What matters only in a pod, above all in one of several. */
export const kubernetesOptions = {
  leaderElection: option({
    flag: "leader-election",
    group: "Kubernetes",
    help: "Let one of several replicas poll C1 at a time, by a Lease",
    type: bool,
    byDefault: false,
  }),
  leaseName: optional({
    flag: "lease-name",
    group: "Kubernetes",
    help: "Name of the Lease, which must exist; required with leader election",
    type: objectName,
  }),
  leaderElectionStrict: option({
    flag: "leader-election-strict",
    group: "Kubernetes",
    help: "Stop polling when the Lease cannot be renewed, instead of going on until another replica takes it",
    type: bool,
    byDefault: false,
  }),
  activeActiveReplicas: option({
    flag: "active-active-replicas",
    group: "Kubernetes",
    help: "How many replicas poll at the same time; each keeps to its part of the budgets for requests and deletions",
    type: integer(1, 16),
    byDefault: 1,
  }),
  kubernetesEvents: option({
    flag: "kubernetes-events",
    group: "Kubernetes",
    help: "Write Events on the pod when a credential or the leader changes",
    type: bool,
    byDefault: false,
  }),
  podName: optional({
    env: "POD_NAME",
    group: "Kubernetes",
    help: "Name of the pod, from the downward API; default of the host id",
    type: text(),
  }),
  podNamespace: optional({
    env: "POD_NAMESPACE",
    group: "Kubernetes",
    help: "Namespace of the pod and its Lease, from the downward API",
    type: text(),
    defaultText: "of the service account",
  }),
  podUid: optional({
    env: "POD_UID",
    group: "Kubernetes",
    help: "Uid of the pod, from the downward API; without it `kubectl describe` does not show the Events",
    type: text(),
  }),
  kubeconfig: optional({
    env: "KUBECONFIG",
    group: "Kubernetes",
    help: "Kubeconfig file, for trying elections outside a cluster",
    type: path,
    defaultText: "the pod's service account",
  }),
};
