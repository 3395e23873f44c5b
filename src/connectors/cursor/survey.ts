import { emailKey } from "../../baton/email-address.ts";
import { isJsonObject } from "../../http/json.ts";
import { type AdminApiDeps, createAdminApi } from "./client.ts";
import { parseMembersJson } from "./members.ts";
import { isKnownRole, roleId } from "./roles.ts";
import { createPageReader, type TeamMember } from "./schema.ts";

/** What the member list looks like, without anybody in it. */
export interface TeamShape {
  readonly bytes: number;
  readonly rows: number;
  readonly active: number;
  /** Names of all fields seen. */
  readonly fields: readonly string[];
  /** What kinds of ids the rows have, with how many rows each. */
  readonly ids: Readonly<Record<string, number>>;
  /** Roles of active members, with how many hold each. */
  readonly roles: Readonly<Record<string, number>>;
  readonly unknownRoles: readonly string[];
  /** Whether the answer speaks of pages, and of more of them. */
  readonly paginated: boolean;
  readonly hasNextPage: boolean;
}

export interface TeamSurvey {
  readonly shape: TeamShape;
  /** `emailKey` of each active member that has an address. */
  readonly activeEmails: ReadonlySet<string>;
}

/** Reads the first page of the member list and tells what it looks like. Rejects with what the operator should do. */
export async function surveyTeam(deps: AdminApiDeps, signal: AbortSignal): Promise<TeamSurvey> {
  return createAdminApi(deps).send(
    {
      operation: "members",
      method: "GET",
      path: "/teams/members",
      decode(response) {
        const answer = parseMembersJson(response);
        const page = createPageReader()(answer, 1);
        return {
          shape: { ...shapeOf(answer, page.members), bytes: response.body.length, hasNextPage: page.hasNextPage },
          activeEmails: new Set(page.members.filter(isActive).map(({ email }) => emailKey(email))),
        };
      },
    },
    signal,
  );
}

function isActive({ email, removed }: TeamMember): boolean {
  return !removed && email.trim() !== "";
}

function shapeOf(answer: unknown, members: readonly TeamMember[]): Omit<TeamShape, "bytes" | "hasNextPage"> {
  const object = isJsonObject(answer) ? answer : {};
  const rows: readonly unknown[] = Array.isArray(object["teamMembers"]) ? object["teamMembers"] : [];
  const objects = rows.filter(isJsonObject);
  const active = members.filter(({ removed }) => !removed);
  const roles = countBy(active.map(({ role }) => role));
  return {
    rows: rows.length,
    active: active.length,
    fields: [...new Set(objects.flatMap((row) => Object.keys(row)))].sort(),
    ids: countBy(objects.map(idKind)),
    roles,
    unknownRoles: Object.keys(roles).filter((role) => role !== "" && !isKnownRole(roleId(role))),
    paginated: object["pagination"] !== undefined,
  };
}

function idKind({ id, publicId }: Readonly<Record<string, unknown>>): string {
  const own = typeof id === "number" ? "number" : textKind(id);
  return publicId === undefined ? own : `${own} with publicId ${textKind(publicId)}`;
}

function textKind(id: unknown): string {
  if (typeof id !== "string" || id === "") return "missing";
  if (id.startsWith("user_")) return "user_ text";
  return /^\d+$/.test(id) ? "digits in a text" : "other text";
}

function countBy(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}
