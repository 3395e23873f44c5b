import type { AccountDeletion, Approve, PlannedChange } from "../../../baton/account.ts";
import { emailKey } from "../../../baton/email-address.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { severalRecords } from "../../../scim/create-user.ts";
import type { Lookup } from "../../../scim/lookup.ts";
import type { ScimUser } from "../../../scim/schema.ts";
import type { Reservation, Where } from "./deletions.ts";
import type { AccountDeps } from "./deps.ts";
import { incompleteList, refuseForeign, refuseSecondary } from "./record-checks.ts";
import { findTarget, type Target } from "./target.ts";

/** Deletes what `findTarget` found. Only one call per person may run at a time. */
export async function deleteTarget(
  deps: AccountDeps,
  target: Target,
  approve: Approve,
  signal: AbortSignal,
): Promise<AccountDeletion> {
  const found = await deps.scim.findUsers(target.email, true, signal);
  const [record, ...others] = found.users;
  if (others.length > 0) throw severalRecords(found.users);
  if (record === undefined) return deleteUnmanaged(deps, target, found, approve, signal);
  refuseSecondary(record, target.email);
  refuseForeign(target, record);
  return withReservation(deps, target, "directory", async (reservation) => {
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
  const { removeMember } = deps;
  if (!found.complete) throw incompleteList();
  if (target.member === undefined || target.member.removed) return { kind: "gone" };
  if (deps.deletions.hasEffect(target.member.id, target.team)) return { kind: "deleted" };
  if (removeMember !== undefined) await proveUnmanaged(deps, target, found, signal);
  const now = await lookAgain(deps, target, signal);
  if (now === undefined) return { kind: "gone" };
  if (removeMember === undefined) throw notManaged(target.id);
  return withReservation(deps, now, "team", async (reservation) => {
    if (!(await approve(plan("remove", now, undefined), signal))) return "declined";
    await removeMember(now.member, now.id, signal);
    reservation.done();
    return "deleted";
  });
}

/**
 * A removal cannot be undone, so the whole directory is read once more: its pages shift when people come and go during a
 * reading.
 */
async function proveUnmanaged(
  deps: AccountDeps,
  { email, id }: Target,
  found: Lookup,
  signal: AbortSignal,
): Promise<void> {
  if (found.directorySize === 0) throw emptyDirectory(id);
  const again = await deps.scim.findUsers(email, true, signal);
  if (!again.complete) throw incompleteList();
  if (again.users.length > 0) throw changedMeanwhile(id);
}

type Present = Target & { readonly member: NonNullable<Target["member"]> };

/** The target on a new roster, because the verdict is final; `undefined` when the member is gone. */
async function lookAgain(deps: AccountDeps, target: Target, signal: AbortSignal): Promise<Present | undefined> {
  await deps.team.get(0, signal);
  const now = await findTarget(deps, target.id, signal);
  if (now?.member === undefined || now.member.removed) return undefined;
  if (emailKey(now.email) !== emailKey(target.email)) throw changedMeanwhile(target.id);
  return { ...now, member: now.member };
}

/** Codes of failures that leave it open whether the change was made. */
const unclear: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "internal", "cancelled"]);

async function withReservation(
  { deletions }: AccountDeps,
  { id, member, team }: Target,
  where: Where,
  work: (reservation: Reservation) => Promise<AccountDeletion["kind"]>,
): Promise<AccountDeletion> {
  const nobody: Reservation = { done: () => undefined, unclear: () => undefined, release: () => undefined };
  const reservation = member === undefined || member.removed ? nobody : deletions.reserve(member, team, id);
  try {
    const kind = await work(reservation);
    if (kind === "declined") reservation.release();
    return { kind };
  } catch (reason) {
    if (unclear.has(StatusError.from(reason).code)) reservation.unclear(where);
    else reservation.release();
    throw reason;
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

function changedMeanwhile(id: string): StatusError {
  return new StatusError(
    "unavailable",
    `user ${JSON.stringify(id)} changed in Cursor or in the SCIM directory while it was looked at; nothing was changed: ask again`,
  );
}
