import type { Any } from "@bufbuild/protobuf/wkt";
import type { AccountInfo, CredentialChoice } from "../baton/account.ts";
import type { ResourceId } from "../baton/resource.ts";
import type { OpaqueAny, SyncFullOptions, Task, TaskType, TaskTypes } from "../baton/task.ts";
import type { AccountInfo as AccountInfoMessage, CredentialOptions } from "./gen/c1/connector/v2/account_pb.ts";
import type { Resource, ResourceId as ResourceIdMessage } from "./gen/c1/connector/v2/resource_pb.ts";
import type {
  Task_CreateTicketTask,
  Task_GetTicketTask,
  Task_IssueCredentialTask,
  Task_SyncFullTask,
  Task as TaskMessage,
} from "./gen/c1/connectorapi/baton/v1/baton_pb.ts";

/** What sort of task it is and what its handler gets. */
type Work = { [P in TaskType]: { readonly type: P; readonly input: TaskTypes[P]["input"] } }[TaskType];

type TaskArm = TaskMessage["taskType"];
/** Arms that are about resources, accounts and credentials. */
type ResourceArm = Extract<
  TaskArm,
  {
    case:
      | "syncFull"
      | "grant"
      | "revoke"
      | "createAccount"
      | "createResource"
      | "deleteResource"
      | "rotateCredentials"
      | "issueCredential";
  }
>;
/** Arms that are about tickets. */
type TicketArm = Extract<
  TaskArm,
  { case: "createTicketTask" | "getTicket" | "bulkCreateTickets" | "bulkGetTickets" | "listTicketSchemas" }
>;

/**
 * A task in our words, or `undefined` for a NoneTask, which says that there is no work. An arm that we do not know, or
 * none at all, becomes `unsupported`, so that C1 gets an answer. The id is passed on as it came, even when it is empty.
 */
export function decodeTask(message: TaskMessage): Task | undefined {
  const work = decodeArm(message);
  return work === undefined ? undefined : { id: message.id, debug: message.debug, ...work };
}

function decodeArm(message: TaskMessage): Work | undefined {
  const arm = message.taskType;
  switch (arm.case) {
    case "none":
      return undefined;
    case "hello":
      return { type: "hello", input: {} };
    case "createTicketTask":
    case "getTicket":
    case "bulkCreateTickets":
    case "bulkGetTickets":
    case "listTicketSchemas":
      return decodeTicketArm(arm);
    case "actionListSchemas":
      return { type: "action_list_schemas", input: {} };
    case "actionGetSchema":
      return { type: "action_get_schema", input: { name: arm.value.name } };
    case "actionInvoke": {
      const { name, resourceTypeId } = arm.value;
      return { type: "action_invoke", input: { name, resourceTypeId } };
    }
    case "actionStatus":
      return { type: "action_status", input: { id: arm.value.id } };
    case "listEventFeeds":
      return { type: "list_event_feeds", input: {} };
    case "listEvents":
      return { type: "list_events", input: { eventFeedId: arm.value.eventFeedId } };
    case "eventFeed":
      return unsupported("event_feed");
    case "createSyncDiff":
      return unsupported("create_sync_diff");
    case "compactSyncs":
      return unsupported("compact_syncs");
    case undefined:
      return unsupported(unknownArm(message));
    default:
      return decodeResourceArm(arm);
  }
}

function decodeResourceArm(arm: ResourceArm): Work {
  switch (arm.case) {
    case "syncFull":
      return { type: "sync_full", input: syncOptions(arm.value) };
    case "grant": {
      const { entitlement, principal } = arm.value;
      return { type: "grant", input: { resourceType: principal && typeOf(entitlement?.resource) } };
    }
    case "revoke":
      return { type: "revoke", input: { resourceType: typeOf(arm.value.grant?.entitlement?.resource) } };
    case "createAccount": {
      const { accountInfo, credentialOptions, resourceTypeId } = arm.value;
      const credentials = credentialChoice(credentialOptions);
      return {
        type: "create_account",
        input: { accountInfo: accountInfo && decodeAccountInfo(accountInfo), credentials, resourceTypeId },
      };
    }
    case "createResource":
      return { type: "create_resource", input: { resourceType: typeOf(arm.value.resource) } };
    case "deleteResource":
      return { type: "delete_resource", input: { resourceId: resourceId(arm.value.resourceId) } };
    case "rotateCredentials":
      return { type: "rotate_credentials", input: { resourceId: resourceId(arm.value.resourceId) } };
    case "issueCredential":
      return { type: "issue_credential", input: { malformed: lacksParts(arm.value) } };
  }
}

function decodeTicketArm(arm: TicketArm): Work {
  switch (arm.case) {
    case "createTicketTask":
      return { type: "create_ticket_task", input: ticket(isMalformedCreate(arm.value), arm.value.annotations) };
    case "getTicket":
      return { type: "get_ticket", input: ticket(isMalformedGet(arm.value), arm.value.annotations) };
    case "bulkCreateTickets":
      return { type: "bulk_create_tickets", input: ticket(arm.value.ticketRequests.length === 0, []) };
    case "bulkGetTickets":
      return { type: "bulk_get_tickets", input: ticket(arm.value.ticketRequests.length === 0, []) };
    case "listTicketSchemas":
      return { type: "list_ticket_schemas", input: ticket(false, arm.value.annotations) };
  }
}

function decodeAccountInfo({ emails, login, profile }: AccountInfoMessage): AccountInfo {
  return {
    emails: emails.map(({ address, isPrimary }) => ({ address, primary: isPrimary })),
    login,
    profile: profile ?? {},
  };
}

const credentialChoices = {
  randomPassword: "random_password",
  noPassword: "no_password",
  sso: "sso",
  encryptedPassword: "encrypted_password",
} as const satisfies Readonly<Record<string, CredentialChoice>>;

function credentialChoice(options: CredentialOptions | undefined): CredentialChoice {
  if (options === undefined) return "absent";
  const arm = options.options.case;
  return arm === undefined ? "empty" : credentialChoices[arm];
}

function syncOptions(task: Task_SyncFullTask): SyncFullOptions {
  return {
    resourceTypeIds: task.syncResourceTypeIds,
    skipGrants: task.skipGrants,
    skipEntitlementsAndGrants: task.skipEntitlementsAndGrants,
    targetedResources: task.targetedSyncResources.length,
    storageEngine: task.storageEngine,
  };
}

function typeOf(resource: Resource | undefined): string | undefined {
  return resource?.id?.resourceType;
}

function resourceId(id: ResourceIdMessage | undefined): ResourceId | undefined {
  return id === undefined ? undefined : { resourceType: id.resourceType, resource: id.resource };
}

function lacksParts(task: Task_IssueCredentialTask): boolean {
  return task.identityId === undefined || task.credentialOptions === undefined || task.encryptionConfigs.length === 0;
}

function isMalformedCreate(task: Task_CreateTicketTask): boolean {
  return task.ticketRequest === undefined;
}

function isMalformedGet(task: Task_GetTicketTask): boolean {
  return task.ticketId === "";
}

function ticket(malformed: boolean, annotations: readonly Any[]): TaskTypes["get_ticket"]["input"] {
  return { malformed, annotations: annotations.map(opaque) };
}

function opaque({ typeUrl, value }: Any): OpaqueAny {
  return { typeUrl, value };
}

function unsupported(name: string): Work {
  return { type: "unsupported", input: { name } };
}

/** Task types of a newer C1 arrive as unknown fields, numbered from 100 like the known ones. */
function unknownArm(message: TaskMessage): string {
  const newer = message.$unknown?.find(({ no }) => no >= 100);
  return newer === undefined ? "unset" : `field ${newer.no}`;
}
