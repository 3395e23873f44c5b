/** What the API server would refuse, one line each, with the path of the field. */
export type Problems = readonly string[];

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

const leaseFields = ["apiVersion", "kind", "metadata", "spec"];
const leaseSpecFields = [
  "holderIdentity",
  "leaseDurationSeconds",
  "acquireTime",
  "renewTime",
  "leaseTransitions",
  "strategy",
  "preferredHolder",
];
const eventFields = [
  "apiVersion",
  "kind",
  "metadata",
  "eventTime",
  "series",
  "reportingController",
  "reportingInstance",
  "action",
  "reason",
  "regarding",
  "related",
  "note",
  "type",
];

/** A Lease as `pkg/apis/coordination/validation` and the decoder see it, unknown fields refused. */
export function leaseProblems(value: unknown): Problems {
  if (!isFields(value)) return ["the body is not an object"];
  const { spec } = value;
  if (!isFields(spec)) return [...unknown(value, leaseFields, ""), "spec: missing"];
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  return [
    ...head(value, "coordination.k8s.io/v1", "Lease"),
    ...unknown(value, leaseFields, ""),
    ...unknown(spec, leaseSpecFields, "spec."),
    ...(typeof holderIdentity === "string" ? [] : ["spec.holderIdentity: not a string"]),
    ...(isWhole(leaseDurationSeconds, 1) ? [] : ["spec.leaseDurationSeconds: must be greater than 0"]),
    ...(isWhole(leaseTransitions, 0) ? [] : ["spec.leaseTransitions: must not be negative"]),
    ...time(spec["acquireTime"], "spec.acquireTime"),
    ...time(spec["renewTime"], "spec.renewTime"),
  ];
}

/** An Event that is created, as `pkg/apis/core/validation/events.go` sees events.k8s.io/v1. */
export function eventProblems(value: unknown, namespace: string): Problems {
  if (!isFields(value)) return ["the body is not an object"];
  const { metadata, regarding } = value;
  if (!isFields(metadata) || !isFields(regarding)) return ["metadata or regarding: missing"];
  const name = metadata["name"];
  return [
    ...head(value, "events.k8s.io/v1", "Event"),
    ...unknown(value, eventFields, ""),
    ...(typeof name === "string" && subdomain.test(name) ? [] : ["metadata.name: not a DNS subdomain"]),
    ...(metadata["namespace"] === namespace ? [] : ["metadata.namespace: not that of the path"]),
    ...(regarding["namespace"] === namespace ? [] : ["regarding.namespace: not that of the event"]),
    ...(typeof regarding["name"] === "string" && regarding["kind"] === "Pod" ? [] : ["regarding: not a pod"]),
    ...time(value["eventTime"], "eventTime"),
    ...text(value, "reportingController", 317),
    ...text(value, "reportingInstance", 128),
    ...text(value, "action", 128),
    ...text(value, "reason", 128),
    ...text(value, "note", 1024),
    ...(value["type"] === "Normal" || value["type"] === "Warning" ? [] : ["type: not Normal or Warning"]),
    ...(value["series"] === undefined ? [] : seriesProblems(value["series"])),
  ];
}

/** A merge into an Event: everything but its series stays as it is. */
export function eventPatchProblems(value: unknown): Problems {
  if (!isFields(value)) return ["the body is not an object"];
  return [...unknown(value, ["series"], ""), ...seriesProblems(value["series"])];
}

function seriesProblems(series: unknown): Problems {
  if (!isFields(series)) return ["series: missing"];
  return [
    ...unknown(series, ["count", "lastObservedTime"], "series."),
    ...(isWhole(series["count"], 2) ? [] : ["series.count: should be at least 2"]),
    ...time(series["lastObservedTime"], "series.lastObservedTime"),
  ];
}

function head(value: Fields, apiVersion: string, kind: string): Problems {
  return value["apiVersion"] === apiVersion && value["kind"] === kind ? [] : [`not a ${kind} of ${apiVersion}`];
}

function unknown(value: Fields, known: readonly string[], prefix: string): Problems {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${prefix}${key}: unknown field`);
}

function isWhole(value: unknown, min: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= min;
}

function time(value: unknown, field: string): Problems {
  return typeof value === "string" && microTime.test(value) ? [] : [`${field}: not a MicroTime`];
}

function text(value: Fields, field: string, maxBytes: number): Problems {
  const found = value[field];
  if (typeof found !== "string" || found === "") return [`${field}: required`];
  return Buffer.byteLength(found) <= maxBytes ? [] : [`${field}: longer than ${maxBytes} bytes`];
}
