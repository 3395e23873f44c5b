import { emailKey } from "../baton/email-address.ts";
import { StatusError } from "../baton/status-error.ts";
import { isJsonObject } from "../http/json.ts";

/** Schema URNs (RFC 7643 section 8.7, RFC 7644 section 8.2). */
export const urns = {
  user: "urn:ietf:params:scim:schemas:core:2.0:User",
  patchOp: "urn:ietf:params:scim:api:messages:2.0:PatchOp",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
} as const;

/** A user of the directory, as much of it as is needed (RFC 7643 section 4.1). */
export interface ScimUser {
  /** Opaque; may hold any character. */
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
  readonly emails: readonly string[];
  /** The address that is marked as primary, or the only one. */
  readonly primaryEmail: string | undefined;
  /** `meta.version`, for If-Match; only of use where the server supports ETags. `undefined` also for one that no header can hold. */
  readonly version: string | undefined;
}

/** What a new user is made of. `email` becomes both `userName` and the primary address. */
export interface NewScimUser {
  readonly email: string;
  readonly givenName: string;
  readonly familyName: string;
}

/** One page of a list (RFC 7644 section 3.4.2). */
export interface UserPage {
  readonly users: readonly ScimUser[];
  /** As the server says; `undefined` when it says nothing usable. It is not always true. */
  readonly totalResults: number | undefined;
}

/** Whether a record answers to an e-mail address, by its name or by any of its addresses. `key` is an `emailKey`. */
export function answersTo(user: ScimUser, key: string): boolean {
  return emailKey(user.userName) === key || user.emails.some((email) => emailKey(email) === key);
}

/** The body of a create request; only attributes that every server takes, and never a password. */
export function createBody({ email, familyName, givenName }: NewScimUser): Readonly<Record<string, unknown>> {
  return {
    schemas: [urns.user],
    userName: email,
    name: { givenName, ...(familyName === "" ? {} : { familyName }) },
    emails: [{ value: email, type: "work", primary: true }],
    active: true,
  };
}

/** Throws `internal` when the value is no list of users; an answer of another shape must not be taken for an empty one. */
export function readUserPage(value: unknown): UserPage {
  if (!isJsonObject(value)) throw malformed("the list of users", "an object");
  const sent = value["Resources"] ?? undefined;
  const rows = sent ?? [];
  const totalResults = wholeNumber(value["totalResults"]);
  if (!Array.isArray(rows)) throw malformed("Resources", "an array");
  if (sent === undefined && totalResults === undefined) {
    throw malformed("the list of users", "a ListResponse with totalResults or Resources");
  }
  return { users: rows.map(readUser), totalResults };
}

/** Throws `internal` when the value is no user with an id. */
export function readUser(value: unknown): ScimUser {
  if (!isJsonObject(value)) throw malformed("a user", "an object");
  const id = Number.isSafeInteger(value["id"]) ? String(value["id"]) : value["id"];
  // A number that JSON could not keep, or half a character, would lead to another record or to none.
  if (typeof id !== "string" || id === "" || !id.isWellFormed()) throw malformed("the id of a user", "a text");
  // An address would swallow these, and the call would go to the list of all users.
  if (id === "." || id === "..") throw malformed("the id of a user", "more than dots");
  const userName = value["userName"] ?? "";
  if (typeof userName !== "string") throw malformed("the userName of a user", "a text");
  const meta = isJsonObject(value["meta"]) ? value["meta"] : {};
  const emails = readEmails(value["emails"]);
  return {
    id,
    userName,
    active: readActive(value["active"]),
    emails,
    primaryEmail: readPrimary(value["emails"]) ?? (emails.length === 1 ? emails[0] : undefined),
    version: headerText(meta["version"]),
  };
}

/** Some servers send texts; a missing value means active (RFC 7643 leaves it open). */
function readActive(value: unknown): boolean {
  if (typeof value === "string") return value.trim().toLowerCase() !== "false";
  return value !== false;
}

function readEmails(value: unknown): readonly string[] {
  const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
  return entries
    .map((entry) => (isJsonObject(entry) ? entry["value"] : entry))
    .filter((email) => typeof email === "string" && email !== "")
    .map(String);
}

function readPrimary(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const primary: unknown = value.find((entry) => isJsonObject(entry) && entry["primary"] === true);
  const address = isJsonObject(primary) ? primary["value"] : undefined;
  return typeof address === "string" && address !== "" ? address : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function malformed(what: string, expected: string): StatusError {
  return new StatusError(
    "internal",
    `the SCIM server's answer is not as RFC 7644 has it: ${what} should be ${expected}; nothing was changed`,
  );
}

function headerText(value: unknown): string | undefined {
  return typeof value === "string" && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}
