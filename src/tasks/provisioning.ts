import type { AccountManager, Approve } from "../baton/account.ts";
import type { Clock } from "../baton/clock.ts";
import type { Connector } from "../baton/connector.ts";
import type { ResourceId } from "../baton/resource.ts";
import type { StatusError } from "../baton/status-error.ts";
import type { CreateAccountInput, TaskAnswer, TaskHandler, TaskHandlers } from "../baton/task.ts";
import { checkAccountInfo, readNewAccount } from "./account-request.ts";
import { audited } from "./audit.ts";
import type { DeleteBrake } from "./delete-brake.ts";
import { malformed, named, refusal } from "./refusals.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface ProvisioningDeps {
  readonly connector: Connector;
  readonly clock: Clock;
  /** The operator's switch for changes upstream. It decides how they are refused, not what is advertised. */
  readonly provisioning: boolean;
  /** Looks everything up and changes nothing. */
  readonly dryRun: boolean;
  readonly brake: DeleteBrake;
  /** What a person who does not show upstream yet is answered with. */
  readonly pending: "in_progress" | "action_required";
}

/** What to do for the two task types that change accounts. */
export function createProvisioning(deps: ProvisioningDeps): Pick<TaskHandlers, "create_account" | "delete_resource"> {
  return { create_account: createCreateAccount(deps), delete_resource: createDeleteResource(deps) };
}

/** Longest id, and longest resource type, that C1 may send (c1.connector.v2.ResourceId, CreateAccountTask), in bytes. */
const maxIdBytes = 1024;

/** Creates an account. What is wrong with the task comes first, then the switch, then what is not configured. */
function createCreateAccount(deps: ProvisioningDeps): TaskHandler<"create_account"> {
  return async function createAccount(input, run) {
    const { accountInfo } = input;
    if (accountInfo === undefined) throw malformed("create account");
    checkAccountInfo(accountInfo);
    const accounts = managerFor(deps, input.resourceTypeId);
    checkCredentials(input.credentials);
    const account = readNewAccount(accountInfo);
    const approve: Approve = async () => !deps.dryRun;
    const scoped = { clock: deps.clock, log: run.log };
    const result = await audited({ action: "create_account", target: `email:${account.email}` }, scoped, () =>
      withTimeLimit(run.signal, (signal) => accounts.createAccount(account, approve, signal)),
    );
    if (result.kind === "declined") throw dryRun("the account would have been created or made active");
    if (result.kind === "in_progress" && deps.pending === "action_required") {
      return { answers: "create_account", result: { kind: "action_required", message: signInFirst } } as const;
    }
    return { answers: "create_account", result } as const;
  };
}

const signInFirst =
  "The person is in the directory. The account appears once the person has signed in to Cursor for the first time.";

function managerFor({ connector, provisioning }: ProvisioningDeps, resourceTypeId: string): AccountManager {
  checkLength(resourceTypeId, "resource type of the account");
  if (!provisioning) throw refusal("failed_precondition", "provisioning is not enabled");
  if (connector.accounts === undefined) {
    throw refusal("unimplemented", "connector does not have account manager configured");
  }
  if (resourceTypeId === "" || typesThatCan(connector, "account_provisioning").has(resourceTypeId)) {
    return connector.accounts;
  }
  throw refusal(
    "unimplemented",
    `connector does not have account manager configured for resource type: ${named(resourceTypeId)}`,
  );
}

function checkLength(id: string, what: string): void {
  if (Buffer.byteLength(id) <= maxIdBytes) return;
  throw refusal("invalid_argument", `the ${what} is longer than ${maxIdBytes} bytes`);
}

/** People sign in through their identity provider: no password is made, and one that is asked for is not needed. */
function checkCredentials(choice: CreateAccountInput["credentials"]): void {
  if (choice === "empty") throw refusal("invalid_argument", "invalid credential options");
  if (choice === "encrypted_password") {
    throw refusal(
      "invalid_argument",
      "invalid credential options: Cursor accounts have no password; choose that no password is set",
    );
  }
}

/** Deletes the account of one resource, within the budget of deletions. */
function createDeleteResource(deps: ProvisioningDeps): TaskHandler<"delete_resource"> {
  return async function deleteResource({ resourceId }, run): Promise<TaskAnswer> {
    if (resourceId === undefined || resourceId.resourceType === "" || resourceId.resource === "") {
      throw malformed("delete resource");
    }
    checkLength(resourceId.resourceType, "resource type");
    checkLength(resourceId.resource, "resource id");
    const accounts = deleterFor(deps, resourceId);
    const approve: Approve = async () => {
      if (!deps.dryRun) deps.brake.take();
      return !deps.dryRun;
    };
    const target = `${resourceId.resourceType}:${resourceId.resource}`;
    const scoped = { clock: deps.clock, log: run.log };
    const { kind } = await audited({ action: "delete_resource", target }, scoped, () =>
      withTimeLimit(run.signal, (signal) => accounts.deleteAccount(resourceId, approve, signal)),
    );
    if (kind === "declined") throw dryRun("the account would have been deleted");
    return { answers: "delete_resource", result: { kind } };
  };
}

function deleterFor({ connector, provisioning }: ProvisioningDeps, { resourceType }: ResourceId): AccountManager {
  if (!provisioning) throw refusal("failed_precondition", "provisioning is not enabled");
  if (connector.accounts !== undefined && typesThatCan(connector, "resource_delete").has(resourceType)) {
    return connector.accounts;
  }
  throw refusal("unimplemented", `resource type ${named(resourceType)} does not have resource Delete() configured`);
}

function typesThatCan(
  { metadata }: Connector,
  capability: "account_provisioning" | "resource_delete",
): ReadonlySet<string> {
  const able = metadata.resourceTypes.filter(({ capabilities }) => capabilities.includes(capability));
  return new Set(able.map(({ type }) => type.id));
}

/** A dry run never claims success: C1 would believe it. */
function dryRun(what: string): StatusError {
  return refusal("failed_precondition", `dry run (BATON_PROVISIONING_DRY_RUN): ${what}; nothing was changed`);
}
