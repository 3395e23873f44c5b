import type { AccountManager } from "../../baton/account.ts";
import type { Connector, Snapshot } from "../../baton/connector.ts";
import type { Logger } from "../../baton/logger.ts";
import { createSharedReading } from "../../baton/shared-reading.ts";
import type { HttpClient } from "../../http/client.ts";
import type { ScimClient } from "../../scim/client.ts";
import { createCursorAccounts } from "./accounts/accounts.ts";
import { createDeletions, type Deletions } from "./accounts/deletions.ts";
import type { AccountOptions } from "./accounts/deps.ts";
import { removeMember } from "./accounts/remove-member.ts";
import { indexTeam } from "./accounts/team-index.ts";
import { type AdminApiDeps, createAdminApi } from "./client.ts";
import { defaultReading, probeMembers, type ReadMembersOptions, readMembers } from "./members.ts";
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
  /** The team's SCIM directory at this moment; without it accounts are neither created nor deleted. */
  readonly scim?: (() => ScimClient) | undefined;
  readonly accounts?: AccountSettings;
  /** How far the reading of a team in pages may go; the default suits a million members. */
  readonly reading?: ReadMembersOptions;
}

export interface AccountSettings extends AccountOptions {
  /** Removes members whom the directory does not know through the Admin API, which cannot be undone. */
  readonly removeUnmanaged: boolean;
}

const defaultAccounts: AccountSettings = { rosterMaxAgeMs: 30_000, allowDeactivation: false, removeUnmanaged: false };

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
  const deletions = createDeletions(deps.clock);
  // Sizes of snapshots that may yet be accepted; they go when their snapshot does.
  const activeCounts = new WeakMap<Snapshot, number>();

  async function readRoster(signal: AbortSignal): Promise<Roster> {
    return buildRoster(await readMembers(api, reading, log, signal));
  }

  async function readGuarded(signal: AbortSignal): Promise<Roster> {
    const roster = await guard.check(await readRoster(signal), () => readRoster(signal));
    // Syncs see people go between tasks.
    deletions.observe(roster.members);
    return roster;
  }

  return {
    metadata: cursorMetadata({ accounts: deps.scim !== undefined }),
    accounts: deps.scim === undefined ? undefined : createAccounts(deps, deps.scim, api, deletions, readGuarded),
    validate: (signal) => probeMembers(api, signal),
    async readSnapshot(signal) {
      const roster = await readGuarded(signal);
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

/** Tries a key out with one request, within the rate budget. Rejects with what the operator should do. */
export async function proveCursorKey(deps: AdminApiDeps, signal: AbortSignal): Promise<void> {
  await probeMembers(createAdminApi(deps), signal);
}

/** All tasks share one reading of the roster; a member is removed only after a new one. */
function createAccounts(
  deps: CursorConnectorDeps,
  scim: () => ScimClient,
  api: HttpClient,
  deletions: Deletions,
  readRoster: (signal: AbortSignal) => Promise<Roster>,
): AccountManager {
  const { clock, accounts: settings = defaultAccounts } = deps;
  const read = async (signal: AbortSignal) => indexTeam(await readRoster(signal));
  const team = createSharedReading(read, settings.rosterMaxAgeMs, clock);
  return createCursorAccounts({
    ...settings,
    scim,
    team,
    deletions,
    removeMember: settings.removeUnmanaged
      ? (member, sentId, signal) =>
          removeMember(api, member, sentId, async (still) => (await team.get(0, still)).isActive(member.id), signal)
      : undefined,
  });
}
