import type { Logger } from "../../baton/logger.ts";
import { StatusError } from "../../baton/status-error.ts";
import { digestActive, type Roster } from "./roster.ts";

export interface ShrinkOptions {
  /** A fall of more than this share of the active members is suspicious, in percent (0 to 100). */
  readonly maxPercent: number;
  /** Whether a suspicious fall fails the sync even if a second reading agrees. */
  readonly strict: boolean;
  /**
   * Number of active members that the operator has confirmed. It is what the first sync of a process is compared with,
   * since nothing is remembered over a restart: after a fall it acknowledges the new size, and set to the size of the team
   * it protects the first sync too. Without it the first sync is compared with nothing.
   */
  readonly acknowledged: number | undefined;
}

/** Keeps a half-empty answer of Cursor from taking access away from half the team. */
export interface ShrinkGuard {
  /**
   * The roster to sync: `roster` itself, or the second reading after a suspicious fall that both show. Throws `unavailable`
   * when the readings differ and `internal` when a fall must be acknowledged first, both retryable.
   */
  check(roster: Roster, readAgain: () => Promise<Roster>): Promise<Roster>;
  /** Remembers the size of a team that was accepted. */
  accepted(activeCount: number): void;
}

/** In a smaller team few departures make a large share. */
const minTeam = 20;

/** Makes a guard that knows of no sync yet. */
export function createShrinkGuard(options: ShrinkOptions, log: Logger): ShrinkGuard {
  let lastCount = options.acknowledged;

  function isSuspicious(count: number): boolean {
    if (lastCount === undefined || lastCount <= minTeam) return false;
    return (lastCount - count) * 100 > options.maxPercent * lastCount;
  }

  function describe(count: number): string {
    const before = lastCount ?? count;
    const percent = Math.round(((before - count) / before) * 100);
    return `the Cursor team fell from ${before} to ${count} active members (${percent} %) since it was last accepted`;
  }

  return {
    async check(roster, readAgain) {
      const count = roster.activeCount;
      if (!isSuspicious(count)) return roster;
      if (options.strict) {
        throw new StatusError(
          "internal",
          `${describe(count)}; if that is right, restart the connector with BATON_CURSOR_SHRINK_ACKNOWLEDGED=${count}, else look at the team in Cursor's dashboard`,
        );
      }
      const digest = digestActive(roster);
      log.warn(`${describe(count)}; reading it once more`, { previous: lastCount, active: count });
      const second = await readAgain();
      if (digestActive(second) !== digest) {
        throw new StatusError(
          "unavailable",
          `${describe(count)}, but a second reading right after gave ${second.activeCount} and not the same people: Cursor's answers do not agree, so nothing was synced`,
        );
      }
      log.warn(
        `${describe(count)}; a second reading agrees, so it is synced: C1 will see the others as gone. ` +
          "If that is wrong, stop the connector and look at the team in Cursor's dashboard; " +
          "BATON_CURSOR_SHRINK_STRICT=true makes such a sync fail",
        { previous: lastCount, active: count, max_shrink_percent: options.maxPercent },
      );
      return second;
    },
    accepted(activeCount) {
      lastCount = activeCount;
    },
  };
}
