import { indexTeam, type TeamIndex } from "../../src/connectors/cursor/accounts/team-index.ts";
import { buildRoster } from "../../src/connectors/cursor/roster.ts";
import type { TeamMember } from "../../src/connectors/cursor/schema.ts";

/** A member with everything a member has; the address is made from the id unless there is one. */
export function memberOf(parts: Partial<TeamMember> & Pick<TeamMember, "id">): TeamMember {
  const email = `${parts.id.replace(/^user_/, "")}@example.com`;
  return { otherId: "", email, name: "", role: "member", removed: false, ...parts };
}

/** These members as a team. There has to be an administrator among them. */
export function teamOf(...members: readonly TeamMember[]): TeamIndex {
  return indexTeam(buildRoster({ members: [...members], droppedRows: 0 }));
}
