import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { DeleteResourceResponseSchema } from "../../../src/wire/gen/c1/connector/v2/account_pb.ts";
import { ListEventFeedsResponseSchema } from "../../../src/wire/gen/c1/connector/v2/action_pb.ts";
import { SkipEntitlementsAndGrantsSchema } from "../../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import { type C1Server, newTaskId, startC1Server } from "../c1-server.ts";
import { createRawClient, type RawClient } from "./raw-client.ts";
import { finish, getTask, hello, host } from "./samples.ts";
import { schemas } from "./wire.ts";

const annotation = anyPack(SkipEntitlementsAndGrantsSchema, create(SkipEntitlementsAndGrantsSchema));

function encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array {
  return toBinary(schema, message);
}

const batch = (pageSize: number, knownTaskIds: string[] = []): Uint8Array =>
  encode(schemas.GetTasks.request, create(schemas.GetTasks.request, { hostId: host, pageSize, knownTaskIds }));
const beat = (taskId: string, taskIds: string[] = []): Uint8Array =>
  encode(schemas.Heartbeat.request, create(schemas.Heartbeat.request, { hostId: host, taskId, taskIds }));
const error = { case: "error", value: { nonRetryable: false } } as const;
const failed = (taskId: string, code: number, message: string): Uint8Array =>
  finish(taskId, { status: { code, message }, finalState: error });
const succeeded = (taskId: string, response?: Any): Uint8Array =>
  finish(taskId, { finalState: { case: "success", value: response === undefined ? {} : { response } } });

type Wrong = readonly [name: string, method: string, request: (c1: C1Server) => Uint8Array, expected: RegExp];
const event = (c1: C1Server): string => c1.lease({ taskType: { case: "listEventFeeds", value: {} } });
const sync = (c1: C1Server): string => c1.lease({ taskType: { case: "syncFull", value: {} } });

const wrongCalls: readonly Wrong[] = [
  ["a poll without host id", "GetTask", () => getTask(""), /host_id/],
  [
    "a poll with unknown fields",
    "GetTask",
    () => Buffer.concat([getTask(), Buffer.of(0xf8, 0x7c, 1)]),
    /unknown field 1999/,
  ],
  ["bytes that are no message", "GetTask", () => Buffer.of(0x0a, 0xff), /does not decode/],
  ["page size 0", "GetTasks", () => batch(0), /page_size/],
  ["page size 101", "GetTasks", () => batch(101), /page_size/],
  ["a known id that is none", "GetTasks", () => batch(1, ["x"]), /known_task_ids\[0\]/],
  ["a heartbeat without task", "Heartbeat", () => beat(""), /task_id/],
  [
    "a heartbeat for 101 tasks",
    "Heartbeat",
    (c1) => beat(sync(c1), Array.from({ length: 101 }, newTaskId)),
    /task_ids/,
  ],
  ["a heartbeat for a stranger's task", "Heartbeat", () => beat(newTaskId()), /never handed out/],
  ["a finish without state", "FinishTask", (c1) => finish(event(c1), {}), /final_state is not set/],
  ["an error without status", "FinishTask", (c1) => finish(event(c1), { finalState: error }), /status is not set/],
  ["an error with code 0", "FinishTask", (c1) => failed(event(c1), 0, "x"), /status.code/],
  ["an error with code 17", "FinishTask", (c1) => failed(event(c1), 17, "x"), /status.code/],
  ["an error without message", "FinishTask", (c1) => failed(event(c1), 3, ""), /status.message/],
  ["an error with a long message", "FinishTask", (c1) => failed(event(c1), 3, "x".repeat(2049)), /status.message/],
  ["an error of two lines", "FinishTask", (c1) => failed(event(c1), 3, "a\nb"), /not one line/],
  [
    "a success with a status",
    "FinishTask",
    (c1) => finish(event(c1), { status: { code: 3, message: "x" }, finalState: { case: "success", value: {} } }),
    /although the task succeeded/,
  ],
  [
    "17 annotations on an error",
    "FinishTask",
    (c1) =>
      finish(event(c1), {
        status: { code: 3, message: "x" },
        finalState: { case: "error", value: { annotations: Array(17).fill(annotation) } },
      }),
    /error.annotations/,
  ],
  ["success without the response", "FinishTask", (c1) => succeeded(event(c1)), /success.response/],
  [
    "success with another response",
    "FinishTask",
    (c1) => succeeded(event(c1), anyPack(DeleteResourceResponseSchema, create(DeleteResourceResponseSchema))),
    /success.response/,
  ],
  ["success of what nobody supports", "FinishTask", (c1) => succeeded(c1.lease({ unknownArm: 124 })), /of type unset/],
  ["a sync without upload", "FinishTask", (c1) => succeeded(sync(c1)), /uploaded nothing/],
];

async function greet(c1: C1Server): Promise<RawClient> {
  const client = createRawClient(c1);
  await client.login();
  await client.call("Hello", hello());
  return client;
}

suite("the fake C1 refuses", () => {
  for (const [name, method, request, expected] of wrongCalls) {
    test(name, async () => {
      await using c1 = await startC1Server();
      using client = await greet(c1);
      await assert.rejects(client.call(method, request(c1)));
      const found = c1.takeViolations().map(({ field, message }) => `${field} ${message}`);
      assert.match(found.join("; "), expected);
    });
  }

  test("no text of a failure where any is taken, and its code all the same", async () => {
    await using c1 = await startC1Server({ statusMessages: "any" });
    using client = await greet(c1);
    const id = event(c1);
    await client.call("FinishTask", failed(id, 3, "a\nb".repeat(2000)));
    assert.equal((await c1.awaitFinish(id)).code, 3);
    await assert.rejects(client.call("FinishTask", failed(event(c1), 17, "a\nb")));
    assert.match(c1.takeViolations()[0]?.field ?? "", /status.code/);
  });

  test("nothing about a right success", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    const id = event(c1);
    const response = anyPack(ListEventFeedsResponseSchema, create(ListEventFeedsResponseSchema));
    await client.call("FinishTask", succeeded(id, response));
    assert.equal(
      (await c1.awaitFinish(id)).response?.typeUrl,
      "type.googleapis.com/c1.connector.v2.ListEventFeedsResponse",
    );
  });
});
