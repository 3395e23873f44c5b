import type { Connector, Snapshot } from "../../baton/connector.ts";
import type { Logger } from "../../baton/logger.ts";
import { type AdminApiDeps, createAdminApi } from "./client.ts";
import { probeMembers, type ReadMembersOptions, readMembers } from "./members.ts";
import { cursorMetadata } from "./metadata.ts";
import { buildRoster, type Roster } from "./roster.ts";
import { createRosterLog } from "./roster-log.ts";
import { createShrinkGuard, type ShrinkOptions } from "./shrink-guard.ts";
import { createSnapshot } from "./snapshot.ts";

export interface CursorConnectorDeps extends Omit<AdminApiDeps, "onRetry"> {
  readonly log: Logger;
  /** Leaves removed people out instead of syncing them as disabled users. */
  readonly skipRemoved: boolean;
  readonly shrink: ShrinkOptions;
  /** How far the reading of a team in pages may go; the default suits a million members. */
  readonly reading?: ReadMembersOptions;
}

const defaultReading: ReadMembersOptions = { totalTimeoutMs: 2 * 60 * 60_000, maxPages: 100_000 };

/** Connects C1 to the team that the API key belongs to. Throws `invalid_argument` when the base URL cannot be used. */
export function createCursorConnector(deps: CursorConnectorDeps): Connector {
  const { log, reading = defaultReading, skipRemoved } = deps;
  const api = createAdminApi({
    ...deps,
    onRetry: ({ attempt, delayMs, error }) =>
      log.warn("a call to Cursor failed and is repeated", {
        attempt,
        code: error.code,
        delay_ms: Math.round(delayMs),
        reason: error.message,
      }),
  });
  const guard = createShrinkGuard(deps.shrink, log);
  const rosterLog = createRosterLog(log);
  // Sizes of snapshots that may yet be accepted; they go when their snapshot does.
  const activeCounts = new WeakMap<Snapshot, number>();

  async function readRoster(signal: AbortSignal): Promise<Roster> {
    return buildRoster(await readMembers(api, reading, log, signal));
  }

  return {
    metadata: cursorMetadata,
    validate: (signal) => probeMembers(api, signal),
    async readSnapshot(signal) {
      const roster = await guard.check(await readRoster(signal), () => readRoster(signal));
      const snapshot = createSnapshot(roster, { skipRemoved });
      rosterLog.tell(roster, snapshot);
      activeCounts.set(snapshot, roster.activeCount);
      return snapshot;
    },
    accepted(snapshot) {
      const activeCount = activeCounts.get(snapshot);
      if (activeCount !== undefined) guard.accepted(activeCount);
    },
  };
}
