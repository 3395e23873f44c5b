/** What a sync says of a team; all lists are sorted. */
export interface SyncContents {
  /** `id, address, display name, enabled or disabled` of each user. */
  readonly users: readonly string[];
  readonly roles: readonly string[];
  readonly entitlements: readonly string[];
  readonly grants: readonly string[];
  /** Runs in the file, ended or not. */
  readonly runs: number;
  readonly endedRuns: number;
}

/** A row of the roster with nothing odd about it. */
export interface TeamRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly isRemoved: boolean;
}

const roles = ["owner", "member", "free-owner"];

/** What C1 has to be told of this team: worked out from the rows alone. */
export function expectedSync(rows: readonly TeamRow[]): SyncContents {
  const active = rows.filter(({ isRemoved }) => !isRemoved);
  const user = ({ id, email, name, isRemoved }: TeamRow) =>
    [id, email, name, isRemoved ? "disabled" : "enabled"].join(", ");
  return {
    users: rows.map(user).sort(),
    roles: roles.toSorted(),
    entitlements: roles.map((role) => `role:${role}:assigned`).sort(),
    grants: active.map(({ id, role }) => `role:${role}:assigned:user:${id}`).sort(),
    runs: 1,
    endedRuns: 1,
  };
}
