import { StatusError } from "../baton/status-error.ts";

/**
 * The token endpoint has refused the credentials. Its code may be one that a call also ends with when the task is somebody
 * else's, e.g. `permission_denied`; this tells the two apart.
 */
export class CredentialsRefused extends StatusError {}

/** Whether C1 rejected the credentials of a call, so that others may be accepted. */
export function isRejection(reason: unknown): boolean {
  return reason instanceof CredentialsRefused || (reason instanceof StatusError && reason.code === "unauthenticated");
}
