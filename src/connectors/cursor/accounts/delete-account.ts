import type { AccountDeletion, Approve, PlannedChange } from "../../../baton/account.ts";
import { emailKey, isEmailAddress } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { severalRecords } from "../../../scim/create-user.ts";
import type { Lookup } from "../../../scim/lookup.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import { emailKeyOfId, isEmailId, type TeamMember } from "../schema.ts";
import type { Reservation } from "./deletions.ts";
import type { AccountDeps } from "./deps.ts";
import type { TeamIndex } from "./team-index.ts";

/** Whose account is meant. */
export interface Target {
  /** The id as C1 gave it, for messages. */
  readonly id: string;
  readonly email: string;
  /** Absent when the roster does not show the person. */
  readonly member: TeamMember | undefined;
}

/**
 * Whom a resource id means; `undefined` when there is nobody to delete. That is said on the ground of a new roster only: a
 * person may have joined since the last one. Throws `failed_precondition` for a person who cannot be told from others.
 */
export async function findTarget(deps: AccountDeps, id: string, signal: AbortSignal): Promise<Target | undefined> {
  const known = lookInto(await deps.team.get(deps.rosterMaxAgeMs, signal), id);
  const { email, member } = known.member === undefined ? lookInto(await deps.team.get(0, signal), id) : known;
  if (isEmailAddress(email)) return { id, email, member };
  if (member === undefined || member.removed) return undefined;
  throw new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} has no usable e-mail address in Cursor, which is the only thing that connects members with the SCIM directory; nothing was changed: remove the member in Cursor's dashboard`,
  );
}

function lookInto(team: TeamIndex, id: string): { email: string; member: TeamMember | undefined } {
  const key = isEmailId(id) ? emailKeyOfId(id) : "";
  const member = team.byId(id) ?? (key === "" ? undefined : team.activeByEmail(key));
  return { member, email: member?.email.trim() ?? key };
}

/** Deletes what `findTarget` found. Only one call per person may run at a time. */
export async function deleteTarget(
  deps: AccountDeps,
  target: Target,
  approve: Approve,
  signal: AbortSignal,
): Promise<AccountDeletion> {
  const team = await deps.team.get(deps.rosterMaxAgeMs, signal);
  // Several active members with the address: refused here.
  team.activeByEmail(emailKey(target.email));
  const found = await deps.scim.findUsers(target.email, true, signal);
  const [record, ...others] = found.users;
  if (others.length > 0) throw severalRecords(found.users);
  if (record === undefined) return deleteUnmanaged(deps, target, found, approve, signal);
  refuseForeignRecord(target, record, team);
  return withReservation(deps, target, team, async (reservation) => {
    if (!(await approve(plan("delete", target, record), signal))) return "declined";
    return eraseRecord(deps, record, reservation, signal);
  });
}

/** Removes the record, or makes it inactive where the server has no deletion and the operator allows that. */
async function eraseRecord(
  { allowDeactivation, scim }: AccountDeps,
  record: ScimUser,
  reservation: Reservation,
  signal: AbortSignal,
): Promise<AccountDeletion["kind"]> {
  const deletion = await scim.deleteUser(record, signal);
  if (deletion !== "unsupported") {
    reservation.done();
    return deletion;
  }
  if (!allowDeactivation) {
    throw new StatusError(
      "failed_precondition",
      "the SCIM server does not delete users; nothing was changed: allow making them inactive instead with BATON_CURSOR_SCIM_ALLOW_DEACTIVATION=true",
    );
  }
  const done = await scim.setActive(record, false, signal);
  reservation.done();
  return done === "gone" ? "deleted" : "deactivated";
}

/** The directory has no record of the person: it is gone, or Cursor knows it some other way. */
async function deleteUnmanaged(
  deps: AccountDeps,
  target: Target,
  found: Lookup,
  approve: Approve,
  signal: AbortSignal,
): Promise<AccountDeletion> {
  const { member } = target;
  if (!found.complete) throw incompleteList();
  if (member === undefined || member.removed) return { kind: "gone" };
  if (deps.deletions.has(member.id)) return { kind: "deleted" };
  const { removeMember } = deps;
  if (removeMember === undefined) throw notManaged(target.id);
  if (found.directorySize === 0) throw emptyDirectory(target.id);
  // Not undone by anything, so the roster has to be of now.
  const team = await deps.team.get(0, signal);
  if (!team.isActive(member.id)) return { kind: "gone" };
  return withReservation(deps, target, team, async (reservation) => {
    if (!(await approve(plan("remove", target, undefined), signal))) return "declined";
    await removeMember(member, signal);
    reservation.done();
    return "deleted";
  });
}

/** Codes of failures that leave it open whether the change was made. */
const unclear: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "internal", "cancelled"]);

async function withReservation(
  { deletions }: AccountDeps,
  { member }: Target,
  team: TeamIndex,
  work: (reservation: Reservation) => Promise<AccountDeletion["kind"]>,
): Promise<AccountDeletion> {
  const nobody: Reservation = { done: () => undefined, release: () => undefined };
  const reservation = member === undefined || member.removed ? nobody : deletions.reserve(member, team);
  try {
    const kind = await work(reservation);
    if (kind === "declined") reservation.release();
    return { kind };
  } catch (reason) {
    if (!unclear.has(StatusError.from(reason).code)) reservation.release();
    throw reason;
  }
}

/** A record may answer to several addresses; if one of them is another active member's, deleting it would hit them. */
function refuseForeignRecord(target: Target, record: ScimUser, team: TeamIndex): void {
  const own = emailKey(target.email);
  for (const key of [record.userName, ...record.emails].map(emailKey)) {
    const other = key === own ? undefined : team.activeByEmail(key);
    if (other === undefined || other.id === target.member?.id) continue;
    throw new StatusError(
      "failed_precondition",
      `the SCIM record of user ${JSON.stringify(target.id)} also has the e-mail address of user ${JSON.stringify(other.id)}, who is an active Cursor member; nothing was changed: put the addresses right in the directory`,
    );
  }
}

function plan(action: "delete" | "remove", { email, member }: Target, record: ScimUser | undefined): PlannedChange {
  return {
    action,
    person: { email, name: member?.name ?? "", role: member?.role ?? "", resourceId: member?.id },
    directoryId: record?.id,
  };
}

function notManaged(id: string): StatusError {
  return new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} is an active Cursor member, but the SCIM directory has no record of it: the member is not managed through SCIM and cannot be removed by this connector. ` +
      "Remove the member in Cursor's dashboard, or assign the person in the SCIM application once and deprovision there",
  );
}

function emptyDirectory(id: string): StatusError {
  return new StatusError(
    "failed_precondition",
    `user ${JSON.stringify(id)} would be removed from Cursor because the SCIM directory does not know it, but that directory has no users at all; nothing was changed: check BATON_CURSOR_SCIM_ENDPOINT`,
  );
}

function incompleteList(): StatusError {
  return new StatusError(
    "unavailable",
    "the SCIM server listed fewer users than it says it has, so that it is not certain whether the person is among them; nothing was changed: try again",
  );
}
