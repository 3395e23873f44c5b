import type { SharedReading } from "../../../baton/shared-reading.ts";
import type { ScimClient } from "../../../scim/client.ts";
import type { TeamMember } from "../schema.ts";
import type { Deletions } from "./deletions.ts";
import type { TeamIndex } from "./team-index.ts";

/** How accounts are created and deleted, as the operator set it. */
export interface AccountOptions {
  /** Age up to which tasks share a reading of the roster, in milliseconds. */
  readonly rosterMaxAgeMs: number;
  /** Makes people inactive in the directory where its server cannot delete them. */
  readonly allowDeactivation: boolean;
}

/** What one action needs; it speaks to one directory from its beginning to its end. */
export interface AccountDeps extends AccountOptions {
  readonly scim: Pick<ScimClient, "createUser" | "deleteUser" | "findUsers" | "setActive" | "validate">;
  readonly team: SharedReading<TeamIndex>;
  readonly deletions: Deletions;
  /**
   * Removes a member whom the directory does not know; absent unless the operator has switched that on. `sentId` is the id by
   * which C1 knows the member, for messages.
   */
  readonly removeMember?: ((member: TeamMember, sentId: string, signal: AbortSignal) => Promise<void>) | undefined;
}
