import { type MemberRow, makeTeam, type TeamSize } from "./team.ts";
import type { MemberView } from "./types.ts";

/** The rows of a team. A made-up team stays unmade until somebody changes it. */
export interface Roster {
  /** The rows from the given index on. */
  rows(first: number): Iterable<unknown>;
  readonly members: readonly MemberView[];
  setRows(rows: readonly unknown[]): void;
  setTeam(team: TeamSize): void;
  /** Marks the rows removed for which `concerns` holds; returns how many. */
  remove(concerns: (row: MemberView) => boolean): number;
  signIn(email: string, name?: string): MemberView;
}

/** Whether two addresses are the same for Cursor. */
export function sameEmail(row: MemberView, email: string): boolean {
  return row.email?.toLowerCase() === email.toLowerCase();
}

/** Whether a row stands for somebody who is still there. */
export function isActive(row: MemberView): boolean {
  return row.isRemoved !== true && row.role !== "removed";
}

/** A roster of the given rows, which are never changed themselves. */
export function createRoster(first: readonly unknown[]): Roster {
  let source: TeamSize | unknown[] = [...first];
  let signedIn = 0;
  const list = (): unknown[] => {
    if (!Array.isArray(source)) source = [...makeTeam(source)];
    return source;
  };
  return {
    rows: (from) => (Array.isArray(source) ? source.slice(from) : makeTeam(source, from)),
    get members() {
      return list().filter(isRow);
    },
    setRows(rows) {
      source = [...rows];
    },
    setTeam(team) {
      source = team;
    },
    remove(concerns) {
      let removed = 0;
      const rows = list();
      for (const [at, row] of rows.entries()) {
        if (!isRow(row) || !isActive(row) || !concerns(row)) continue;
        rows[at] = { ...row, role: "removed", isRemoved: true };
        removed += 1;
      }
      return removed;
    },
    signIn(email, name = "") {
      const rows = list();
      const present = rows.filter(isRow).find((row) => isActive(row) && sameEmail(row, email));
      if (present !== undefined) return present;
      signedIn += 1;
      const id = `user_signed0in${String(signedIn).padStart(16, "0")}`;
      const row: MemberRow = { id, name, email, role: "member", isRemoved: false };
      rows.push(row);
      return row;
    },
  };
}

function isRow(row: unknown): row is MemberView {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}
