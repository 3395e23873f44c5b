/** A Cursor role as C1 knows it. */
export interface CursorRole {
  /** Last part of the resource id: lower case, without `_`, `:`, blanks and control characters, so that ids built from it stay unambiguous. */
  readonly id: string;
  readonly displayName: string;
}

/** The roles of a Cursor team (API values `owner`, `member`, `free-owner`), there even when nobody holds them. */
export const knownRoles: readonly CursorRole[] = [
  { id: "free-owner", displayName: "Free Owner" },
  { id: "member", displayName: "Member" },
  { id: "owner", displayName: "Owner" },
];

/** What the API puts in place of a role once a person was removed; never a role. */
export const removedRole = "removed";

const known = new Map(knownRoles.map((role) => [role.id, role]));
const adminIds: ReadonlySet<string> = new Set(["owner", "free-owner"]);

/** The role id of an API value in any spelling (`FREE_OWNER` is `free-owner`); empty when there is none. */
export function roleId(apiValue: string): string {
  return apiValue
    .trim()
    .toLowerCase()
    .replace(/[_:\s\p{Cc}]/gu, "-");
}

/** The role of an id from `roleId`; a role that Cursor may add some day is named after its value (`billing-admin`: `Billing Admin`). */
export function roleOf(id: string): CursorRole {
  return known.get(id) ?? { id, displayName: humanise(id) };
}

export function isKnownRole(id: string): boolean {
  return known.has(id);
}

/** Whether holders of the role administer the team; Cursor never leaves a team without one. */
export function isAdminRole(id: string): boolean {
  return adminIds.has(id);
}

function humanise(id: string): string {
  const words = id.split("-").filter((word) => word !== "");
  return words.length === 0 ? id : words.map((word) => capitalise(word)).join(" ");
}

function capitalise(word: string): string {
  const [first = "", ...rest] = word;
  return first.toUpperCase() + rest.join("");
}
