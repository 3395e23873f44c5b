/** What is done to an object, in the words of Kubernetes' roles. */
export type KubeVerb = "get" | "update" | "create" | "patch";

/** One call to the Kubernetes API. */
export interface KubeCall {
  readonly verb: KubeVerb;
  /** From the root of the API on, e.g. `/apis/coordination.k8s.io/v1/namespaces/a/leases/b`. */
  readonly path: string;
  /** The object, or for `patch` the fields to merge into it. */
  readonly body?: object;
  /** The object for people, e.g. `the Lease a/b`. */
  readonly what: string;
}

/** Calls to one Kubernetes API as one service account or user. Disposing closes idle connections. */
export interface KubeConnection extends Disposable {
  readonly namespace: string;
  /**
   * Resolves with the parsed JSON of a 2xx answer. Rejects with a StatusError: `aborted` when the object has changed
   * meanwhile (409, 410), `unauthenticated` (401), `permission_denied` (403), `not_found` (404), `invalid_argument` (400,
   * 422), `resource_exhausted` (429), `unavailable` for 5xx and failed connections; and with the signal's reason on abort.
   */
  call(call: KubeCall, signal: AbortSignal): Promise<unknown>;
}

/** Kubernetes' MicroTime: UTC with exactly six digits after the point (apimachinery `RFC3339Micro`). */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
