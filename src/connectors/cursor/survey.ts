import { emailKey } from "../../baton/email-address.ts";
import type { Logger } from "../../baton/logger.ts";
import { isJsonObject } from "../../http/json.ts";
import { type AdminApiDeps, createAdminApi } from "./client.ts";
import { type ReadMembersOptions, readMembers } from "./members.ts";
import { isKnownRole, roleId } from "./roles.ts";
import type { TeamMember } from "./schema.ts";

/** What the member list looks like, without anybody in it. */
export interface TeamShape {
  readonly bytes: number;
  readonly rows: number;
  readonly active: number;
  /** Names of all fields seen. */
  readonly fields: readonly string[];
  /** What kinds of ids the rows have, with how many rows each. */
  readonly ids: ReadonlyMap<string, number>;
  /** Roles of active members, with how many hold each. */
  readonly roles: ReadonlyMap<string, number>;
  readonly unknownRoles: readonly string[];
  readonly pages: number;
  /** Whether the answers speak of pages. */
  readonly paginated: boolean;
}

export interface TeamSurvey {
  readonly shape: TeamShape;
  /** `emailKey` of each active member that has an address. */
  readonly activeEmails: ReadonlySet<string>;
}

export interface SurveyDeps extends AdminApiDeps {
  readonly log: Logger;
}

/** Reads the member list to its end and tells what it looks like. Rejects as `readMembers`, with what the operator should do. */
export async function surveyTeam(
  deps: SurveyDeps,
  reading: Omit<ReadMembersOptions, "onPage">,
  signal: AbortSignal,
): Promise<TeamSurvey> {
  const nothing = { pages: 0, bytes: 0, rows: 0, paginated: false };
  const answers = { ...nothing };
  const fields = new Set<string>();
  const ids = new Map<string, number>();
  const onPage = (answer: unknown, bytes: number, page: number): void => {
    if (page === 1) {
      Object.assign(answers, nothing);
      ids.clear();
    }
    const object = isJsonObject(answer) ? answer : {};
    const rows: readonly unknown[] = Array.isArray(object["teamMembers"]) ? object["teamMembers"] : [];
    answers.pages += 1;
    answers.bytes += bytes;
    answers.rows += rows.length;
    answers.paginated ||= object["pagination"] !== undefined;
    for (const row of rows.filter(isJsonObject)) {
      for (const field of Object.keys(row)) fields.add(field);
      count(ids, idKind(row));
    }
  };
  const { members } = await readMembers(
    createAdminApi({ ...deps, hasty: true }),
    { ...reading, onPage },
    deps.log,
    signal,
  );
  const active = members.filter(({ removed }) => !removed);
  return {
    shape: { ...answers, ...rolesOf(active), active: active.length, fields: [...fields].sort(), ids },
    activeEmails: new Set(active.flatMap(({ email }) => emailKey(email) || [])),
  };
}

function rolesOf(active: readonly TeamMember[]): Pick<TeamShape, "roles" | "unknownRoles"> {
  const roles = new Map<string, number>();
  for (const { role } of active) count(roles, role);
  return { roles, unknownRoles: [...roles.keys()].filter((role) => role !== "" && !isKnownRole(roleId(role))) };
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

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
