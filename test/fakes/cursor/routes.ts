import type { IncomingMessage } from "node:http";
import type { Reply } from "../fault-answer.ts";
import { isActive, type Roster, sameEmail } from "./roster.ts";
import type { MemberView, RemovalDelay } from "./types.ts";

/** What one request is answered from. */
export interface Desk {
  /** Keys that are accepted. */
  apiKeys: readonly string[];
  readonly roster: Roster;
  readonly removals: RemovalDelay;
  /** Removals that have been answered but do not show yet. */
  readonly waiting: MemberView[];
  pageSize: number | undefined;
}

/** What the real API answers; the bodies of errors have the shapes seen of it. */
export function route(desk: Desk, request: IncomingMessage, text: string): Reply {
  const url = new URL(request.url ?? "/", "http://localhost");
  const key = keyOf(request);
  if (key === undefined || !desk.apiKeys.includes(key)) {
    const message = key?.startsWith("user_") === true ? "Invalid Team API Key" : "Invalid API key";
    return json(401, { error: "Unauthorized", message });
  }
  const methods: Readonly<Record<string, string>> = { "/teams/members": "GET", "/teams/remove-member": "POST" };
  const method = methods[url.pathname];
  if (method === undefined) return json(404, { error: "Not Found", message: "no such route" });
  if (request.method !== method) return json(405, { error: "Method Not Allowed", message: `use ${method}` });
  if (method === "POST") return removeMember(desk, request, text);
  return { status: 200, headers: jsonType, body: membersJson(desk, url) };
}

/** The key that a request carries in its one right form: as a user name without a password. */
export function keyOf({ headers }: IncomingMessage): string | undefined {
  const [scheme, credentials = "", ...more] = (headers.authorization ?? "").split(" ");
  const [key = "", password, ...rest] = Buffer.from(credentials, "base64").toString().split(":");
  const whole = scheme === "Basic" && password === "" && more.length === 0 && rest.length === 0;
  return whole && Buffer.from(`${key}:`).toString("base64") === credentials ? key : undefined;
}

const jsonType = { "content-type": "application/json" } as const;

function json(status: number, body: unknown): Reply {
  return { status, headers: jsonType, body: [JSON.stringify(body)] };
}

/** The answer piece by piece, so that a large team is never one string. */
function* membersJson({ pageSize, roster }: Desk, url: URL): Generator<string> {
  const page = Number(url.searchParams.get("page") ?? "1");
  const first = pageSize === undefined ? 0 : (page - 1) * pageSize;
  let left = pageSize ?? Number.POSITIVE_INFINITY;
  let more = false;
  let separator = "";
  yield '{"teamMembers":[';
  for (const row of roster.rows(first)) {
    more = left === 0;
    if (more) break;
    yield separator + JSON.stringify(row);
    separator = ",";
    left -= 1;
  }
  yield "]";
  if (pageSize !== undefined) yield `,"pagination":${JSON.stringify({ page, pageSize, hasNextPage: more })}`;
  yield "}";
}

/** Removes one member; what is refused is said in `error` itself, as this endpoint alone does. */
function removeMember(desk: Desk, request: IncomingMessage, text: string): Reply {
  const concerns = request.headers["content-type"]?.startsWith("application/json") ? readTarget(text) : undefined;
  if (concerns === undefined) return json(400, { error: "Exactly one of userId or email must be provided" });
  const active = desk.roster.members.filter((row) => isActive(row) && !desk.waiting.includes(row));
  const gone = active.filter(concerns);
  const [row] = gone;
  if (row === undefined) return json(404, { error: "User is not a member of this team" });
  const stay = active.filter((each) => !gone.includes(each));
  if (!stay.some(({ role }) => role === "owner" || role === "free-owner"))
    return json(400, { error: "Cannot remove the last admin of the team" });
  if (!stay.some(({ role }) => role !== "free-owner"))
    return json(400, { error: "Cannot remove the last paid member of the team" });
  desk.waiting.push(...gone);
  if (desk.removals === "at once") applyRemovals(desk);
  return json(200, { success: true, userId: String(row.id), hasBillingCycleUsage: true });
}

function readTarget(text: string): ((row: MemberView) => boolean) | undefined {
  const body = parsed(text);
  if (typeof body !== "object" || body === null || Object.keys(body).length !== 1) return undefined;
  const { userId, email } = body as { readonly userId?: unknown; readonly email?: unknown };
  if (typeof email === "string" && email !== "") return (row) => sameEmail(row, email);
  if (typeof userId === "string" && userId !== "")
    return (row) => String(row.id) === userId || ("publicId" in row && row.publicId === userId);
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Marks the rows removed that wait for it. */
export function applyRemovals({ roster, waiting }: Desk): void {
  const rows = waiting.splice(0);
  roster.remove((row) => rows.includes(row));
}
