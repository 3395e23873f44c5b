import type { Parts } from "../../app/parts.ts";
import { emailKey } from "../../baton/email-address.ts";
import { StatusError } from "../../baton/status-error.ts";
import type { TeamSurvey } from "../../connectors/cursor/survey.ts";
import type { ScimClient } from "../../scim/client.ts";
import type { Listing } from "../../scim/paging.ts";
import { attempt, type Finding, good, skipped, warning } from "./finding.ts";
import type { DoctorFlags } from "./services.ts";

/** Where people are, by `emailKey`. */
interface People {
  /** Active members with a record in the directory. */
  readonly managed: ReadonlySet<string>;
  /** Active records of people who are not active in Cursor. */
  readonly pending: ReadonlySet<string>;
  /** Active members without a record. */
  readonly unmanaged: ReadonlySet<string>;
}

/** Who is in one place and not in the other: counts, and addresses only when asked for. */
export async function checkPeople(
  { upstreams }: Parts,
  { listPeople }: DoctorFlags,
  team: TeamSurvey | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { scim } = upstreams;
  if (scim === undefined) return [];
  if (team === undefined) return [skipped("people", "the member list was not read")];
  return attempt("people", async () => {
    const { managed, pending, unmanaged } = await compare(team.activeEmails, scim(), signal);
    const named = (people: ReadonlySet<string>) =>
      listPeople && people.size > 0 ? `${people.size} (${[...people].sort().join(", ")})` : String(people.size);
    const unknown = "members whom SCIM does not know";
    const fix = "C1 cannot delete them: assign them in the SCIM application, or remove them in Cursor's dashboard";
    return [
      good("people managed through SCIM", String(managed.size)),
      good("people in SCIM who have not signed in to Cursor", named(pending)),
      unmanaged.size === 0 ? good(unknown, "0") : warning(unknown, named(unmanaged), fix),
    ];
  });
}

async function compare(activeEmails: ReadonlySet<string>, scim: ScimClient, signal: AbortSignal): Promise<People> {
  const managed = new Set<string>();
  const pending = new Set<string>();
  const listing: Listing = { complete: true };
  for await (const users of scim.users(listing, signal)) {
    for (const { active, emails, userName } of users) {
      const own = [userName, ...emails].map(emailKey).filter((key) => activeEmails.has(key));
      for (const key of own) managed.add(key);
      if (own.length === 0 && active) pending.add(emailKey(userName));
    }
  }
  if (!listing.complete) throw new StatusError("unavailable", "the SCIM server did not list everybody: try again");
  return { managed, pending, unmanaged: new Set([...activeEmails].filter((key) => !managed.has(key))) };
}
