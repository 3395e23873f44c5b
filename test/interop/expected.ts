import { randomUUID } from "node:crypto";

/** 27 letters and digits, as C1 makes them. */
export function newTaskId(): string {
  return randomUUID().replaceAll("-", "").slice(0, 27);
}

/** What the roster of daemon.ts becomes, in the order of the file: by type and id. */
export const roles = [
  { type: "role", id: "free-owner", displayName: "Free Owner" },
  { type: "role", id: "member", displayName: "Member" },
  { type: "role", id: "owner", displayName: "Owner" },
];

export const users = [
  { id: "email:eve@example.com", displayName: "Eve", login: "Eve@Example.com", role: "member" },
  { id: "user_9fQ2aLmZ0example", displayName: "Ada Byron", login: "ada@example.com", role: "owner" },
  { id: "user_b71kexample", displayName: "Bob", login: "Bob@Example.com", role: "member" },
  { id: "user_c0exampleold", displayName: "Cleo Old", login: "cleo@example.com", role: undefined },
  { id: "user_d4example", displayName: "Dóra Üç 🧸", login: "dora@example.com", role: "free-owner" },
];

export const grants = users
  .filter(({ role }) => role !== undefined)
  .map(({ id, role }) => ({
    id: `role:${role}:assigned:user:${id}`,
    entitlementId: `role:${role}:assigned`,
    resource: { type: "role", id: role },
    principal: { type: "user", id },
    annotationUrls: [],
  }))
  .sort((one, other) => (one.id < other.id ? -1 : 1));

export const counts = {
  resourceTypes: 2,
  resources: roles.length + users.length,
  entitlements: roles.length,
  grants: grants.length,
};

const owner = { resourceType: "role", resource: "owner" };
const ada = { resourceType: "user", resource: "user_9fQ2aLmZ0example" };
const entitlement = { id: "role:owner:assigned", resource: { id: owner } };
const grant = { id: "role:owner:assigned:user:user_9fQ2aLmZ0example", entitlement, principal: { id: ada } };
const echoed = { "@type": "type.googleapis.com/c1.connector.v2.ExternalTicketSettings", enabled: true };

const unimplemented = 12;
const notEnabled = 9;
const notFound = 5;

/** Every type of task that is not a sync, what it carries and how it must end with provisioning off. */
export const answers: readonly {
  readonly type: string;
  readonly payload?: object;
  readonly code: number;
  readonly annotations?: readonly object[];
  readonly response?: string;
}[] = [
  { type: "grant", payload: { entitlement, principal: { id: ada } }, code: notEnabled },
  { type: "revoke", payload: { grant }, code: notEnabled },
  { type: "create_account", payload: { accountInfo: { profile: { email: "new@example.com" } } }, code: notEnabled },
  { type: "create_resource", payload: { resource: { id: owner } }, code: notEnabled },
  { type: "delete_resource", payload: { resourceId: ada }, code: notEnabled },
  { type: "rotate_credentials", payload: { resourceId: ada }, code: notEnabled },
  {
    type: "issue_credential",
    payload: { identityId: ada, credentialOptions: {}, encryptionConfigs: [{}] },
    code: notEnabled,
  },
  { type: "event_feed", code: unimplemented },
  {
    type: "create_ticket_task",
    payload: { ticketRequest: {}, ticketSchema: {}, annotations: [echoed] },
    code: unimplemented,
    annotations: [echoed],
  },
  { type: "get_ticket", payload: { ticketId: "1", annotations: [echoed] }, code: unimplemented, annotations: [echoed] },
  {
    type: "bulk_create_tickets",
    payload: { ticketRequests: [{ ticketRequest: {}, ticketSchema: {} }] },
    code: unimplemented,
  },
  { type: "bulk_get_tickets", payload: { ticketRequests: [{ ticketId: "1" }] }, code: unimplemented },
  { type: "list_ticket_schemas", code: unimplemented },
  { type: "action_list_schemas", code: 0, response: "ListActionSchemasResponse" },
  { type: "action_get_schema", payload: { name: "x" }, code: notFound },
  { type: "action_invoke", payload: { name: "x" }, code: notFound },
  { type: "action_status", payload: { name: "x", id: "y" }, code: notFound },
  { type: "create_sync_diff", code: unimplemented },
  { type: "compact_syncs", code: unimplemented },
  { type: "list_event_feeds", code: 0, response: "ListEventFeedsResponse" },
  { type: "list_events", payload: { eventFeedId: "x" }, code: notFound },
];

/** The same as tasks to hand out, an id for each. */
export const refusals = answers.map((answer) => ({ ...answer, id: newTaskId() }));

const bob = { resourceType: "user", resource: "user_b71kexample" };
const forAccount = (email: string) => ({
  accountInfo: { profile: { email } },
  // What the SDK's own one-shot command sends for every connector.
  credentialOptions: { randomPassword: { length: "20" } },
});

/** Tasks that change accounts, with the answer to each: its type, and for new accounts the arm and the resource in it. */
export const accountTasks = [
  {
    id: newTaskId(),
    type: "create_account",
    payload: forAccount("new@example.com"),
    result: { type: "CreateAccountResponse", arm: "inProgress", resource: undefined },
  },
  {
    id: newTaskId(),
    type: "create_account",
    payload: forAccount("ada@example.com"),
    result: { type: "CreateAccountResponse", arm: "alreadyExists", resource: ada.resource },
  },
  {
    id: newTaskId(),
    type: "delete_resource",
    payload: { resourceId: bob },
    result: { type: "DeleteResourceResponse", arm: undefined, resource: undefined },
  },
];

/** Named by the protocol but not declared by us: what others answer to tasks that we refuse. */
export const undeclared = [
  "CreateResourceResponse",
  "ExternalTicketSettings",
  "GetActionSchemaResponse",
  "GetActionStatusResponse",
  "GrantManagerServiceGrantResponse",
  "GrantManagerServiceRevokeResponse",
  "InvokeActionResponse",
  "IssueCredentialResponse",
  "ListEventsResponse",
  "RotateCredentialResponse",
  "TicketsServiceBulkCreateTicketsResponse",
  "TicketsServiceBulkGetTicketsResponse",
  "TicketsServiceCreateTicketResponse",
  "TicketsServiceGetTicketResponse",
  "TicketsServiceListTicketSchemasResponse",
].map((name) => `c1.connector.v2.${name}`);

/** Payloads of refused tasks that we declare empty because we never look inside; they pass as unknown fields. */
export const opaque = ["CredentialIssueOptions", "TicketRequest", "TicketSchema"].map(
  (name) => `c1.connector.v2.${name}`,
);
