import { createHash } from "node:crypto";
import { emailKey } from "../../baton/email-address.ts";
import { StatusError } from "../../baton/status-error.ts";
import type { MemberRows } from "./members.ts";
import { isAdminRole, roleId } from "./roles.ts";
import { isEmailId, type TeamMember } from "./schema.ts";
import { sortUtf8 } from "./utf8-order.ts";

/** What a roster's ids look like; a change means that C1 will see every account as a new one. */
export type IdKind = "user_" | "number" | "other" | "e-mail";

/** A team at one moment: every person once. */
export interface Roster {
  /** Ordered by id as UTF-8 bytes; no id occurs twice. */
  readonly members: readonly TeamMember[];
  readonly activeCount: number;
  /** The commonest kind of id among active members. */
  readonly idKind: IdKind;
  /** What had to be tidied, for the log. */
  readonly findings: RosterFindings;
}

export interface RosterFindings {
  /** Rows without id and e-mail. */
  readonly droppedRows: number;
  /** Rows whose id another row has too. */
  readonly repeatedIds: number;
  /** Removed rows of people who are active under another id with the same e-mail address. */
  readonly rejoined: number;
  /** Active members whose e-mail address an earlier active member has too. */
  readonly sharedEmails: number;
  /** Ids of some of them, each with the earlier one's. */
  readonly sharedEmailIds: readonly (readonly [string, string])[];
}

/**
 * Makes a roster of the rows, which it takes over. Of rows with the same id the active one counts (of several, an
 * administrator's); a removed row is left out when an active one has its e-mail address. Throws `internal`, retryable,
 * for a list that no team can have: empty, without active members, or without an administrator
 * (https://cursor.com/docs/account/teams/members: at least one admin must remain).
 */
export function buildRoster({ members: rows, droppedRows }: MemberRows): Roster {
  if (rows.length === 0 && droppedRows === 0) throw impossible("is empty");
  const repeatedIds = sortUtf8(rows, ({ id }) => id) ? mergeRepeatedIds(rows) : 0;
  const shared = findSharedEmails(rows);
  const members = shared.rejoined.size === 0 ? rows : rows.filter((member) => !shared.rejoined.has(member));
  const active = countActive(members);
  if (active.count === 0) throw impossible("has no active member");
  if (active.admins === 0) throw impossible("has no active administrator");
  return {
    members,
    activeCount: active.count,
    idKind: active.idKind,
    findings: {
      droppedRows,
      repeatedIds,
      rejoined: shared.rejoined.size,
      sharedEmails: shared.count,
      sharedEmailIds: shared.examples,
    },
  };
}

/** A digest of who is active, to tell whether two readings agree without keeping both. */
export function digestActive({ members }: Roster): string {
  const hash = createHash("sha256");
  for (const { id, removed } of members) if (!removed) hash.update(`${id}\n`);
  return hash.digest("hex");
}

/** Leaves one row of each id in the sorted rows, in place; returns how many went. */
function mergeRepeatedIds(rows: TeamMember[]): number {
  let kept = 0;
  for (const row of rows) {
    const previous = kept === 0 ? undefined : rows[kept - 1];
    if (previous?.id !== row.id) {
      rows[kept] = row;
      kept += 1;
    } else if (standing(row) > standing(previous)) {
      rows[kept - 1] = row;
    }
  }
  const repeated = rows.length - kept;
  rows.length = kept;
  return repeated;
}

function standing({ removed, role }: TeamMember): number {
  if (removed) return 0;
  return isAdminRole(roleId(role)) ? 2 : 1;
}

interface SharedEmails {
  readonly rejoined: ReadonlySet<TeamMember>;
  readonly count: number;
  readonly examples: readonly (readonly [string, string])[];
}

/** More of them do not make a log line more useful. */
const maxExamples = 10;

function findSharedEmails(rows: readonly TeamMember[]): SharedEmails {
  const activeByEmail = new Map<string, string>();
  const examples: [string, string][] = [];
  let count = 0;
  for (const { email, id, removed } of rows) {
    if (removed || email === "") continue;
    const key = emailKey(email);
    const other = activeByEmail.get(key);
    if (other === undefined) {
      activeByEmail.set(key, id);
    } else if (key !== "") {
      count += 1;
      if (examples.length < maxExamples) examples.push([other, id]);
    }
  }
  activeByEmail.delete("");
  const rejoined = new Set(rows.filter(({ email, removed }) => removed && activeByEmail.has(emailKey(email))));
  return { rejoined, count, examples };
}

function countActive(members: readonly TeamMember[]): { count: number; admins: number; idKind: IdKind } {
  const kinds: Record<IdKind, number> = { user_: 0, number: 0, other: 0, "e-mail": 0 };
  const roles = new Map<string, number>();
  for (const { id, removed, role } of members) {
    if (removed) continue;
    kinds[kindOf(id)] += 1;
    roles.set(role, (roles.get(role) ?? 0) + 1);
  }
  let [admins, count] = [0, 0];
  for (const [role, holders] of roles) {
    count += holders;
    if (isAdminRole(roleId(role))) admins += holders;
  }
  const order: readonly IdKind[] = ["user_", "number", "other", "e-mail"];
  return { count, admins, idKind: order.reduce((most, kind) => (kinds[kind] > kinds[most] ? kind : most)) };
}

function kindOf(id: string): IdKind {
  if (id.startsWith("user_")) return "user_";
  if (isEmailId(id)) return "e-mail";
  return /^\d+$/.test(id) ? "number" : "other";
}

function impossible(what: string): StatusError {
  return new StatusError(
    "internal",
    `the member list that Cursor sent ${what}, which no team can be; nothing was synced, so that nobody loses access: look at the team in Cursor's dashboard`,
  );
}
