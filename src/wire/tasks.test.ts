import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Task } from "../baton/task.ts";
import { TaskSchema } from "./gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { decodeTask } from "./tasks.ts";

const id = "2abcDEF3abcDEF4abcDEF5abcDE";
const annotations = [{ typeUrl: "type.googleapis.com/x.Y", value: Uint8Array.of(1, 2) }];
const roleResource = { id: { resourceType: "role", resource: "owner" } };
const userResource = { id: { resourceType: "user", resource: "u1" } };

/** Through bytes, as a task really comes. */
function decode(init: MessageInitShape<typeof TaskSchema>): Task | undefined {
  return decodeTask(fromBinary(TaskSchema, toBinary(TaskSchema, create(TaskSchema, init))));
}

type Arm = NonNullable<MessageInitShape<typeof TaskSchema>["taskType"]>;

suite("tasks off the wire", () => {
  const rows: readonly (readonly [string, Arm, string, object])[] = [
    ["hello", { case: "hello", value: {} }, "hello", {}],
    [
      "sync_full without options",
      { case: "syncFull", value: {} },
      "sync_full",
      {
        resourceTypeIds: [],
        skipGrants: false,
        skipEntitlementsAndGrants: false,
        targetedResources: 0,
        storageEngine: "",
      },
    ],
    [
      "sync_full with all of them",
      {
        case: "syncFull",
        value: {
          skipExpandGrants: true,
          skipGrants: true,
          skipEntitlementsAndGrants: true,
          syncResourceTypeIds: ["user", "role"],
          targetedSyncResources: [userResource, userResource],
          storageEngine: "pebble",
        },
      },
      "sync_full",
      {
        resourceTypeIds: ["user", "role"],
        skipGrants: true,
        skipEntitlementsAndGrants: true,
        targetedResources: 2,
        storageEngine: "pebble",
      },
    ],
    [
      "grant",
      { case: "grant", value: { entitlement: { resource: roleResource }, principal: userResource } },
      "grant",
      { resourceType: "role" },
    ],
    [
      "grant without principal",
      { case: "grant", value: { entitlement: { resource: roleResource } } },
      "grant",
      { resourceType: undefined },
    ],
    [
      "grant without entitlement",
      { case: "grant", value: { principal: userResource } },
      "grant",
      { resourceType: undefined },
    ],
    [
      "revoke",
      { case: "revoke", value: { grant: { entitlement: { resource: roleResource } } } },
      "revoke",
      { resourceType: "role" },
    ],
    ["revoke without grant", { case: "revoke", value: {} }, "revoke", { resourceType: undefined }],
    [
      "create_account",
      {
        case: "createAccount",
        value: {
          accountInfo: { login: "x", emails: [{ address: "a@b.c", isPrimary: true }], profile: { first_name: "A" } },
          credentialOptions: { options: { case: "noPassword", value: {} } },
          resourceTypeId: "user",
        },
      },
      "create_account",
      {
        accountInfo: { login: "x", emails: [{ address: "a@b.c", primary: true }], profile: { first_name: "A" } },
        credentials: "no_password",
        resourceTypeId: "user",
      },
    ],
    [
      "create_account with options that name no arm",
      { case: "createAccount", value: { accountInfo: {}, credentialOptions: {} } },
      "create_account",
      { accountInfo: { login: "", emails: [], profile: {} }, credentials: "empty", resourceTypeId: "" },
    ],
    [
      "create_account without account info",
      { case: "createAccount", value: {} },
      "create_account",
      { accountInfo: undefined, credentials: "absent", resourceTypeId: "" },
    ],
    [
      "create_resource",
      { case: "createResource", value: { resource: userResource } },
      "create_resource",
      { resourceType: "user" },
    ],
    [
      "create_resource without resource",
      { case: "createResource", value: {} },
      "create_resource",
      { resourceType: undefined },
    ],
    [
      "delete_resource",
      { case: "deleteResource", value: { resourceId: userResource.id } },
      "delete_resource",
      { resourceId: { resourceType: "user", resource: "u1" } },
    ],
    ["delete_resource without id", { case: "deleteResource", value: {} }, "delete_resource", { resourceId: undefined }],
    [
      "rotate_credentials",
      { case: "rotateCredentials", value: { resourceId: userResource.id } },
      "rotate_credentials",
      { resourceId: { resourceType: "user", resource: "u1" } },
    ],
    [
      "issue_credential",
      {
        case: "issueCredential",
        value: { identityId: userResource.id, credentialOptions: {}, encryptionConfigs: [{ keyId: "k" }] },
      },
      "issue_credential",
      { malformed: false },
    ],
    [
      "issue_credential without a key",
      { case: "issueCredential", value: { identityId: userResource.id, credentialOptions: {} } },
      "issue_credential",
      { malformed: true },
    ],
    [
      "create_ticket_task",
      { case: "createTicketTask", value: { ticketRequest: {}, annotations } },
      "create_ticket_task",
      { malformed: false, annotations },
    ],
    [
      "create_ticket_task without a request",
      { case: "createTicketTask", value: {} },
      "create_ticket_task",
      { malformed: true, annotations: [] },
    ],
    [
      "get_ticket",
      { case: "getTicket", value: { ticketId: "t", annotations } },
      "get_ticket",
      { malformed: false, annotations },
    ],
    ["get_ticket without an id", { case: "getTicket", value: {} }, "get_ticket", { malformed: true, annotations: [] }],
    [
      "bulk_create_tickets",
      { case: "bulkCreateTickets", value: { ticketRequests: [{}] } },
      "bulk_create_tickets",
      { malformed: false, annotations: [] },
    ],
    [
      "bulk_get_tickets, empty",
      { case: "bulkGetTickets", value: {} },
      "bulk_get_tickets",
      { malformed: true, annotations: [] },
    ],
    [
      "list_ticket_schemas",
      { case: "listTicketSchemas", value: { annotations } },
      "list_ticket_schemas",
      { malformed: false, annotations },
    ],
    [
      "action_list_schemas",
      { case: "actionListSchemas", value: { resourceTypeId: "user" } },
      "action_list_schemas",
      {},
    ],
    [
      "action_get_schema",
      { case: "actionGetSchema", value: { name: "disable" } },
      "action_get_schema",
      { name: "disable" },
    ],
    [
      "action_invoke",
      { case: "actionInvoke", value: { name: "disable", resourceTypeId: "user", args: { a: 1 } } },
      "action_invoke",
      { name: "disable", resourceTypeId: "user" },
    ],
    ["action_status", { case: "actionStatus", value: { name: "n", id: "i" } }, "action_status", { id: "i" }],
    ["list_event_feeds", { case: "listEventFeeds", value: {} }, "list_event_feeds", {}],
    ["list_events", { case: "listEvents", value: { eventFeedId: "f" } }, "list_events", { eventFeedId: "f" }],
    ["event_feed", { case: "eventFeed", value: {} }, "unsupported", { name: "event_feed" }],
    ["create_sync_diff", { case: "createSyncDiff", value: {} }, "unsupported", { name: "create_sync_diff" }],
    ["compact_syncs", { case: "compactSyncs", value: {} }, "unsupported", { name: "compact_syncs" }],
  ];
  for (const [what, taskType, type, input] of rows) {
    test(what, () => {
      assert.deepEqual(decode({ id, debug: true, taskType }), { id, debug: true, type, input });
    });
  }

  test("every arm of the message has a row above, except none", () => {
    const known = TaskSchema.oneofs.find(({ name }) => name === "task_type")?.fields.map(({ localName }) => localName);
    const tested = new Set(rows.map(([, arm]) => arm.case));
    assert.deepEqual(
      known?.filter((arm) => !tested.has(arm as Arm["case"])),
      ["none"],
    );
  });

  test("P7: a NoneTask is no work", () => {
    assert.equal(decode({ id, taskType: { case: "none", value: {} } }), undefined);
  });

  test("T1: without a type, and with one that is newer than we are", () => {
    assert.deepEqual(decode({ id }), { id, debug: false, type: "unsupported", input: { name: "unset" } });
    // Field 124, length-delimited, empty: as it comes on the wire.
    const bytes = Buffer.concat([toBinary(TaskSchema, create(TaskSchema, { id })), Buffer.of(0xe2, 0x07, 0x00)]);
    assert.deepEqual(decodeTask(fromBinary(TaskSchema, bytes))?.input, { name: "field 124" });
  });

  test("an empty id is passed on for the caller to drop", () => {
    assert.equal(decode({ taskType: { case: "hello", value: {} } })?.id, "");
  });
});
