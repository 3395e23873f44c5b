import type { AppDeps } from "../app/deps.ts";
import { createParts } from "../app/parts.ts";
import type { AccountInfo, AccountManager, Approve, PlannedChange } from "../baton/account.ts";
import { oneLine } from "../baton/one-line.ts";
import type { UserResource } from "../baton/resource.ts";
import { StatusError } from "../baton/status-error.ts";
import { checkAccountInfo, readNewAccount } from "../tasks/account-request.ts";
import { audited } from "../tasks/audit.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";

export interface AccountCommandDeps extends AppDeps {
  readonly out: Output;
  readonly stop: AbortSignal;
  /** Puts a question to whoever sits at the terminal; absent where nobody does. */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | undefined;
}

/** How the run ended, for people and for machines. */
interface Result {
  readonly action: "create_account" | "delete_resource";
  /** As in the answers to C1; `dry_run` and `declined` when nothing was changed. */
  readonly result: string;
  readonly resource: UserResource | undefined;
  readonly text: string;
}

/**
 * Creates or deletes the one account that the flags name. Deleting shows the account and asks; without a terminal it needs
 * `--yes`. Resolves with the exit code: 0 when C1 would be told of a success, 1 when the question was answered with no, else
 * the gRPC number of the failure.
 */
export async function accountCommand(deps: AccountCommandDeps): Promise<number> {
  const { config, out, stop } = deps;
  try {
    await using parts = await createParts(deps, stop);
    const { accounts } = parts.connector;
    if (accounts === undefined) throw notConfigured();
    const result = config.deleteResource === undefined ? await create(deps, accounts) : await remove(deps, accounts);
    out.stdout(config.output === "json" ? jsonOf(result) : `${result.text}\n`);
    return result.result === "declined" ? 1 : 0;
  } catch (reason) {
    const error = stop.aborted
      ? new StatusError("cancelled", "interrupted; look whether the change was made before you repeat it")
      : StatusError.from(reason);
    if (config.output === "json")
      out.stdout(`${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`);
    return reportError(error, out);
  }
}

async function create(deps: AccountCommandDeps, accounts: AccountManager): Promise<Result> {
  const { config, out, stop } = deps;
  const type = config.createAccountResourceType ?? "user";
  if (type !== "user") throw new StatusError("unimplemented", `accounts are of type user, not ${JSON.stringify(type)}`);
  const info = accountInfo(deps);
  checkAccountInfo(info);
  const account = readNewAccount(info);
  const approve: Approve = async (change) => {
    out.stderr(describe(change));
    return !isDryRun(deps);
  };
  const done = await audited({ action: "create_account", target: `email:${account.email}` }, deps, () =>
    accounts.createAccount(account, approve, stop),
  );
  const texts = {
    success: `${account.email} was inactive in the directory and is active again.`,
    already_exists: `${account.email} has a Cursor account already; it is in the directory too.`,
    in_progress: `${account.email} is in the directory. Cursor shows the account after the first sign-in.`,
    declined: "Dry run: nothing was changed.",
  };
  return {
    action: "create_account",
    result: done.kind === "declined" ? "dry_run" : done.kind,
    resource: "resource" in done ? done.resource : undefined,
    text: texts[done.kind],
  };
}

/** What C1 would send: the flags, with login and e-mail in the profile as the Go SDK puts them there. */
function accountInfo({ config }: AccountCommandDeps): AccountInfo {
  const { createAccountEmail: email, createAccountLogin: login = "", createAccountProfile: profile = {} } = config;
  return { emails: email === undefined ? [] : [{ address: email, primary: true }], login, profile };
}

async function remove(deps: AccountCommandDeps, accounts: AccountManager): Promise<Result> {
  const { config, out, stop } = deps;
  const { deleteResource: resource = "", deleteResourceType: resourceType = "" } = config;
  if (resourceType !== "user") {
    throw new StatusError(
      "unimplemented",
      `resource type ${JSON.stringify(resourceType)} does not have resource Delete() configured: only accounts, of type user, can be deleted`,
    );
  }
  let confirmedTarget: string | undefined;
  const show: Approve = async (change, signal) => {
    out.stderr(describe(change));
    if (isDryRun(deps) || !(await confirmed(deps, signal))) return false;
    confirmedTarget = describe(change);
    return config.yes;
  };
  // A question may stand for an hour: what was answered with yes is looked at anew, and must be the same.
  const again: Approve = async (change) => {
    if (describe(change) === confirmedTarget) return true;
    throw new StatusError("aborted", "the account changed while the question stood; nothing was deleted: ask again");
  };
  const id = { resourceType, resource };
  const { kind } = await audited(
    { action: "delete_resource", target: `${resourceType}:${resource}` },
    deps,
    async () => {
      const first = await accounts.deleteAccount(id, show, stop);
      return first.kind === "declined" && confirmedTarget !== undefined
        ? accounts.deleteAccount(id, again, stop)
        : first;
    },
  );
  const texts = {
    deleted: "Deleted in the directory; Cursor removes the member with its next update from there.",
    deactivated: "Made inactive in the directory; Cursor removes the member with its next update from there.",
    unconfirmed: "The directory accepted the deletion, but still shows the record: look again later.",
    gone: "There is no such account any more; nothing had to be done.",
    declined: isDryRun(deps) ? "Dry run: nothing was changed." : "Nothing was changed.",
  };
  const result = kind === "declined" && isDryRun(deps) ? "dry_run" : kind;
  return { action: "delete_resource", result, resource: undefined, text: texts[kind] };
}

function isDryRun({ config }: AccountCommandDeps): boolean {
  return config.dryRun || config.provisioningDryRun;
}

async function confirmed({ ask, config }: AccountCommandDeps, signal: AbortSignal): Promise<boolean> {
  if (config.yes) return true;
  if (ask === undefined) {
    throw new StatusError(
      "failed_precondition",
      "there is no terminal to ask for confirmation; nothing was deleted: look at it with --dry-run, then add --yes",
    );
  }
  return /^y(es)?$/i.test((await ask("Delete this account? Type yes: ", signal)).trim());
}

const verbs: Readonly<Record<PlannedChange["action"], string>> = {
  create: "To be created in the SCIM directory",
  reactivate: "To be made active in the SCIM directory",
  delete: "To be deleted in the SCIM directory (Cursor then deletes the person's data)",
  remove: "To be REMOVED FROM CURSOR for good; the SCIM directory does not know this member",
};

function describe({ action, directoryId, person }: PlannedChange): string {
  const rows: readonly (readonly [string, string])[] = [
    ["e-mail", person.email],
    ["name", person.name],
    ["role", person.role],
    ["Cursor id", person.resourceId ?? "(not in Cursor)"],
    ["SCIM id", directoryId ?? "(none)"],
  ];
  const shown = rows.filter(([, value]) => value !== "");
  return `${verbs[action]}:\n${shown.map(([label, value]) => `  ${label.padEnd(10)} ${oneLine(value)}\n`).join("")}`;
}

function jsonOf({ action, resource, result }: Result): string {
  return `${JSON.stringify({ action, result, resource: resource ?? null })}\n`;
}

function notConfigured(): StatusError {
  return new StatusError(
    "unimplemented",
    "connector does not have account manager configured: set BATON_CURSOR_SCIM_ENDPOINT and BATON_CURSOR_SCIM_TOKEN",
  );
}
