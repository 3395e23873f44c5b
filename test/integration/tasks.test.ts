import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Any } from "@bufbuild/protobuf/wkt";
import { grpcCodes, type TaskInit } from "../fakes/c1-server.ts";
import { type Scene, setScene, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };
const listTask = { taskType: { case: "actionListSchemas", value: {} } } as const;

const userId = { resourceType: "user", resource: "user_1" };
const roleId = { resourceType: "role", resource: "owner" };
const entitlement = { id: "role:owner:assigned", resource: { id: roleId } };
const annotation: Any = {
  $typeName: "google.protobuf.Any",
  typeUrl: "type.googleapis.com/c1.connector.v2.ExternalTicketSettings",
  value: Uint8Array.of(8, 1),
};

interface Row {
  readonly name: string;
  readonly task: NonNullable<TaskInit["taskType"]>;
  /** Code with provisioning off, and with it on where that differs. */
  readonly off: readonly [number, RegExp];
  readonly on?: readonly [number, RegExp];
}

const disabled = [9, /^provisioning is not enabled$/] as const;
const ticketing = [12, /^ticketing is not enabled$/] as const;

/** Every task type that is refused, as the protocol's table has it. */
const rows: readonly Row[] = [
  {
    name: "grant",
    task: { case: "grant", value: { entitlement, principal: { id: userId } } },
    off: disabled,
    on: [12, /^resource type role does not have provisioner configured$/],
  },
  {
    name: "grant without principal",
    task: { case: "grant", value: { entitlement } },
    off: [3, /malformed grant task/],
  },
  {
    name: "revoke",
    task: { case: "revoke", value: { grant: { id: "g", entitlement, principal: { id: userId } } } },
    off: disabled,
    on: [12, /^resource type role does not have provisioner configured$/],
  },
  { name: "revoke without grant", task: { case: "revoke", value: {} }, off: [3, /invalid task type/] },
  {
    name: "create_account",
    task: { case: "createAccount", value: { accountInfo: { login: "a@example.com" } } },
    off: disabled,
    on: [12, /^connector does not have account manager configured$/],
  },
  {
    name: "create_account without info",
    task: { case: "createAccount", value: {} },
    off: [3, /malformed create account/],
  },
  {
    name: "create_resource",
    task: { case: "createResource", value: { resource: { id: roleId } } },
    off: disabled,
    on: [12, /^resource type role does not have resource Create\(\) configured$/],
  },
  {
    name: "delete_resource",
    task: { case: "deleteResource", value: { resourceId: userId } },
    off: disabled,
    on: [12, /^resource type user does not have resource Delete\(\) configured$/],
  },
  {
    name: "delete_resource without id",
    task: { case: "deleteResource", value: {} },
    off: [3, /malformed delete resource/],
  },
  {
    name: "rotate_credentials",
    task: { case: "rotateCredentials", value: { resourceId: userId } },
    off: disabled,
    on: [12, /^resource type does not have credential manager configured$/],
  },
  {
    name: "issue_credential",
    task: { case: "issueCredential", value: { identityId: userId, credentialOptions: {}, encryptionConfigs: [{}] } },
    off: disabled,
    on: [12, /^resource type does not have credential issuer configured$/],
  },
  { name: "create_ticket_task", task: { case: "createTicketTask", value: { ticketRequest: {} } }, off: ticketing },
  { name: "get_ticket", task: { case: "getTicket", value: { ticketId: "1" } }, off: ticketing },
  { name: "bulk_create_tickets", task: { case: "bulkCreateTickets", value: { ticketRequests: [{}] } }, off: ticketing },
  { name: "bulk_get_tickets", task: { case: "bulkGetTickets", value: { ticketRequests: [{}] } }, off: ticketing },
  { name: "list_ticket_schemas", task: { case: "listTicketSchemas", value: {} }, off: ticketing },
  {
    name: "action_get_schema",
    task: { case: "actionGetSchema", value: { name: "x" } },
    off: [5, /action x not found/],
  },
  {
    name: "action_get_schema without name",
    task: { case: "actionGetSchema", value: {} },
    off: [3, /action name required/],
  },
  {
    name: "action_invoke",
    task: { case: "actionInvoke", value: { name: "x" } },
    off: [5, /handler for action x not found/],
  },
  {
    name: "action_status",
    task: { case: "actionStatus", value: { name: "x", id: "7" } },
    off: [5, /action id 7 not found/],
  },
  {
    name: "list_events",
    task: { case: "listEvents", value: {} },
    off: [5, /event feed id baton_feed_event not found/],
  },
];

suite("tasks", { concurrency: 3 }, () => {
  const unsupported: readonly (readonly [string, TaskInit])[] = [
    ["an arm that nobody knows (124)", { unknownArm: 124 }],
    ["no type at all", {}],
    ["event_feed (109)", { taskType: { case: "eventFeed", value: {} } }],
    ["create_sync_diff (119)", { taskType: { case: "createSyncDiff", value: {} } }],
    ["compact_syncs (120)", { taskType: { case: "compactSyncs", value: {} } }],
  ];
  test("T1 unsupported types end with one report: 12, final", limit, async () => {
    await using scene = await setScene();
    for (const [name, task] of unsupported) {
      const taskId = scene.c1.enqueue(task);
      const finish = await scene.c1.awaitFinish(taskId);
      assert.deepEqual([finish.code, finish.nonRetryable, finish.attempts], [12, true, 1], name);
      assert.match(finish.message, /unsupported task type/, name);
    }
  });

  for (const provisioning of [false, true]) {
    test(
      `T2 every refused type with provisioning ${provisioning ? "on" : "off"}: exact code and text, final`,
      limit,
      async () => {
        await using scene = await setScene({ env: { BATON_PROVISIONING: String(provisioning) } });
        const ids = rows.map(({ task }) => scene.c1.enqueue({ taskType: task }));
        for (const [at, row] of rows.entries()) {
          const [code, text] = (provisioning ? row.on : undefined) ?? row.off;
          const finish = await scene.c1.awaitFinish(ids[at] ?? "");
          assert.deepEqual(
            [finish.ok, finish.code, finish.nonRetryable],
            [false, code, true],
            `${row.name}: ${finish.message}`,
          );
          assert.match(finish.message, text, row.name);
        }
      },
    );
  }

  test("T2 action_list_schemas and list_event_feeds succeed with an empty answer", limit, async () => {
    await using scene = await setScene();
    for (const [task, answer] of [
      ["actionListSchemas", "ListActionSchemasResponse"],
      ["listEventFeeds", "ListEventFeedsResponse"],
    ] as const) {
      const finish = await scene.c1.awaitFinish(scene.c1.enqueue({ taskType: { case: task, value: {} } }));
      assert.equal(finish.ok, true);
      assert.equal(finish.response?.typeUrl, `type.googleapis.com/c1.connector.v2.${answer}`);
      assert.equal(finish.response?.value.length, 0);
    }
  });

  test("T3 the same id twice while running: the second is ignored", limit, async () => {
    await using scene = await setScene({ before: (_c1, cursor) => cursor.script({ delayMs: 300 }) });
    const { c1, cursor } = scene;
    const taskId = c1.enqueue(syncTask);
    await c1.until(() => c1.task(taskId).beats >= 1, undefined, "the task to run");
    c1.requeue(taskId);
    assert.equal((await c1.awaitFinish(taskId)).ok, true);
    const polls = c1.calls("GetTask").length;
    await c1.awaitCall("GetTask", polls + 2);
    assert.deepEqual([cursor.requests.length, c1.task(taskId).finishAttempts], [1, 1]);
  });

  test("T3 the same id after an acknowledged report is worked on again", limit, async () => {
    await using scene = await setScene();
    const { c1, cursor } = scene;
    const taskId = c1.enqueue(syncTask);
    await c1.awaitFinish(taskId);
    c1.requeue(taskId);
    await c1.until(() => c1.task(taskId).finishes.length === 2, undefined, "the second result");
    assert.equal(cursor.requests.length, 2);
  });

  test("T3 the same id after a report that never arrived: the stored result, no second execution", limit, async () => {
    await using scene = await setScene({ factor: 2000 });
    const { c1, cursor } = scene;
    c1.script("FinishTask", [{ error: grpcCodes.UNAVAILABLE, times: 5 }]);
    const taskId = c1.enqueue(syncTask);
    await c1.awaitCall("FinishTask", 5);
    await c1.until(
      () => scene.daemon.logLines.some((line) => line.includes("could not be reported")),
      undefined,
      "giving up",
    );
    c1.requeue(taskId);
    assert.equal((await c1.awaitFinish(taskId)).ok, true);
    assert.deepEqual([cursor.requests.length, c1.uploads.length], [1, 1]);
  });

  test("T5 two syncs at once run one after the other, both are finished", limit, async () => {
    await using scene = await setScene();
    const { c1 } = scene;
    const ids = [c1.enqueue(syncTask), c1.enqueue(syncTask)];
    for (const id of ids) assert.equal((await c1.awaitFinish(id)).ok, true);
    const [first, second] = c1.uploads;
    assert.ok((second?.atMs ?? 0) >= (first?.endedMs ?? Number.POSITIVE_INFINITY));
  });

  test("T6 an upstream that hangs ends with 4 and frees the slot", limit, async () => {
    await using scene = await setScene({
      factor: 10_000,
      env: { BATON_HTTP_TIMEOUT_SECONDS: "1", BATON_TASK_CONCURRENCY: "1" },
      before: (_c1, cursor) => cursor.script({ hang: true, times: 5 }),
    });
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask), 20_000);
    assert.deepEqual([finish.code, finish.nonRetryable], [4, false]);
    assert.equal((await scene.c1.awaitFinish(scene.c1.enqueue(syncTask))).ok, true);
  });

  test("T9 FinishTask UNAVAILABLE twice, then OK: repeated until it is there", limit, async () => {
    await using scene = await setScene({ factor: 1000 });
    scene.c1.script("FinishTask", [{ error: grpcCodes.UNAVAILABLE, times: 2 }]);
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(listTask));
    assert.deepEqual([finish.ok, finish.attempts], [true, 3]);
  });

  test("T9 the answer is lost and then NOT_FOUND: settled, nothing more is sent", limit, async () => {
    await using scene = await setScene({ factor: 1000 });
    const { c1 } = scene;
    c1.script("FinishTask", [{ dropResponse: true }, { error: grpcCodes.NOT_FOUND, times: 5 }]);
    await c1.awaitFinish(c1.enqueue(listTask));
    await c1.awaitCall("FinishTask", 2);
    await moreWork(scene);
    assert.equal(c1.calls("FinishTask").length, 2);
  });

  test("T9 INVALID_ARGUMENT is logged and not repeated", limit, async () => {
    await using scene = await setScene({ factor: 1000 });
    const { c1, daemon } = scene;
    c1.script("FinishTask", [{ error: grpcCodes.INVALID_ARGUMENT }]);
    c1.enqueue(listTask);
    await c1.awaitCall("FinishTask");
    await moreWork(scene);
    assert.equal(c1.calls("FinishTask").length, 1);
    assert.ok(
      daemon.logLines.some((line) => line.includes("could not be reported") && line.includes("invalid_argument")),
    );
  });

  test("T10 more than 16 annotations to echo: the first 16", limit, async () => {
    await using scene = await setScene();
    const annotations = Array.from({ length: 20 }, () => annotation);
    const task = { taskType: { case: "getTicket", value: { ticketId: "1", annotations } } } as const;
    const finish = await scene.c1.awaitFinish(scene.c1.enqueue(task));
    assert.equal(finish.code, 12);
    assert.equal(finish.annotations.length, 16);
    assert.deepEqual([...(finish.annotations[0]?.value ?? [])], [...annotation.value]);
  });
});

/** Resolves after two more polls: whatever was going to be sent has been sent. */
async function moreWork({ c1 }: Scene): Promise<void> {
  await c1.awaitCall("GetTask", c1.calls("GetTask").length + 2);
}
