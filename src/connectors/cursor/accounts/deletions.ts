import type { Clock } from "../../../baton/clock.ts";
import { StatusError } from "../../../baton/status-error.ts";
import type { TeamMember } from "../schema.ts";
import type { TeamIndex } from "./team-index.ts";

/** Where a member is deleted: in the directory, or past it through the Admin API. */
export type Where = "directory" | "team";

/** A place among the deletions; until it is settled, the member counts as gone. */
export interface Reservation {
  /** The member was deleted. */
  done(): void;
  /** It is not known whether the member was deleted there. */
  unclear(where: Where): void;
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
   * everybody counted as gone whom we have deleted, may have deleted or are deleting. The message names `sentId`, by which C1
   * knows the member.
   */
  reserve(member: TeamMember, team: TeamIndex, sentId?: string): Reservation;
  /** Whether we deleted this member and `team`, which may be older, still shows it. */
  has(id: string, team: TeamIndex): boolean;
  /**
   * The same where the directory turned out to have no record of the member: a deletion there of which that was not known has
   * taken effect, and is remembered so from now on.
   */
  hasEffect(id: string, team: TeamIndex): boolean;
  /** To be told of each new reading of the roster: whoever it shows again after one that did not has come back. */
  observe(members: readonly TeamMember[]): void;
}

/**
 * How long the roster is not believed, in milliseconds. Cursor takes its time when directory data look incomplete; of what may
 * not have happened at all it would show something within an hour.
 */
const rememberedForMs = { done: 24 * 60 * 60_000, unclear: 60 * 60_000 } as const;

interface Entry {
  readonly atMs: number;
  state: "running" | keyof typeof rememberedForMs;
  /** Where the deletion was tried that is unclear. */
  where: Where | undefined;
  /** Whether a roster has shown that the member is gone. */
  seenGone: boolean;
}

export function createDeletions(clock: Clock): Deletions {
  const entries = new Map<string, Entry>();

  /** Once the roster shows that somebody is gone, its word counts again: the person may come back. */
  function forgetSettled(team: TeamIndex): void {
    for (const [id, { atMs, state }] of entries) {
      if (state === "running") continue;
      if (!team.isActive(id) || clock.monotonicMs() - atMs > rememberedForMs[state]) entries.delete(id);
    }
  }

  /** A task may still hold an older roster, so that being gone alone is no reason to forget. */
  function follow(active: ReadonlySet<string>): void {
    for (const [id, entry] of entries) {
      if (entry.state === "running") continue;
      if (!active.has(id)) entry.seenGone = true;
      else if (entry.seenGone) entries.delete(id);
    }
  }

  return {
    reserve(member, team, sentId = member.id) {
      forgetSettled(team);
      const remaining = [...team.adminIds].filter((id) => id !== member.id && !entries.has(id));
      if (team.adminIds.has(member.id) && remaining.length === 0) throw lastAdmin(sentId, team);
      const before = entries.get(member.id);
      const entry: Entry = { atMs: clock.monotonicMs(), state: "running", where: undefined, seenGone: false };
      entries.set(member.id, entry);
      return {
        done() {
          entry.state = "done";
        },
        unclear(where) {
          entry.state = "unclear";
          entry.where = where;
        },
        release() {
          if (before === undefined) entries.delete(member.id);
          else entries.set(member.id, before);
        },
      };
    },
    has(id, team) {
      forgetSettled(team);
      return entries.get(id)?.state === "done";
    },
    hasEffect(id, team) {
      forgetSettled(team);
      const entry = entries.get(id);
      if (entry?.state === "unclear" && entry.where === "directory") entry.state = "done";
      return entry?.state === "done";
    },
    observe(members) {
      // A team may have a million members.
      if (entries.size === 0) return;
      const active = new Set<string>();
      for (const { id, removed } of members) if (!removed && entries.has(id)) active.add(id);
      follow(active);
    },
  };
}

function lastAdmin(id: string, { adminIds }: TeamIndex): StatusError {
  const others = adminIds.size > 1 ? " (the others count as gone, because their deletion was begun)" : "";
  return new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} is the last active administrator of the Cursor team${others}, which cannot be without one; nothing was changed: make somebody else an admin in Cursor's dashboard first`,
  );
}
