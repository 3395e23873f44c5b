import { lineOf, type Row, userLine } from "../chaos/manifest/team.ts";
import { readUser } from "../chaos/sweeps/sync-contents.ts";
import { readC1z } from "../helpers/read-c1z.ts";

/** A team in short: two teams with the same people in the same roles have the same. */
export interface TeamDigest {
  readonly active: number;
  readonly removed: number;
  /** Of ids, addresses, names and roles, whatever their order. */
  readonly sum: string;
}

/** Remembers what a team was like, and when. Times are milliseconds on a clock that never jumps. */
export interface TeamLedger {
  /** The team has changed. */
  note(members: readonly Row[]): void;
  /** Everything that it was at some moment from one time to another. */
  between(fromMs: number, toMs: number): readonly TeamDigest[];
}

export function createTeamLedger(): TeamLedger {
  const states: { readonly sinceMs: number; readonly digest: TeamDigest }[] = [];
  return {
    note(members) {
      const people = members.map((row) => ({ who: lineOf(row), role: row.isRemoved === true ? "" : (row.role ?? "") }));
      states.push({ sinceMs: performance.now(), digest: digestOf(people) });
    },
    between: (fromMs, toMs) =>
      states
        .filter(({ sinceMs }, at) => sinceMs <= toMs && (states[at + 1]?.sinceMs ?? Number.POSITIVE_INFINITY) >= fromMs)
        .map(({ digest }) => digest),
  };
}

/** The team of a sync file: who holds no role was removed. */
export function digestOfFile(path: string): TeamDigest {
  using file = readC1z(path);
  const roles = new Map<unknown, unknown>();
  for (const row of file.all("SELECT principal_resource_id AS id, resource_id AS role FROM v1_grants")) {
    if (roles.has(row["id"])) throw new Error(`${row["id"]} has two roles`);
    roles.set(row["id"], row["role"]);
  }
  const users = file.all("SELECT data FROM v1_resources WHERE resource_type_id = 'user'");
  return digestOf(
    users.map(({ data }) => {
      const { address, id, name } = readUser(data as Uint8Array);
      return { who: userLine(id, address, name), role: String(roles.get(id) ?? "") };
    }),
  );
}

function digestOf(people: readonly { readonly who: string; readonly role: string }[]): TeamDigest {
  let removed = 0;
  let [one, other] = [0, 0];
  for (const { who, role } of people) {
    if (role === "") removed += 1;
    const text = `${who} ${role}`;
    one = (one + hash(text, 0x811c_9dc5)) >>> 0;
    other = (other + hash(text, 0x1234_5678)) >>> 0;
  }
  return { active: people.length - removed, removed, sum: `${one.toString(16)}-${other.toString(16)}` };
}

/** FNV-1a from another start, stirred once more so that sums of it do not cancel out. */
function hash(text: string, start: number): number {
  let value = start;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b_3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
