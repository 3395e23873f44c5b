import assert from "node:assert/strict";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, DurationSchema } from "@bufbuild/protobuf/wkt";
import { isEmailAddress } from "../../../src/baton/email-address.ts";
import { StatusError } from "../../../src/baton/status-error.ts";
import type { Task } from "../../../src/baton/task.ts";
import { createRecordEncoder } from "../../../src/c1z/records.ts";
import { checkAccountInfo, readNewAccount } from "../../../src/tasks/account-request.ts";
import { durationMs } from "../../../src/wire/duration.ts";
import { encodeFinish } from "../../../src/wire/finish.ts";
import { UserTraitSchema } from "../../../src/wire/gen/c1/connector/v2/trait_pb.ts";
import {
  BatonService,
  BatonServiceFinishTaskRequestSchema,
  BatonServiceGetTaskResponseSchema,
  BatonServiceGetTasksResponseSchema,
  BatonServiceHeartbeatResponseSchema,
  TaskSchema,
} from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { methodDefinition } from "../../../src/wire/service.ts";
import {
  decodeStoredEntitlement,
  decodeStoredGrant,
  decodeStoredResource,
  decodeStoredResourceType,
} from "../../../src/wire/stored-records.ts";
import { decodeTask } from "../../../src/wire/tasks.ts";
import { sampleSync } from "../../helpers/sample-sync.ts";
import { mutateBytes } from "../harness/mutate-bytes.ts";
import { mutateWire } from "../harness/mutate-wire.ts";
import { attempt } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";

const id = "abcdefghijklmnopqrstuvwxyz0";
const any = anyPack(UserTraitSchema, create(UserTraitSchema, { login: "ada" }));
const resourceId = { resourceType: "user", resource: "user_9fQ2" };

const seedTasks: readonly Parameters<typeof create<typeof TaskSchema>>[1][] = [
  { id, taskType: { case: "syncFull", value: { syncResourceTypeIds: ["user"], storageEngine: "pebble" } } },
  {
    id,
    taskType: {
      case: "createAccount",
      value: {
        accountInfo: {
          emails: [{ address: "ada@example.com", isPrimary: true }],
          login: "ada",
          profile: { email: "ada@example.com", first_name: "Ada", nested: { list: [1, null, true] } },
        },
        credentialOptions: { options: { case: "noPassword", value: {} } },
      },
    },
  },
  { id, taskType: { case: "deleteResource", value: { resourceId } } },
  {
    id,
    taskType: {
      case: "grant",
      value: { entitlement: { id: "e", resource: { id: resourceId } }, principal: { id: resourceId } },
    },
  },
  { id, taskType: { case: "getTicket", value: { ticketId: "1", annotations: Array(20).fill(any) } } },
  { id, taskType: { case: "actionInvoke", value: { name: "x" } } },
  { id, taskType: { case: "none", value: {} } },
  { id, taskType: { case: "issueCredential", value: { identityId: resourceId } } },
  { id, debug: true },
];

const known = new Set(
  [
    "hello sync_full grant revoke create_account create_resource delete_resource rotate_credentials issue_credential",
    "create_ticket_task get_ticket bulk_create_tickets bulk_get_tickets list_ticket_schemas action_list_schemas",
    "action_get_schema action_invoke action_status list_event_feeds list_events unsupported",
  ].flatMap((line) => line.split(" ")),
);

const taskTarget: FuzzTarget = {
  name: "task",
  covers: [
    "src/wire/tasks.ts",
    "src/tasks/account-request.ts",
    "src/wire/finish.ts",
    "src/wire/status.ts",
    "protobuf/dist/esm/from-binary.js",
  ],
  seeds: [
    ...seedTasks.map((task) => toBinary(TaskSchema, create(TaskSchema, task))),
    Uint8Array.of(0x0a, 0xff),
    Uint8Array.of(0xe2, 0x07, 0),
  ],
  mutators: [mutateWire, mutateWire, mutateWire, mutateBytes],
  maxBytes: 64_000,
  cpuLimitMs: 1000,
  run(input) {
    const message = decode(TaskSchema, input);
    if (message === undefined) return "refused";
    const task = decodeTask(message);
    if (task === undefined) {
      assert.equal(message.taskType.case, "none", "only a NoneTask is no work");
      return "accepted";
    }
    assert.equal(task.id, message.id, "the id is kept");
    assert.equal(task.debug, message.debug);
    assert.ok(known.has(task.type), task.type);
    if (message.taskType.case === undefined) assert.equal(task.type, "unsupported", "what is not known gets an answer");
    if (task.type === "create_account" && task.input.accountInfo !== undefined) checkAccount(task.input.accountInfo);
    checkReport(task);
    return "accepted";
  },
};

function checkAccount(info: Parameters<typeof readNewAccount>[0]): void {
  const { error } = attempt(() => checkAccountInfo(info), ["invalid_argument"]);
  const { value } = attempt(() => readNewAccount(info), ["invalid_argument"]);
  if (value === undefined || error !== undefined) return;
  assert.ok(isEmailAddress(value.email) && value.email === value.email.trim(), "an address that C1 accepts");
  assert.notEqual(value.givenName, "");
  for (const name of [value.givenName, value.familyName]) {
    assert.ok(name.isWellFormed() && name.length <= 256, "names are texts of a bearable length");
    assert.doesNotMatch(name, /\p{Cc}/u, "names are one line");
  }
}

/** Whatever came, a report of it can be written and read again, within C1's limits. */
function checkReport(task: Task): void {
  const annotations = "annotations" in task.input ? task.input.annotations : [];
  const error = new StatusError(
    "unimplemented",
    `unsupported task type ${"name" in task.input ? task.input.name : ""}`,
  );
  const report = encodeFinish({ task, outcome: { ok: false, error, annotations } }, "host");
  const read = fromBinary(BatonServiceFinishTaskRequestSchema, toBinary(BatonServiceFinishTaskRequestSchema, report));
  assert.equal(read.taskId, task.id);
  assert.equal(read.status?.code, 12);
  assert.ok(read.finalState.case === "error" && read.finalState.value.annotations.length <= 16);
}

function decode<D extends DescMessage>(schema: D, input: Uint8Array) {
  return ifRight(() => fromBinary(schema, input));
}

/** `undefined` for bytes that are no such message; grpc-js reports what deserialising throws as INTERNAL, if it is an Error. */
function ifRight<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (reason) {
    assert.ok(reason instanceof Error);
    return undefined;
  }
}

const duration = (seconds: bigint, nanos = 0) => create(DurationSchema, { seconds, nanos });

/** As grpc-js reads them. */
const answers = {
  getTask: methodDefinition(BatonService.method.getTask),
  getTasks: methodDefinition(BatonService.method.getTasks),
  heartbeat: methodDefinition(BatonService.method.heartbeat),
  hello: methodDefinition(BatonService.method.hello),
};

const responseTarget: FuzzTarget = {
  name: "c1-response",
  covers: ["src/wire/duration.ts", "src/wire/tasks.ts", "src/wire/service.ts", "protobuf/dist/esm/from-binary.js"],
  seeds: [
    toBinary(
      BatonServiceGetTaskResponseSchema,
      create(BatonServiceGetTaskResponseSchema, {
        task: { id, taskType: { case: "hello", value: {} } },
        nextPoll: duration(30n, 5),
      }),
    ),
    toBinary(
      BatonServiceGetTasksResponseSchema,
      create(BatonServiceGetTasksResponseSchema, {
        tasks: [{ id }, { id }],
        nextPoll: duration(-1n),
        annotations: [any],
      }),
    ),
    toBinary(
      BatonServiceHeartbeatResponseSchema,
      create(BatonServiceHeartbeatResponseSchema, { nextHeartbeat: duration(2n ** 62n), cancelled: true }),
    ),
    Uint8Array.of(0x12, 0x0b, 0x08, 0xff),
  ],
  mutators: [mutateWire, mutateWire, mutateBytes],
  maxBytes: 64_000,
  cpuLimitMs: 1000,
  run(input) {
    const bytes = Buffer.from(input);
    const one = ifRight(() => answers.getTask.responseDeserialize(bytes));
    const many = ifRight(() => answers.getTasks.responseDeserialize(bytes));
    const beat = ifRight(() => answers.heartbeat.responseDeserialize(bytes));
    const hello = ifRight(() => answers.hello.responseDeserialize(bytes));
    for (const wait of [one?.nextPoll, many?.nextPoll, beat?.nextHeartbeat]) {
      const ms = durationMs(wait);
      assert.ok(ms === undefined || Number.isFinite(ms), `a wait of ${ms}`);
    }
    for (const task of [one?.task, ...(many?.tasks ?? [])]) if (task !== undefined) decodeTask(task);
    return [one, many, beat, hello].some((message) => message !== undefined) ? "accepted" : "refused";
  },
};

const sample = sampleSync([
  { id: "user_9fQ2", role: "owner" },
  { id: "user_b", role: "member", removed: true },
]);
const encoder = createRecordEncoder();
const blobs = [
  ...[...sample.users, ...sample.roles].map((row) => encoder.resource(row).slice()),
  ...sample.types.map((row) => encoder.resourceType(row).slice()),
  ...sample.entitlements.map((row) => encoder.entitlement(row).slice()),
  ...sample.grants.map((row) => encoder.grant(row).slice()),
];

const recordTarget: FuzzTarget = {
  name: "stored-record",
  covers: ["src/wire/stored-records.ts", "protobuf/dist/esm/from-binary.js", "protobuf/dist/esm/wkt/any.js"],
  seeds: [...blobs, Uint8Array.of(0x0a, 0x7f, 1)],
  mutators: [mutateWire, mutateWire, mutateBytes],
  maxBytes: 64_000,
  cpuLimitMs: 1000,
  run(input) {
    const decoders = [decodeStoredResource, decodeStoredResourceType, decodeStoredEntitlement, decodeStoredGrant];
    const rows: object[] = [];
    for (const read of decoders) {
      try {
        rows.push(read(input));
      } catch (reason) {
        assert.ok(reason instanceof Error);
      }
    }
    for (const value of rows.flatMap((row) => Object.values(row))) assert.equal(typeof value, "string");
    return rows.length > 0 ? "accepted" : "refused";
  },
};

export const wireTargets: readonly FuzzTarget[] = [taskTarget, responseTarget, recordTarget];
