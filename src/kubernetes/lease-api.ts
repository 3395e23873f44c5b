import { StatusError } from "../baton/status-error.ts";
import type { KubeConnection } from "./call.ts";

/** What a Lease says. The times are the holder's, for people; nothing is decided by them. */
export interface LeaseRecord {
  /** The object's resourceVersion; an update with an old one fails. */
  readonly version: string;
  /** Empty when nobody holds it. */
  readonly holder: string;
  /** How long the holder may go without renewing; 0 when it does not say. */
  readonly durationMs: number;
  /** MicroTime as written by the holder; empty when there is none. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often the holder has changed. */
  readonly transitions: number;
}

/** One Lease by its name. It is never created here: that right cannot be limited to a name. */
export interface LeaseApi {
  /** Rejects as `KubeConnection.call`; with `internal` when the answer is no Lease. */
  read(signal: AbortSignal): Promise<LeaseRecord>;
  /** Writes `record` over the version it carries; resolves with what is there now. Rejects with `aborted` when it has changed. */
  update(record: LeaseRecord, signal: AbortSignal): Promise<LeaseRecord>;
}

/** The Lease `name` (coordination.k8s.io/v1) in the connection's namespace. */
export function createLeaseApi(connection: KubeConnection, name: string): LeaseApi {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(connection.namespace)}/leases/${encodeURIComponent(name)}`;
  const what = `the Lease ${connection.namespace}/${name}`;
  let last: LeaseObject | undefined;
  const take = (answer: unknown): LeaseRecord => {
    if (!isLease(answer)) throw new StatusError("internal", `the Kubernetes API answered something other than ${what}`);
    last = answer;
    return recordOf(answer);
  };
  return {
    async read(signal) {
      return take(await connection.call({ verb: "get", path, what }, signal));
    },
    async update(record, signal) {
      // An update replaces the object: labels and whatever else others have put there must go with it.
      const base = last?.metadata.resourceVersion === record.version ? last : { metadata: {}, spec: {} };
      const body = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        ...base,
        metadata: { ...base.metadata, name, namespace: connection.namespace, resourceVersion: record.version },
        spec: { ...base.spec, ...specOf(record) },
      };
      return take(await connection.call({ verb: "update", path, what, body }, signal));
    },
  };
}

interface LeaseObject {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

function isLease(answer: unknown): answer is LeaseObject {
  if (!isObject(answer) || answer["kind"] !== "Lease" || !isObject(answer["metadata"])) return false;
  const spec = answer["spec"];
  return typeof answer["metadata"]["resourceVersion"] === "string" && (spec === undefined || isObject(spec));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function recordOf({ metadata, spec = {} }: LeaseObject): LeaseRecord {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  // A life without an end would keep everybody else waiting for ever.
  const number = (value: unknown): number => (typeof value === "number" && value < 2 ** 31 ? Math.max(0, value) : 0);
  return {
    version: metadata.resourceVersion,
    holder: text(spec["holderIdentity"]),
    durationMs: number(spec["leaseDurationSeconds"]) * 1000,
    acquireTime: text(spec["acquireTime"]),
    renewTime: text(spec["renewTime"]),
    transitions: number(spec["leaseTransitions"]),
  };
}

function specOf(record: LeaseRecord): object {
  return {
    holderIdentity: record.holder,
    leaseDurationSeconds: Math.ceil(record.durationMs / 1000),
    acquireTime: record.acquireTime,
    renewTime: record.renewTime,
    leaseTransitions: record.transitions,
  };
}
