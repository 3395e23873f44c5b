import { bytes, characters, type Fault } from "./rule-kit.ts";
import { metadataFaults } from "./rules-metadata.ts";
import type { Method, Requests } from "./types.ts";

const taskIdPattern = /^[a-zA-Z0-9]{27}$/;
const maxAnnotations = 16;
const maxBatch = 100;
const maxDataBytes = 1024 * 1024;
const sha256Bytes = 32;
const maxMessageBytes = 2048;

function taskId(field: string, value: string): Fault[] {
  return taskIdPattern.test(value) ? [] : [[field, `"${value}" is not 27 letters and digits`]];
}

function atMost(field: string, list: readonly unknown[], max: number): Fault[] {
  return list.length > max ? [[field, `has ${list.length} items, more than ${max}`]] : [];
}

const hostId = (value: string): Fault[] => characters("host_id", value, 1, 256);
const annotations = (list: readonly unknown[], field = "annotations"): Fault[] => atMost(field, list, maxAnnotations);

const osFields = [
  "hostname",
  "os",
  "platform",
  "platformVersion",
  "platformFamily",
  "kernelVersion",
  "kernelArch",
  "virtualizationSystem",
] as const;

/** The rules of each request, field by field. */
export const rules: { readonly [M in Method]: (request: Requests[M]) => Fault[] } = {
  Hello: (request) => [
    ...hostId(request.hostId),
    ...(request.taskId === "" ? [] : taskId("task_id", request.taskId)),
    ...(["langVersion", "package", "packageVersion"] as const).flatMap((name) =>
      characters(`build_info.${name}`, request.buildInfo?.[name] ?? "", 0, 256),
    ),
    // Registration fails when a part of the operating system is left empty.
    ...osFields.flatMap((name) => characters(`os_info.${name}`, request.osInfo?.[name] ?? "", 1, 256)),
    ...metadataFaults(request.connectorMetadata),
    ...annotations(request.annotations),
  ],
  GetTask: (request) => hostId(request.hostId),
  GetTasks: (request) => [
    ...hostId(request.hostId),
    ...(request.pageSize > 0 && request.pageSize <= maxBatch
      ? []
      : [["page_size", `is ${request.pageSize}, not 1 to ${maxBatch}`] as const]),
    ...request.knownTaskIds.flatMap((id, at) => taskId(`known_task_ids[${at}]`, id)),
    ...annotations(request.annotations),
  ],
  Heartbeat: (request) => [
    ...hostId(request.hostId),
    ...taskId("task_id", request.taskId),
    ...annotations(request.annotations),
    ...atMost("task_ids", request.taskIds, maxBatch),
    ...request.taskIds.flatMap((id, at) => taskId(`task_ids[${at}]`, id)),
  ],
  UploadAsset: ({ msg }) => {
    switch (msg.case) {
      case "metadata":
        return [
          ...hostId(msg.value.hostId),
          ...taskId("task_id", msg.value.taskId),
          ...annotations(msg.value.annotations),
        ];
      case "data":
        return bytes("data", msg.value.data, 1, maxDataBytes);
      case "eof":
        return [
          ...bytes("sha256_checksum", msg.value.sha256Checksum, sha256Bytes, sha256Bytes),
          ...annotations(msg.value.annotations),
        ];
      default:
        return [["msg", "is not set"]];
    }
  },
  FinishTask: (request) => [...hostId(request.hostId), ...taskId("task_id", request.taskId), ...finalState(request)],
};

function finalState({ finalState: final, status }: Requests["FinishTask"]): Fault[] {
  if (final.case === undefined) return [["final_state", "is not set"]];
  const faults = annotations(final.value.annotations, `${final.case}.annotations`);
  if (final.case === "success") {
    return status === undefined ? faults : [...faults, ["status", "is set although the task succeeded"]];
  }
  if (status === undefined) return [...faults, ["status", "is not set although the task failed"]];
  if (status.code < 1 || status.code > 16) faults.push(["status.code", `is ${status.code}`]);
  faults.push(...bytes("status.message", status.message, 1, maxMessageBytes));
  if (/[\r\n]/.test(status.message)) faults.push(["status.message", "is not one line"]);
  return faults;
}
