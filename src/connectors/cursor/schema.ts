import { emailKey } from "../../baton/email-address.ts";
import { StatusError } from "../../baton/status-error.ts";
import { isJsonObject } from "../../http/json.ts";
import { removedRole, roleId } from "./roles.ts";

/** One row of the roster, as little of it as is needed: a large team keeps a million of these in memory. */
export interface TeamMember {
  /** Resource id: Cursor's own id, opaque, or `email:<lower-case e-mail>` for a row without one. */
  readonly id: string;
  /** Cursor's other id where a row has two, so that a later change of ids can be followed; else empty. */
  readonly otherId: string;
  /** As Cursor sent it; may be empty. */
  readonly email: string;
  /** As Cursor sent it, cut to 1024 bytes; may be empty. */
  readonly name: string;
  /** The API value, trimmed; may be empty, or `removed`. */
  readonly role: string;
  readonly removed: boolean;
}

/** One answer of `GET /teams/members`. */
export interface MembersPage {
  readonly members: TeamMember[];
  /** Rows without id and e-mail, which nothing can be made of. */
  readonly droppedRows: number;
  /** Whether the answer says that there is another page; answers without that are complete. */
  readonly hasNextPage: boolean;
  /** Size of the pages where the answer names it. */
  readonly pageSize: number | undefined;
}

/** In UTF-8. A grant id holds a role and a member id, and C1 takes ids of at most 1024 bytes. */
const maxBytes = { id: 512, email: 512, role: 128, name: 1024 } as const;

/** Beginning of the ids that we make from e-mail addresses. */
const emailIdPrefix = "email:";

/**
 * Makes a reader of pages. Roles are few: rows of the same reader share their texts. The reader throws `internal`,
 * retryable, naming page, row and field of the first thing that is not as documented, never its value
 * (https://cursor.com/docs/account/teams/admin-api, "Get Team Members").
 */
export function createPageReader(): (answer: unknown, page: number) => MembersPage {
  const roles = new Map<string, string>();
  const intern = (role: string): string => {
    const known = roles.get(role);
    if (known !== undefined) return known;
    roles.set(role, role);
    return role;
  };
  return (answer, page) => readPage(answer, page, intern);
}

function readPage(answer: unknown, page: number, intern: (role: string) => string): MembersPage {
  if (!isJsonObject(answer)) throw malformed(page, "the answer", "an object", answer);
  const rows = answer["teamMembers"];
  if (!Array.isArray(rows)) throw malformed(page, "teamMembers", "an array", rows);
  const members: TeamMember[] = [];
  const place = { page, row: 0 };
  for (const row of rows) {
    const member = readRow(row, place, intern);
    if (member !== undefined) members.push(member);
    place.row += 1;
  }
  const pagination = answer["pagination"] ?? {};
  if (!isJsonObject(pagination)) throw malformed(page, "pagination", "an object", pagination);
  const { hasNextPage, pageSize } = pagination;
  if (typeof (hasNextPage ?? false) !== "boolean") {
    throw malformed(page, "pagination.hasNextPage", "true or false", hasNextPage);
  }
  return {
    members,
    droppedRows: rows.length - members.length,
    hasNextPage: hasNextPage === true,
    pageSize: typeof pageSize === "number" && Number.isSafeInteger(pageSize) && pageSize > 0 ? pageSize : undefined,
  };
}

/** Where the reader is; one for all rows of a page. */
interface Place {
  readonly page: number;
  readonly row: number;
}

function readRow(row: unknown, place: Place, intern: (role: string) => string): TeamMember | undefined {
  if (!isJsonObject(row)) throw malformed(place.page, `teamMembers[${place.row}]`, "an object", row);
  const isRemoved = row["isRemoved"] ?? false;
  if (typeof isRemoved !== "boolean") throw malformedField(place, "isRemoved", "true or false", isRemoved);
  const email = readText(row["email"], "email", place);
  const name = clip(readText(row["name"], "name", place));
  const role = intern(readText(row["role"], "role", place).trim());
  checkLength(email, "email", maxBytes.email, place);
  checkLength(role, "role", maxBytes.role, place);

  const id = readId(row["id"], "id", place);
  const publicId = readId(row["publicId"], "publicId", place);
  const own = publicId.startsWith("user_") || id === "" ? publicId : id;
  const resourceId = own === "" ? idOfEmail(email, place) : own;
  if (resourceId === "") return undefined;
  const other = own === id ? publicId : id;
  return {
    id: resourceId,
    otherId: other === own ? "" : other,
    email,
    name,
    role,
    removed: isRemoved || roleId(role) === removedRole,
  };
}

function idOfEmail(email: string, place: Place): string {
  const key = emailKey(email);
  if (key === "") return "";
  checkId(key, "email", place);
  return `${emailIdPrefix}${key}`;
}

/** Whether an id was made from an e-mail address because the row had none of Cursor's. */
export function isEmailId(id: string): boolean {
  return id.startsWith(emailIdPrefix);
}

/** The `emailKey` inside an id for which `isEmailId` holds; ids that people typed may have capitals. */
export function emailKeyOfId(id: string): string {
  return emailKey(id.slice(emailIdPrefix.length));
}

/** Ids are strings today and were numbers; blank ones count as missing. */
function readId(value: unknown, field: string, place: Place): string {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return String(value);
    throw malformedField(place, field, "a text or a whole number that can be told apart from its neighbours", value);
  }
  const text = readText(value, field, place);
  if (text.trim() === "") return "";
  checkId(text, field, place);
  return text;
}

/** An address made composed and lower case for an id may have become longer. */
function checkId(text: string, field: string, place: Place): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001F\u007F]/.test(text)) throw malformedField(place, field, "a text without control characters", text);
  checkLength(text, field, maxBytes.id, place);
}

function readText(value: unknown, field: string, place: Place): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw malformedField(place, field, "a text", value);
  // Half a surrogate pair cannot be written as UTF-8; two ids may not become equal only on disk.
  return value.isWellFormed() ? value : value.toWellFormed();
}

function checkLength(text: string, field: string, max: number, place: Place): void {
  // A UTF-16 unit takes at most three bytes, so most texts need no counting.
  if (text.length * 3 > max && Buffer.byteLength(text) > max) {
    throw malformedField(place, field, `at most ${max} bytes long`, text);
  }
}

/** Cut between characters; a copy, because a slice would keep the whole text alive. */
function clip(name: string): string {
  if (name.length * 3 <= maxBytes.name) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= maxBytes.name) return name;
  let end: number = maxBytes.name;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

function malformedField(place: Place, field: string, expected: string, value: unknown): StatusError {
  return malformed(place.page, `teamMembers[${place.row}].${field}`, expected, value);
}

function malformed(page: number, what: string, expected: string, value: unknown): StatusError {
  const where = page === 1 ? "" : ` on page ${page}`;
  return new StatusError(
    "internal",
    `Cursor's member list is not as documented: ${what}${where} should be ${expected}, but is ${kindOf(value)}; ` +
      "nothing was synced, so that nobody loses access by mistake",
  );
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return `a text of ${Buffer.byteLength(value)} bytes`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
