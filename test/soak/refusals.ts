import type { TaskInit } from "../fakes/c1-server.ts";

/** A task that is refused whatever the state of things, or answered with nothing; with the code that C1 must get. */
export interface FixedAnswer {
  readonly name: string;
  readonly init: TaskInit;
  readonly code: number;
  /** C1 may try again after this error; after the others it must not. */
  readonly again?: true;
}

const [ok, invalidArgument, notFound, unimplemented] = [0, 3, 5, 12];
const userId = { resourceType: "user", resource: "user_1" };
const roleId = { resourceType: "role", resource: "owner" };
const entitlement = { id: "role:owner:assigned", resource: { id: roleId } };

const row = (name: string, code: number, taskType: NonNullable<TaskInit["taskType"]>): FixedAnswer => ({
  name,
  code,
  init: { taskType },
});

/** One task of every kind that changes nothing, with provisioning on. */
export const fixedAnswers: readonly FixedAnswer[] = [
  row("grant", unimplemented, { case: "grant", value: { entitlement, principal: { id: userId } } }),
  row("revoke", unimplemented, {
    case: "revoke",
    value: { grant: { id: "g", entitlement, principal: { id: userId } } },
  }),
  row("create_resource", unimplemented, { case: "createResource", value: { resource: { id: roleId } } }),
  row("rotate_credentials", unimplemented, { case: "rotateCredentials", value: { resourceId: userId } }),
  row("issue_credential", unimplemented, {
    case: "issueCredential",
    value: { identityId: userId, credentialOptions: {}, encryptionConfigs: [{}] },
  }),
  row("create_ticket_task", unimplemented, { case: "createTicketTask", value: { ticketRequest: {} } }),
  row("get_ticket", unimplemented, { case: "getTicket", value: { ticketId: "1" } }),
  row("bulk_create_tickets", unimplemented, { case: "bulkCreateTickets", value: { ticketRequests: [{}] } }),
  row("bulk_get_tickets", unimplemented, { case: "bulkGetTickets", value: { ticketRequests: [{}] } }),
  row("list_ticket_schemas", unimplemented, { case: "listTicketSchemas", value: {} }),
  row("action_list_schemas", ok, { case: "actionListSchemas", value: {} }),
  row("action_get_schema", notFound, { case: "actionGetSchema", value: { name: "x" } }),
  row("action_invoke", notFound, { case: "actionInvoke", value: { name: "x" } }),
  row("action_status", notFound, { case: "actionStatus", value: { name: "x", id: "7" } }),
  row("list_event_feeds", ok, { case: "listEventFeeds", value: {} }),
  row("list_events", notFound, { case: "listEvents", value: {} }),
  row("event_feed", unimplemented, { case: "eventFeed", value: {} }),
  row("create_sync_diff", unimplemented, { case: "createSyncDiff", value: {} }),
  row("compact_syncs", unimplemented, { case: "compactSyncs", value: {} }),
  { name: "unset", code: unimplemented, init: {} },
  { name: "unknown", code: unimplemented, init: { unknownArm: 124 } },
  row("malformed grant", invalidArgument, { case: "grant", value: { entitlement } }),
  row("malformed create_account", invalidArgument, { case: "createAccount", value: {} }),
  row("malformed delete_resource", invalidArgument, { case: "deleteResource", value: {} }),
  row("create_account for no address", invalidArgument, {
    case: "createAccount",
    value: { accountInfo: { emails: [{ address: "nobody", isPrimary: true }] } },
  }),
  row("delete_resource of a role", unimplemented, { case: "deleteResource", value: { resourceId: roleId } }),
  {
    ...row("sync_full of an unknown type", invalidArgument, {
      case: "syncFull",
      value: { syncResourceTypeIds: ["user", "planet"] },
    }),
    again: true,
  },
  row("sync_full of single resources", unimplemented, {
    case: "syncFull",
    value: { targetedSyncResources: [{ id: userId }] },
  }),
];
