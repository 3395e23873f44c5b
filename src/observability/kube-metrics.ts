import type { KubeVerbLabel } from "./metric-rows.ts";
import type { Metrics } from "./metrics.ts";

/** One call, as the room for Kubernetes tells it. */
interface KubeCallEnd {
  readonly verb: "get" | "update" | "create" | "patch";
  /** `undefined` when no answer came. */
  readonly status: number | undefined;
}

/** Counts calls to the Kubernetes API and changes of the leader. */
export function kubeMetrics(metrics: Metrics) {
  return {
    onCall({ verb, status }: KubeCallEnd): void {
      // An Event is created once and patched when it repeats: to an operator that is one thing.
      const label: KubeVerbLabel = verb === "patch" ? "create" : verb;
      metrics.counter("kube_requests_total").inc({ verb: label, code: kubeCode(label, status) });
    },
    /** From the first call on there is a gauge. */
    onStanding(): void {
      metrics.gauge("leader").set(0);
    },
    onLeading(leading: boolean): void {
      metrics.gauge("leader").set(leading ? 1 : 0);
      metrics.counter("lease_transitions_total").inc();
    },
  };
}

function kubeCode(verb: KubeVerbLabel, status: number | undefined): string {
  if (status === undefined) return "error";
  if (status >= 200 && status <= 299) return "ok";
  if (status === 401 || status === 403) return "auth_error";
  return verb === "update" && (status === 409 || status === 410) ? "conflict" : "error";
}
