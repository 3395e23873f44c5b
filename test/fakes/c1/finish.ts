import type { BatonServiceFinishTaskRequest } from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import type { TaskEntry } from "./queue.ts";
import type { Fault } from "./rule-kit.ts";
import type { Finish } from "./types.ts";

const typePrefix = "type.googleapis.com/c1.connector.v2.";

/** The response message that a success has to carry, by task type; "" for none. Types that are not here can't succeed. */
const successResponses: ReadonlyMap<string, string> = new Map([
  ["syncFull", ""],
  ["grant", "GrantManagerServiceGrantResponse"],
  ["revoke", "GrantManagerServiceRevokeResponse"],
  ["createAccount", "CreateAccountResponse"],
  ["createResource", "CreateResourceResponse"],
  ["deleteResource", "DeleteResourceResponse"],
  ["rotateCredentials", "RotateCredentialResponse"],
  ["issueCredential", "IssueCredentialResponse"],
  ["createTicketTask", "TicketsServiceCreateTicketResponse"],
  ["getTicket", "TicketsServiceGetTicketResponse"],
  ["bulkCreateTickets", "TicketsServiceBulkCreateTicketsResponse"],
  ["bulkGetTickets", "TicketsServiceBulkGetTicketsResponse"],
  ["listTicketSchemas", "TicketsServiceListTicketSchemasResponse"],
  ["actionListSchemas", "ListActionSchemasResponse"],
  ["actionGetSchema", "GetActionSchemaResponse"],
  ["actionInvoke", "InvokeActionResponse"],
  ["actionStatus", "GetActionStatusResponse"],
  ["listEventFeeds", "ListEventFeedsResponse"],
  ["listEvents", "ListEventsResponse"],
]);

/** What does not fit between a task and its result. */
export function finishFaults(entry: TaskEntry, { finalState }: BatonServiceFinishTaskRequest): Fault[] {
  if (entry.type === "hello") return [["task_id", "belongs to a hello task, which is never finished"]];
  if (finalState.case !== "success") return [];
  const wanted = successResponses.get(entry.type);
  if (wanted === undefined) return [["final_state", `says success of a task of type ${entry.type}`]];
  const url = finalState.value.response?.typeUrl ?? "";
  const faults: Fault[] = [];
  if (url !== (wanted === "" ? "" : typePrefix + wanted)) {
    faults.push(["success.response", `is "${url}" for ${entry.type}`]);
  }
  if (entry.type === "syncFull" && entry.uploads === 0) {
    faults.push(["final_state", "says success of a sync that has uploaded nothing"]);
  }
  return faults;
}

/** The result as the test sees it. */
export function readFinish(entry: TaskEntry, request: BatonServiceFinishTaskRequest): Finish {
  const { status } = request;
  const final = request.finalState;
  const earlier = entry.finishes.reduce((sum, { attempts }) => sum + attempts, 0);
  return {
    taskId: entry.id,
    atMs: performance.now(),
    ok: final.case === "success",
    code: status?.code ?? 0,
    message: status?.message ?? "",
    details: status?.details ?? [],
    nonRetryable: final.case === "error" && final.value.nonRetryable,
    annotations: final.value?.annotations ?? [],
    response: final.value?.response,
    attempts: entry.finishAttempts - earlier,
  };
}
