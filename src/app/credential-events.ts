import type { PodEvent } from "../kubernetes/events.ts";
import type { CredentialNews } from "./credentials.ts";

const names = {
  c1: "BATON_CLIENT_ID and BATON_CLIENT_SECRET",
  cursor_api: "BATON_CURSOR_API_KEY",
  cursor_scim: "BATON_CURSOR_SCIM_ENDPOINT and BATON_CURSOR_SCIM_TOKEN",
} as const;

/** What became of a version of a credential, for people who look at the pod. */
export function credentialEvent({ name, note, outcome }: CredentialNews): PodEvent {
  const what = names[name];
  switch (outcome) {
    case "activated":
      return { reason: "CredentialActivated", note: `a new version of ${what} is in use`, type: "Normal" };
    case "rejected":
      return { reason: "CredentialRejected", note: `a version of ${what} is not used: ${note}`, type: "Warning" };
    case "unreadable":
      return { reason: "CredentialUnreadable", note: `${what} cannot be read: ${note}`, type: "Warning" };
  }
}
