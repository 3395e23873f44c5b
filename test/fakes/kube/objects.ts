import { capture } from "../../helpers/capture.ts";
import type { KubeEvent, LeaseEntry, LeaseObject } from "./types.ts";
import { eventPatchProblems, eventProblems, leaseProblems, type Problems } from "./validate.ts";

/** An answer: a status and an object, which for failures is a `Status`. */
export interface ObjectAnswer {
  readonly status: number;
  readonly body: object;
}

/** The Leases and Events of one namespace. */
export interface Objects {
  readonly events: readonly KubeEvent[];
  readonly history: readonly LeaseEntry[];
  lease(name: string): LeaseObject | undefined;
  addLease(name: string): void;
  changeLease(name: string, change: (lease: LeaseObject) => LeaseObject): void;
  removeLease(name: string): void;
  readLease(name: string): ObjectAnswer;
  replaceLease(name: string, body: unknown, user: string): ObjectAnswer;
  createEvent(body: unknown): ObjectAnswer;
  patchEvent(name: string, body: unknown): ObjectAnswer;
  /** As when events have outlived their hour. */
  forgetEvents(): void;
}

/** Creates an empty namespace. `onProblem` hears of what no careful client would send. */
export function createObjects(namespace: string, onProblem: (line: string) => void): Objects {
  const leases = new Map<string, LeaseObject>();
  const events: KubeEvent[] = [];
  const live = new Map<string, KubeEvent>();
  const history: LeaseEntry[] = [];
  let version = 1000;
  const nextVersion = (): string => {
    version += 7;
    return String(version);
  };
  const invalid = (what: string, problems: Problems): ObjectAnswer => {
    for (const problem of problems) onProblem(`${what}: ${problem}`);
    return failure(422, "Invalid", `${what} is invalid: ${problems.join(", ")}`);
  };
  const store = (lease: LeaseObject): LeaseObject => {
    const stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: nextVersion() } };
    leases.set(lease.metadata.name, stored);
    return stored;
  };

  return {
    events,
    history,
    lease: (name) => leases.get(name),
    addLease(name) {
      const labels = { "app.kubernetes.io/name": "baton-cursor", "app.kubernetes.io/managed-by": "Helm" };
      store({
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace, uid: `uid-of-${name}`, resourceVersion: "", labels },
      });
    },
    changeLease(name, change) {
      const lease = leases.get(name);
      if (lease !== undefined) store(change(lease));
    },
    removeLease: (name) => void leases.delete(name),
    readLease(name) {
      const lease = leases.get(name);
      return lease === undefined ? notFound("leases.coordination.k8s.io", name) : { status: 200, body: lease };
    },
    replaceLease(name, body, user) {
      const before = leases.get(name);
      if (before === undefined) return notFound("leases.coordination.k8s.io", name);
      const problems = leaseProblems(body);
      if (problems.length > 0) return invalid(`Lease ${name}`, problems);
      const wanted = body as LeaseObject;
      const { metadata } = wanted;
      if (metadata.name !== name || metadata.namespace !== namespace) {
        onProblem(`Lease ${name}: the body names ${metadata.namespace}/${metadata.name}`);
        return failure(400, "BadRequest", "the name of the object does not match the name on the URL");
      }
      if (!metadata.resourceVersion) {
        return invalid(`Lease ${name}`, ["metadata.resourceVersion: must be specified for an update"]);
      }
      if (metadata.resourceVersion !== before.metadata.resourceVersion) {
        return failure(
          409,
          "Conflict",
          "the object has been modified; please apply your changes to the latest version",
        );
      }
      if (JSON.stringify(metadata.labels) !== JSON.stringify(before.metadata.labels)) {
        onProblem(`Lease ${name}: the update changes labels that are not its own`);
      }
      const stored = store(wanted);
      history.push({ atMs: performance.now(), user, holder: stored.spec?.holderIdentity ?? "" });
      return { status: 200, body: stored };
    },
    createEvent(body) {
      const problems = eventProblems(body, namespace);
      if (problems.length > 0) return invalid("Event", problems);
      const event = body as KubeEvent;
      if (live.has(event.metadata.name)) return failure(409, "AlreadyExists", "an event of that name exists");
      capture.look("Kubernetes Event", JSON.stringify(event));
      const stored = { ...event, metadata: { ...event.metadata, resourceVersion: nextVersion() } };
      live.set(event.metadata.name, stored);
      events.push(stored);
      return { status: 201, body: stored };
    },
    patchEvent(name, body) {
      const before = live.get(name);
      if (before === undefined) return notFound("events.events.k8s.io", name);
      const problems = eventPatchProblems(body);
      if (problems.length > 0) return invalid(`Event ${name}`, problems);
      const stored = { ...before, ...(body as Pick<KubeEvent, "series">) };
      live.set(name, stored);
      events.splice(events.indexOf(before), 1, stored);
      return { status: 200, body: stored };
    },
    forgetEvents: () => live.clear(),
  };
}

/** A failure as the API server words it. */
export function failure(code: number, reason: string, message: string): ObjectAnswer {
  return {
    status: code,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code },
  };
}

const notFound = (resource: string, name: string): ObjectAnswer =>
  failure(404, "NotFound", `${resource} "${name}" not found`);
