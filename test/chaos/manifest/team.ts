import { createHash } from "node:crypto";

/** A row of Cursor's member list, as much of it as counts. */
export interface Row {
  readonly id?: string | number;
  readonly publicId?: string;
  readonly name?: string | null;
  readonly email?: string;
  readonly role?: string;
  readonly isRemoved?: boolean;
}

/** What a sync file holds. */
export interface Content {
  /** Who each user is (`userLine`), in any order. */
  readonly users: readonly string[];
  readonly disabled: number;
  /** Ids, in any order. */
  readonly roles: readonly string[];
  readonly grants: readonly string[];
}

const lower = (text: string): string => text.normalize("NFC").trim().toLowerCase();
const roleOf = ({ role = "" }: Row): string =>
  role
    .trim()
    .toLowerCase()
    .replace(/[_:\s]/g, "-");
const isGone = (row: Row): boolean => row.isRemoved === true || roleOf(row) === "removed";

/** Cursor's own id, or the e-mail address in its place. */
function idOf({ email = "", id, publicId = "" }: Row): string {
  if (publicId.startsWith("user_")) return publicId;
  return id === undefined || id === "" ? `email:${lower(email)}` : String(id);
}

/** Id, e-mail address and name: what people are told apart by. */
export function userLine(id: string, address: string, name: string): string {
  return [id, address, name].join(" | ");
}

/** How a sync shows this row: a user is called by the name, else by what stands before the `@`, else by the id. */
export function lineOf(row: Row): string {
  const address = (row.email ?? "").trim();
  const name = (row.name ?? "").trim();
  return userLine(idOf(row), address, name || address.split("@")[0] || idOf(row));
}

/**
 * What a sync of these rows must hold: everybody once, an active row before a removed one, nobody who left and came back under
 * another id twice, the three roles that always exist and any other that somebody has, a grant for each active member.
 */
export function contentOf(rows: readonly Row[]): Content {
  const byId = new Map<string, Row>();
  for (const row of rows) {
    const before = byId.get(idOf(row));
    if (before === undefined || (isGone(before) && !isGone(row))) byId.set(idOf(row), row);
  }
  const everybody = [...byId.values()];
  const active = everybody.filter((row) => !isGone(row));
  const here = new Set(active.map(({ email = "" }) => lower(email)));
  const gone = everybody.filter((row) => isGone(row) && !here.has(lower(row.email ?? "")));
  return {
    users: [...active, ...gone].map(lineOf),
    disabled: gone.length,
    roles: [...new Set(["owner", "member", "free-owner", ...active.map(roleOf)])],
    grants: active.map((row) => `role:${roleOf(row)}:assigned:user:${idOf(row)}`),
  };
}

/** The same for equal contents, and for no others; short enough for a line. */
export function digest({ disabled, grants, roles, users }: Content): string {
  const hash = createHash("sha256");
  for (const list of [users, roles, grants]) hash.update(`${list.toSorted().join("\n")}\n\n`);
  const counts = `${users.length} users (${disabled} disabled), ${roles.length} roles, ${grants.length} grants`;
  return `${counts} #${hash.digest("hex").slice(0, 8)}`;
}

/** The rows that Cursor sends where its answer is odd, and says who is in the team all the same. */
export function oddRows(effect: string, rows: readonly Row[]): readonly Row[] {
  const last = rows.findLastIndex((row) => !isGone(row));
  switch (effect) {
    case "ids-absent":
      return rows.map(({ id: _id, ...row }) => row);
    case "ids-numbers":
      return rows.map((row, index) => ({ ...row, id: 1_000 + index }));
    case "names-null":
      return rows.map((row) => ({ ...row, name: null }));
    case "role-unknown":
      return rows.map((row, index) => (index === last ? { ...row, role: "Billing Admin" } : row));
    default:
      return rows;
  }
}
