import type { Logger } from "../../baton/logger.ts";
import type { IdKind, Roster } from "./roster.ts";
import type { CursorSnapshot } from "./snapshot.ts";

/** Tells the operator what is remarkable about a roster. */
export interface RosterLog {
  tell(roster: Roster, snapshot: Pick<CursorSnapshot, "unknownRoles" | "withoutRole">): void;
}

/** More roles than this do not make a log line more useful. */
const maxListed = 10;
/** A vendor that invents roles without end must not fill the memory. */
const maxRemembered = 1_000;

/** Makes a log that mentions each unknown role once per process. */
export function createRosterLog(log: Logger): RosterLog {
  const toldRoles = new Set<string>();
  let lastIdKind: IdKind | undefined;

  function tellIdKind(idKind: IdKind): void {
    if (lastIdKind !== undefined && lastIdKind !== idKind) {
      log.warn("Cursor's member ids have changed their kind: C1 will see every account as a new one", {
        before: lastIdKind,
        now: idKind,
      });
    }
    lastIdKind = idKind;
  }

  function tellRoles(roles: readonly string[]): void {
    const fresh = roles.filter((role) => !toldRoles.has(role));
    if (fresh.length === 0 || toldRoles.size >= maxRemembered) return;
    for (const role of fresh) toldRoles.add(role);
    log.warn("Cursor has roles that this version does not know; they are synced like the others", {
      roles: fresh.slice(0, maxListed).map(withoutAddress),
      count: fresh.length,
    });
  }

  return {
    tell({ activeCount, findings, idKind, members }, { unknownRoles, withoutRole }) {
      log.info("read the team from Cursor", { active: activeCount, removed: members.length - activeCount });
      tellIdKind(idKind);
      tellRoles(unknownRoles);
      if (withoutRole > 0)
        log.warn("active members without a role are synced without a grant", { members: withoutRole });
      const { droppedRows, rejoined, repeatedIds, sharedEmailIds, sharedEmails } = findings;
      if (droppedRows > 0) log.warn("rows with neither id nor e-mail address were left out", { rows: droppedRows });
      if (repeatedIds > 0) log.warn("rows with the same id were merged; active ones count", { rows: repeatedIds });
      if (rejoined > 0) log.info("removed rows of people who are active again were left out", { rows: rejoined });
      if (sharedEmails > 0) {
        log.warn("active members share an e-mail address; each is synced as an account of its own", {
          ids: sharedEmailIds.map((ids) => ids.map(withoutAddress).join(" and ")),
          members: sharedEmails,
        });
      }
    },
  };
}

/** Ids and roles are whatever Cursor sends; e-mail addresses do not belong into logs. */
function withoutAddress(text: string): string {
  return text.includes("@") ? "(withheld: holds an e-mail address)" : text;
}
