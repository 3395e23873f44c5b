import type { ResourceId } from "../baton/resource.ts";
import { StatusError } from "../baton/status-error.ts";

/** Bytes that C1's validation rules allow, by the field they belong to (c1.connector.v2 protos, `validate` options). */
export const maxBytes = { id: 1024, displayName: 1024, description: 2048, statusDetails: 1024 } as const;

/** Longest part of an id that is shown in a message, in UTF-16 units. */
const shownUnits = 80;

/**
 * Throws unless `value` is 1 to 1024 bytes long, which is what C1 accepts for ids. `what` names the field in the
 * message.
 */
export function checkId(value: string, what: string): void {
  if (value === "") throw new StatusError("internal", `the ${what} is empty: every row of a sync needs its id`);
  if (value.length * 3 <= maxBytes.id) return;
  const bytes = Buffer.byteLength(value);
  if (bytes <= maxBytes.id) return;
  throw new StatusError(
    "internal",
    `the ${what} ${shown(value)} is ${bytes} bytes long: C1 accepts at most ${maxBytes.id}`,
  );
}

/** Both parts of a resource id, checked. */
export function checkResourceId(id: ResourceId, what: string): void {
  checkId(id.resourceType, `resource type of ${what}`);
  checkId(id.resource, `id of ${what}`);
}

/** An id for an error message: quoted, shortened, and withheld when it holds an e-mail address. */
export function shown(id: string): string {
  if (id.includes("@")) return "(an id that holds an e-mail address)";
  return JSON.stringify(id.length > shownUnits ? `${id.slice(0, shownUnits)}…` : id);
}
