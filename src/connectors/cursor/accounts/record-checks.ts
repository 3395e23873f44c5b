import { emailKey, isEmailAddress, shownId } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import type { Target } from "./target.ts";

/**
 * Throws `failed_precondition` for a record that has the address only as one of several and is known by another one, its primary
 * address or, where it has none, its user name: it is somebody else's.
 */
export function refuseSecondary(record: ScimUser, email: string): void {
  const key = emailKey(email);
  const primary = emailKey(record.primaryEmail ?? "");
  if (key === primary || key === emailKey(record.userName)) return;
  if (primary === "" && !isEmailAddress(record.userName.trim())) return;
  throw new StatusError(
    "failed_precondition",
    `the only SCIM record with this e-mail address (id ${shownId(record.id)}) has it as a further address of somebody whose primary address or user name is another one; nothing was changed: put the addresses right in the directory`,
  );
}

/** A record may answer to several addresses; if one of them is another active member's, deleting it would hit them. */
export function refuseForeign({ email, id, member, team }: Target, record: ScimUser): void {
  const own = emailKey(email);
  for (const key of [record.userName, ...record.emails].map(emailKey)) {
    const other = key === own ? undefined : team.activeByEmail(key);
    if (other === undefined || other.id === member?.id) continue;
    throw new StatusError(
      "failed_precondition",
      `the SCIM record of user ${JSON.stringify(id)} also has the e-mail address of another active Cursor member (${shownId(other.id)}); nothing was changed: put the addresses right in the directory`,
    );
  }
}

/** What is not in a list that was cut off may be there all the same. */
export function incompleteList(): StatusError {
  return new StatusError(
    "unavailable",
    "the SCIM server listed fewer users than it says it has, so that it is not certain whether the person is among them; nothing was changed: try again",
  );
}
