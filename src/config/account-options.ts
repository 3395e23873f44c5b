import { StatusError } from "../baton/status-error.ts";
import { parseBaseUrl } from "./cursor-options.ts";
import { option, optional } from "./option.ts";
import { bool, choice, duration, integer, parsedBy, secret, text } from "./value-type.ts";

/** A JSON object, such as `{"first_name":"Ada"}`. */
function parseProfile(json: string): Readonly<Record<string, unknown>> {
  const hint = 'give a JSON object such as {"email":"ada@example.com","first_name":"Ada"}';
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // The same answer as for JSON of another kind.
  }
  throw new StatusError("invalid_argument", `unusable profile: ${hint}`);
}

/** How accounts are created and deleted. */
export const accountOptions = {
  cursorScimEndpoint: optional({
    flag: "cursor-scim-endpoint",
    group: "Accounts",
    help: "SCIM endpoint of the team's directory, exactly as its settings show it; needs the token too",
    type: parsedBy(parseBaseUrl, (url) => `[redacted], at ${new URL(url).host}`),
    secret: true,
    exported: "gui",
    displayName: "SCIM endpoint",
    placeholder: "https://...",
  }),
  cursorScimToken: optional({
    flag: "cursor-scim-token",
    group: "Accounts",
    help: "Bearer token of the SCIM endpoint; needs the endpoint too",
    type: secret(),
    secret: true,
    exported: "gui",
    displayName: "SCIM token",
  }),
  provisioning: option({
    flag: "provisioning",
    short: "p",
    group: "Accounts",
    help: "Let C1 create and delete accounts; needs the SCIM endpoint and token",
    type: bool,
    byDefault: false,
  }),
  provisioningDryRun: option({
    flag: "provisioning-dry-run",
    group: "Accounts",
    help: "Look up what a task would change, then refuse it without changing anything",
    type: bool,
    byDefault: false,
  }),
  maxDeletesPerHour: option({
    flag: "max-deletes-per-hour",
    group: "Accounts",
    help: "Accounts that C1 may have deleted within 60 minutes; further ones are refused",
    type: integer(0, 100_000),
    byDefault: 50,
  }),
  scimRequestsPerMinute: option({
    flag: "scim-requests-per-minute",
    group: "Accounts",
    help: "Requests to the SCIM endpoint per minute",
    type: integer(1, 100_000),
    byDefault: 60,
  }),
  cursorRosterMaxAgeMs: option({
    flag: "cursor-roster-max-age",
    group: "Accounts",
    help: "Age up to which tasks that create or delete accounts share a reading of the team",
    type: duration(0, 10 * 60_000),
    byDefault: 30_000,
  }),
  cursorPendingAccount: option({
    flag: "cursor-pending-account",
    group: "Accounts",
    help: "What C1 is told of a new person who has not signed in to Cursor yet",
    type: choice(["in_progress", "action_required"]),
    byDefault: "in_progress",
  }),
  cursorScimAllowDeactivation: option({
    flag: "cursor-scim-allow-deactivation",
    group: "Accounts",
    help: "Make people inactive in the directory when its server does not delete them",
    type: bool,
    byDefault: false,
  }),
  cursorRemoveUnmanaged: option({
    flag: "cursor-remove-unmanaged",
    group: "Accounts",
    help: "IRREVERSIBLE: also remove members whom the SCIM directory does not know, through Cursor's Admin API",
    type: bool,
    byDefault: false,
  }),
  createAccountEmail: optional({
    flag: "create-account-email",
    group: "Accounts",
    help: "One-shot: create an account for this e-mail address",
    type: text(),
    oneShot: true,
  }),
  createAccountLogin: optional({
    flag: "create-account-login",
    group: "Accounts",
    help: "One-shot: the same, with the address as a login",
    type: text(),
    oneShot: true,
  }),
  createAccountProfile: optional({
    flag: "create-account-profile",
    group: "Accounts",
    help: "One-shot: create an account from a JSON object with email, first_name and last_name",
    type: parsedBy(parseProfile, (profile) => JSON.stringify(profile)),
    oneShot: true,
  }),
  createAccountResourceType: optional({
    flag: "create-account-resource-type",
    group: "Accounts",
    help: "One-shot: resource type of the new account; only user",
    type: text(),
    oneShot: true,
    hidden: true,
  }),
  deleteResource: optional({
    flag: "delete-resource",
    group: "Accounts",
    help: "One-shot: delete the account with this resource id; shows it and asks first",
    type: text(),
    oneShot: true,
  }),
  deleteResourceType: optional({
    flag: "delete-resource-type",
    group: "Accounts",
    help: "One-shot: resource type of the account to delete, which is user",
    type: text(),
    oneShot: true,
  }),
  dryRun: option({
    flag: "dry-run",
    group: "Accounts",
    help: "One-shot: show what would be created or deleted, and change nothing",
    type: bool,
    byDefault: false,
    oneShot: true,
  }),
  yes: option({
    flag: "yes",
    group: "Accounts",
    help: "One-shot: delete without asking, for scripts",
    type: bool,
    byDefault: false,
    oneShot: true,
  }),
  output: option({
    flag: "output",
    group: "Process",
    help: "How a one-shot run prints its result",
    type: choice(["text", "json"]),
    byDefault: "text",
    oneShot: true,
  }),
};
