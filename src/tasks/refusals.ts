import { StatusError } from "../baton/status-error.ts";
import type { TaskHandlers } from "../baton/task.ts";

/** What is answered without doing anything: all that this connector has no use for. */
export type Refusals = Omit<TaskHandlers, "hello" | "sync_full" | "create_account" | "delete_resource">;

/** A task's id and names come from C1, but an error must stay one short line whatever they hold. */
const longestName = 200;

/**
 * One row per task type, with the codes and texts that C1 knows from other connectors (baton-sdk, pkg/connectorbuilder and
 * internal/connector). A row throws its refusal or, for the two listings, returns: there is nothing to list, which is an
 * answer. First comes what is wrong with the task itself, then the provisioning switch, then what is not implemented.
 */
export function createRefusals({ provisioning }: { readonly provisioning: boolean }): Refusals {
  /** A change upstream that the switch forbids or that nothing implements. */
  const change = (notImplemented: string): StatusError =>
    provisioning
      ? refusal("unimplemented", notImplemented)
      : refusal("failed_precondition", "provisioning is not enabled");

  const grantOrRevoke = (malformedText: string) =>
    refuse<{ readonly resourceType: string | undefined }>(({ resourceType }) =>
      resourceType === undefined
        ? refusal("invalid_argument", malformedText)
        : change(`resource type ${named(resourceType)} does not have provisioner configured`),
    );

  return {
    grant: grantOrRevoke("malformed grant task"),
    revoke: grantOrRevoke("invalid task type"),
    create_resource: refuse(({ resourceType }) =>
      resourceType === undefined
        ? malformed("create resource")
        : change(`resource type ${named(resourceType)} does not have resource Create() configured`),
    ),
    rotate_credentials: refuse(({ resourceId }) =>
      resourceId === undefined
        ? malformed("rotate credentials")
        : change("resource type does not have credential manager configured"),
    ),
    issue_credential: refuse((input) =>
      input.malformed
        ? malformed("issue credential")
        : change("resource type does not have credential issuer configured"),
    ),
    create_ticket_task: refuse(ticket("create ticket")),
    get_ticket: refuse(ticket("get ticket")),
    bulk_create_tickets: refuse(ticket("bulk create tickets")),
    bulk_get_tickets: refuse(ticket("bulk get tickets")),
    list_ticket_schemas: refuse(ticket("list ticket schemas")),
    action_list_schemas: async () => undefined,
    action_get_schema: refuse(({ name }) =>
      name === "" ? nameless() : refusal("not_found", `action ${named(name)} not found`),
    ),
    action_invoke: refuse(({ name, resourceTypeId }) => {
      if (name === "") return nameless();
      return resourceTypeId === ""
        ? refusal("not_found", `handler for action ${named(name)} not found`)
        : refusal("not_found", `no actions found for resource type ${named(resourceTypeId)}`);
    }),
    action_status: refuse(({ id }) =>
      id === ""
        ? refusal("invalid_argument", "action id required")
        : refusal("not_found", `action id ${named(id)} not found`),
    ),
    list_event_feeds: async () => undefined,
    list_events: refuse(({ eventFeedId }) =>
      refusal("not_found", `error: event feed id ${named(eventFeedId || "baton_feed_event")} not found`),
    ),
    unsupported: refuse(() => refusal("unimplemented", "unsupported task type")),
  };
}

/** Repeating what we refuse gives the same answer, so that every refusal is final. */
export function refusal(
  code: "failed_precondition" | "invalid_argument" | "not_found" | "unimplemented",
  text: string,
): StatusError {
  return new StatusError(code, text, { retryable: false });
}

/** A task that lacks what its kind needs. */
export const malformed = (what: string): StatusError => refusal("invalid_argument", `malformed ${what} task`);
const nameless = (): StatusError => refusal("invalid_argument", "action name required");

const ticket =
  (what: string) =>
  (input: { readonly malformed: boolean }): StatusError =>
    input.malformed ? malformed(what) : refusal("unimplemented", "ticketing is not enabled");

function refuse<Input>(answer: (input: Input) => StatusError): (input: Input) => Promise<undefined> {
  return async (input) => {
    throw answer(input);
  };
}

/** A name that C1 sent, fit for one line. */
export function named(name: string): string {
  const line = name.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return line.length <= longestName ? line : `${line.slice(0, longestName).toWellFormed()}…`;
}
