import type { Clock } from "../../../baton/clock.ts";
import { StatusError } from "../../../baton/status-error.ts";
import type { TeamMember } from "../schema.ts";
import type { TeamIndex } from "./team-index.ts";

/** A place among the deletions; until it is settled, the member counts as gone. */
export interface Reservation {
  /** The member was deleted. */
  done(): void;
  /** Nothing was changed. */
  release(): void;
}

/**
 * Remembers whom we have deleted while Cursor's roster still shows them: it follows the directory with a delay. Nothing
 * outlasts the process.
 */
export interface Deletions {
  /**
   * Call it right before a deletion. Throws `failed_precondition` when `member` is the last active administrator, with
   * everybody counted as gone whom we have deleted or are deleting.
   */
  reserve(member: TeamMember, team: TeamIndex): Reservation;
  /** Whether we deleted this member and `team`, which may be older, still shows it. */
  has(id: string, team: TeamIndex): boolean;
  /** The person has a record again. */
  forget(id: string): void;
}

/** Cursor takes its time when directory data look incomplete; after a day the roster is believed again. */
const doneForMs = 24 * 60 * 60_000;
/** A deletion that never was settled may have been carried out; after an hour the roster would show it. */
const pendingForMs = 60 * 60_000;

interface Entry {
  readonly atMs: number;
  done: boolean;
}

export function createDeletions(clock: Clock): Deletions {
  const entries = new Map<string, Entry>();

  function forgetSettled(team: TeamIndex): void {
    for (const [id, { atMs, done }] of entries) {
      const tooOld = clock.monotonicMs() - atMs > (done ? doneForMs : pendingForMs);
      if (tooOld || (done && !team.isActive(id))) entries.delete(id);
    }
  }

  return {
    reserve(member, team) {
      forgetSettled(team);
      const remaining = [...team.adminIds].filter((id) => id !== member.id && !entries.has(id));
      if (team.adminIds.has(member.id) && remaining.length === 0) throw lastAdmin(member.id);
      const before = entries.get(member.id);
      const entry: Entry = { atMs: clock.monotonicMs(), done: false };
      entries.set(member.id, entry);
      return {
        done() {
          entry.done = true;
        },
        release() {
          if (entries.get(member.id) !== entry) return;
          if (before === undefined) entries.delete(member.id);
          else entries.set(member.id, before);
        },
      };
    },
    has(id, team) {
      forgetSettled(team);
      return entries.get(id)?.done === true;
    },
    forget: (id) => void entries.delete(id),
  };
}

function lastAdmin(id: string): StatusError {
  return new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} is the last active administrator of the Cursor team, which cannot be without one; nothing was changed: make somebody else an admin in Cursor's dashboard first`,
  );
}
