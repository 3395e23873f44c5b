import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, isUnknownEnum, toBinary } from "@bufbuild/protobuf";
import { Task_StatusSchema } from "../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { createRawClient, type RawClient } from "./c1/raw-client.ts";
import { sampleC1z } from "./c1/sample-c1z.ts";
import { finish, finishError, getTask, heartbeat, hello, host, uploadStream } from "./c1/samples.ts";
import { schemas } from "./c1/wire.ts";
import { type C1Options, type C1Server, grpcCodes, newTaskId, startC1Server } from "./c1-server.ts";

const syncTask = { taskType: { case: "syncFull", value: {} } } as const;
const unknownStatus = 99;
const success = { finalState: { case: "success", value: {} } } as const;

/** A server and a client that has said Hello. */
async function greeted(options: C1Options = {}): Promise<{ c1: C1Server; client: RawClient } & AsyncDisposable> {
  const c1 = await startC1Server(options);
  const client = createRawClient(c1);
  await client.login();
  await client.call("Hello", hello());
  return {
    c1,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await c1[Symbol.asyncDispose]();
    },
  };
}

const poll = (client: RawClient, hostId = host) => client.callFor(schemas.GetTask.response, "GetTask", getTask(hostId));

const pollMany = (client: RawClient, pageSize: number, knownTaskIds: string[] = []) =>
  client.callFor(
    schemas.GetTasks.response,
    "GetTasks",
    toBinary(schemas.GetTasks.request, create(schemas.GetTasks.request, { hostId: host, pageSize, knownTaskIds })),
  );

suite("the fake C1 and its tasks", () => {
  test("takes a sync from poll to finish and tells the story", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const story: string[] = [];
    c1.onEvent((event) => story.push(event.type));
    const events = c1.events();
    const id = c1.enqueue(syncTask);
    assert.match(id, /^[0-9A-Za-z]{27}$/);
    const finished = c1.awaitFinish(id);
    const { task, nextPoll } = await poll(client);
    assert.deepEqual([task?.id, task?.taskType.case], [id, "syncFull"]);
    assert.deepEqual([nextPoll?.seconds, nextPoll?.nanos], [0n, 50_000_000]);
    assert.deepEqual(c1.inFlight, { now: 1, max: 1 });
    await client.call("Heartbeat", heartbeat(id));
    await client.upload(uploadStream(id, sampleC1z()));
    await client.call("FinishTask", finish(id, success));
    const end = await finished;
    assert.deepEqual([end.ok, end.code, end.attempts, end.response], [true, 0, 1, undefined]);
    assert.deepEqual(c1.inFlight, { now: 0, max: 1 });
    const { contents, ...upload } = await c1.awaitUpload(id);
    assert.deepEqual([upload.kind, upload.code], ["c1z", 0]);
    assert.deepEqual(
      [contents?.users, contents?.usersDisabled, contents?.roles, contents?.entitlements, contents?.grants],
      [2, 1, 1, 1, 1],
    );
    assert.deepEqual(story, ["poll", "heartbeat", "upload-started", "upload-progress", "upload-finished", "finish"]);
    assert.equal((await events.next()).value?.type, "poll");
    assert.equal((await poll(client)).task, undefined);
  });

  test("hands each task out once, to one host", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    await client.call("Hello", hello({ hostId: "host-b" }));
    const ids = [c1.enqueue(syncTask), c1.enqueue(syncTask)];
    const polled = [await poll(client), await poll(client, "host-b"), await poll(client)];
    assert.deepEqual(
      polled.map(({ task }) => task?.id),
      [...ids, undefined],
    );
    await assert.rejects(client.call("Heartbeat", heartbeat(ids[0]!, "host-b")), {
      code: grpcCodes.FAILED_PRECONDITION,
    });
    assert.match(c1.takeViolations()[0]?.message ?? "", /does not have the task/);
  });

  test("a batch respects page size and known ids", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const ids = Array.from({ length: 4 }, () => c1.enqueue({ taskType: { case: "listEventFeeds", value: {} } }));
    const [first, second, third, fourth] = ids;
    const batch = await pollMany(client, 2, [first!]);
    assert.deepEqual(
      batch.tasks.map(({ id }) => id),
      [second, third],
    );
    c1.requeue(second!);
    const again = await pollMany(client, 100);
    assert.deepEqual(
      again.tasks.map(({ id }) => id),
      [first, fourth, second],
    );
    assert.equal(c1.task(second!).leases, 2);
    assert.equal(c1.inFlight.now, 4);
    assert.deepEqual(c1.calls("GetTasks")[0]?.request?.knownTaskIds, [first]);
  });

  test("an error puts the task back only when told to", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.enqueue(syncTask, { requeueOnError: 1 });
    for (const state of ["queued", "finished"]) {
      assert.equal((await poll(client)).task?.id, id);
      await client.call("FinishTask", finishError(id));
      assert.equal(c1.task(id).state, state);
    }
    const last = await c1.awaitFinish(id);
    assert.deepEqual([last.ok, last.code, last.message, last.nonRetryable], [false, 14, "later", false]);
    assert.equal(c1.task(id).finishes.length, 2);
    const final = c1.enqueue(syncTask, { requeueOnError: 1 });
    await poll(client);
    await client.call("FinishTask", finishError(final, true));
    assert.equal(c1.task(final).state, "finished");
  });

  test("a lost finish may be repeated, an answered one not", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.lease(syncTask);
    c1.script("FinishTask", [{ error: grpcCodes.UNAVAILABLE }, { dropResponse: true }]);
    await assert.rejects(client.call("FinishTask", finishError(id)), { code: grpcCodes.UNAVAILABLE });
    await assert.rejects(client.call("FinishTask", finishError(id)), { code: grpcCodes.UNAVAILABLE });
    assert.equal((await c1.awaitFinish(id)).attempts, 2);
    await assert.rejects(client.call("FinishTask", finishError(id)), { code: grpcCodes.NOT_FOUND });
    assert.deepEqual(c1.violations, []);
    const other = c1.lease(syncTask);
    await client.call("FinishTask", finishError(other));
    await assert.rejects(client.call("FinishTask", finishError(other)), { code: grpcCodes.NOT_FOUND });
    assert.match(c1.takeViolations()[0]?.message ?? "", /finished before/);
  });

  test("a hello task ends with Hello and is never finished", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.enqueue({ taskType: { case: "hello", value: {} } });
    await poll(client);
    await assert.rejects(client.call("FinishTask", finishError(id)), { code: grpcCodes.INVALID_ARGUMENT });
    assert.match(c1.takeViolations()[0]?.message ?? "", /never finished/);
    const answered = c1.awaitHello(id);
    await client.call("Hello", hello({ taskId: id }));
    assert.equal((await answered).request?.taskId, id);
    assert.equal(c1.inFlight.now, 0);
    await assert.rejects(client.call("Hello", hello({ taskId: newTaskId() })), { code: grpcCodes.NOT_FOUND });
    assert.match(c1.takeViolations()[0]?.message ?? "", /never handed out/);
  });

  test("a cancel reaches the next heartbeat, by flag or by list", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.lease(syncTask, { cancelFromBeat: 2 });
    const listed = c1.lease(syncTask, { cancelByList: true });
    const beat = (taskId: string) => client.callFor(schemas.Heartbeat.response, "Heartbeat", heartbeat(taskId));
    assert.equal((await beat(id)).cancelled, false);
    assert.equal((await beat(id)).cancelled, true);
    assert.deepEqual((await beat(listed)).cancelledTaskIds, []);
    c1.cancel(listed);
    assert.deepEqual((await beat(listed)).cancelledTaskIds, [listed]);
    assert.equal(c1.task(id).beats, 2);
  });

  test("waits end with what they waited for", async () => {
    await using both = await greeted();
    await assert.rejects(both.c1.awaitCall("Heartbeat", 1, 20), /no call 1 of Heartbeat within 20 ms/);
    assert.throws(() => both.c1.task("nobody"), /was ever enqueued/);
  });
});

suite("the fake C1's scripted answers", () => {
  test("durations travel exactly, also absent, negative and nanoseconds", async () => {
    await using both = await greeted({ nextPollMs: null, nextHeartbeatMs: null });
    const { c1, client } = both;
    c1.script("GetTask", [
      { nextPollMs: 2500 },
      { nextPollMs: -1500 },
      { nextPoll: { seconds: 0n, nanos: 7 } },
      { nextPollMs: 0, times: 2 },
    ]);
    const seen: unknown[] = [];
    for (let n = 0; n < 6; n += 1) {
      const { nextPoll } = await poll(client);
      seen.push(nextPoll === undefined ? undefined : [Number(nextPoll.seconds), nextPoll.nanos]);
    }
    assert.deepEqual(seen, [[2, 500_000_000], [-1, -500_000_000], [0, 7], [0, 0], [0, 0], undefined]);
    const id = c1.lease(syncTask);
    c1.script("Heartbeat", [{ nextHeartbeatMs: 100, cancelled: true }]);
    const beat = await client.callFor(schemas.Heartbeat.response, "Heartbeat", heartbeat(id));
    assert.deepEqual([beat.nextHeartbeat?.nanos, beat.cancelled], [100_000_000, true]);
  });

  test("an error leaves the queue alone; unscript ends it", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.enqueue(syncTask);
    c1.script("GetTask", [{ error: grpcCodes.RESOURCE_EXHAUSTED, message: "slow down, 100 % ü" }]);
    c1.script("GetTask", [{ error: grpcCodes.INTERNAL, times: Number.POSITIVE_INFINITY }]);
    await assert.rejects(poll(client), { code: grpcCodes.RESOURCE_EXHAUSTED, details: "slow down, 100 % ü" });
    for (let n = 0; n < 3; n += 1) await assert.rejects(poll(client), { code: grpcCodes.INTERNAL });
    c1.unscript("GetTask");
    c1.script("GetTask", [{ noTask: true }]);
    assert.equal((await poll(client)).task, undefined);
    assert.equal((await poll(client)).task?.id, id);
    assert.deepEqual(
      c1.calls("GetTask").map(({ code }) => code),
      [8, 13, 13, 13, 0, 0],
    );
  });

  test("hangs until the client's deadline, which is recorded", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    c1.script("GetTask", [{ hang: true }]);
    await assert.rejects(client.call("GetTask", getTask(), { deadline: Date.now() + 300 }), {
      code: grpcCodes.DEADLINE_EXCEEDED,
    });
    const call = await c1.until(() => c1.calls("GetTask").find(({ endedMs }) => endedMs !== undefined));
    assert.ok((call.timeoutMs ?? 0) > 0 && (call.timeoutMs ?? 0) <= 300, String(call.timeoutMs));
    assert.equal(call.code, undefined);
  });

  test("breaks the connection before or after the work", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const id = c1.enqueue(syncTask);
    c1.script("GetTask", [{ dropConnection: true }, { dropResponse: true }]);
    await assert.rejects(poll(client), { code: grpcCodes.UNAVAILABLE });
    assert.equal(c1.task(id).state, "queued");
    await assert.rejects(poll(client), { code: grpcCodes.UNAVAILABLE });
    assert.equal(c1.task(id).state, "leased");
    c1.requeue(id);
    assert.equal((await poll(client)).task?.id, id);
    assert.equal(new Set(c1.calls("GetTask").map(({ connection }) => connection)).size, 3);
  });

  test("answers what no client can take, or knows", async () => {
    await using both = await greeted();
    const { c1, client } = both;
    const unknownArm = c1.enqueue({ unknownArm: 124 });
    c1.enqueue({});
    c1.enqueue({ id: "", ...syncTask });
    c1.script("GetTask", [
      { noTask: true, padBytes: 5 * 1024 * 1024 },
      {
        unknownFields: true,
        change: ({ task }) => {
          if (task !== undefined && isUnknownEnum(Task_StatusSchema, unknownStatus)) task.status = unknownStatus;
        },
      },
    ]);
    await assert.rejects(poll(client), { code: grpcCodes.RESOURCE_EXHAUSTED });
    const strange = await poll(client);
    assert.deepEqual([strange.task?.id, strange.task?.status], [unknownArm, unknownStatus]);
    assert.equal(strange.$unknown?.[0]?.no, 1999);
    assert.deepEqual(
      strange.task?.$unknown?.map(({ no }) => no),
      [124],
    );
    assert.equal((await poll(client)).task?.taskType.case, undefined);
    assert.equal((await poll(client)).task?.id, "");
    assert.equal(c1.inFlight.now, 2);
    await client.call("FinishTask", finishError(unknownArm, true));
  });
});

suite("the fake C1's judgement", () => {
  test("disposal throws what nobody expected", async () => {
    const c1 = await startC1Server();
    const client = createRawClient(c1);
    await assert.rejects(client.call("StartDebugging", new Uint8Array()), { code: grpcCodes.UNIMPLEMENTED });
    client[Symbol.dispose]();
    await assert.rejects(c1[Symbol.asyncDispose](), /C1 refuses:\n {2}connection: \/c1\.connectorapi.*StartDebugging/);
  });

  test("nothing goes before Hello, whose failure does not count", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    await client.login();
    c1.script("Hello", [{ error: grpcCodes.UNAVAILABLE }]);
    await assert.rejects(client.call("Hello", hello()), { code: grpcCodes.UNAVAILABLE });
    await assert.rejects(poll(client), { code: grpcCodes.FAILED_PRECONDITION });
    assert.match(c1.takeViolations()[0]?.message ?? "", /has not said Hello/);
    await client.call("Hello", hello());
    await poll(client);
    await assert.rejects(poll(client, "host-b"), { code: grpcCodes.FAILED_PRECONDITION });
    assert.equal(c1.takeViolations().length, 1);
  });
});
