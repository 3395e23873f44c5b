import type { FaultAnswer } from "../../fakes/fault-answer.ts";
import type { Lasting, TaskKind } from "../injection.ts";
import { both, type Fault, type FaultParts, fault, type Play, type World } from "./fault.ts";
import {
  badGzip,
  brokenBefore,
  brokenHttp,
  cutShort,
  goodGzip,
  type HttpEffect,
  hangs,
  hangsAfter,
  lostAfter,
  noJson,
  redirects,
  statuses,
  throttled,
} from "./http-effects.ts";

type Rows = World["rows"];
type CursorPlay = Extract<Play, { readonly at: "cursor" }>;

const members = { method: "GET", path: /^\/teams\/members$/ } as const;
const removal = { method: "POST", path: /^\/teams\/remove-member$/ } as const;

const roster = (rows: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): FaultAnswer => ({
  json: { teamMembers: rows, ...more },
});
/** Every row with these fields instead of its own; `undefined` leaves a field out. */
const with_ = (rows: Rows, fields: (index: number) => Readonly<Record<string, unknown>>): FaultAnswer =>
  roster(rows.map((row, index) => ({ ...row, ...fields(index) })));
/** The last active row is wrong, the others are right. */
const oneWrong = (rows: Rows, fields: Readonly<Record<string, unknown>>): FaultAnswer => {
  const at = rows.findLastIndex(({ isRemoved }) => !isRemoved);
  return with_(rows, (index) => (index === at ? fields : {}));
};

/** Lists that are none of a team: the sync must fail. */
export const impossibleRosters: Readonly<Record<string, (rows: Rows) => FaultAnswer>> = {
  "list-empty": () => roster([]),
  "list-absent": () => ({ json: { pagination: { hasNextPage: false } } }),
  "list-null": () => ({ json: { teamMembers: null } }),
  "list-an-object": (rows) => ({ json: { teamMembers: Object.fromEntries(rows.map((row) => [row.id, row])) } }),
  "list-under-members": (rows) => ({ json: { members: rows } }),
  "list-at-the-root": (rows) => ({ json: rows }),
  "only-removed": (rows) => with_(rows, () => ({ isRemoved: true })),
  "no-admin": (rows) => with_(rows, () => ({ role: "member" })),
  "row-null": (rows) => roster([...rows, null]),
  "row-a-text": (rows) => roster([...rows, "user_1"]),
  "row-a-list": (rows) => roster([...rows, []]),
  "id-an-object": (rows) => oneWrong(rows, { id: { value: "user_1" } }),
  "id-a-fraction": (rows) => oneWrong(rows, { id: 1.5 }),
  "id-too-large": (rows) => oneWrong(rows, { id: 2 ** 60 }),
  "id-too-long": (rows) => oneWrong(rows, { id: `user_${"a".repeat(600)}` }),
  "id-with-control-character": (rows) => oneWrong(rows, { id: "user_1\u0000" }),
  "email-a-number": (rows) => oneWrong(rows, { email: 7 }),
  "email-too-long": (rows) => oneWrong(rows, { email: `${"a".repeat(600)}@example.com` }),
  "name-a-list": (rows) => oneWrong(rows, { name: ["Ada"] }),
  "role-a-number": (rows) => oneWrong(rows, { role: 1 }),
  "role-too-long": (rows) => oneWrong(rows, { role: "r".repeat(200) }),
  "removed-a-text": (rows) => oneWrong(rows, { isRemoved: "false" }),
  "pagination-a-list": (rows) => roster(rows, { pagination: [] }),
  "next-page-a-text": (rows) => roster(rows, { pagination: { hasNextPage: "false" } }),
  oversized: (rows) => roster(rows, { filler: "x".repeat(5 * 1024 * 1024) }),
};

/** Odd lists that say who is in the team all the same. The manifest knows each by its name. */
const oddRosters: Readonly<Record<string, (rows: Rows) => FaultAnswer>> = {
  gzip: (rows) => goodGzip(JSON.stringify({ teamMembers: rows })),
  "labelled-html": (rows) => ({ ...roster(rows), headers: { "content-type": "text/html" } }),
  "rows-twice": (rows) => roster([...rows, ...rows]),
  "rows-reversed": (rows) => roster(rows.toReversed()),
  "unknown-fields": (rows) => with_(rows, (index) => ({ seat: index, nested: { deep: [1, 2] } })),
  "removed-flag-absent": (rows) => with_(rows, () => ({ isRemoved: undefined })),
  "names-null": (rows) => with_(rows, () => ({ name: null })),
  "roles-in-capitals": (rows) =>
    roster(rows.map((row) => ({ ...row, role: row.role.toUpperCase().replace("-", "_") }))),
  "ids-absent": (rows) => with_(rows, () => ({ id: undefined })),
  "ids-numbers": (rows) => with_(rows, (index) => ({ id: 1_000 + index })),
  "public-ids": (rows) => roster(rows.map((row, index) => ({ ...row, id: 1_000 + index, publicId: row.id }))),
  "role-unknown": (rows) => oneWrong(rows, { role: "Billing Admin" }),
  "pagination-without-next": (rows) => roster(rows, { pagination: { page: 1, hasNextPage: false } }),
};

const refused = statuses(400, 401, 403, 404, 405, 409, 410, 422, 501);
const passing = statuses(408, 500, 502, 503, 504, 520, 599);
const transport: readonly HttpEffect[] = [
  ...throttled,
  ...brokenBefore,
  ...cutShort,
  { phase: "after-effect", effect: "reset", answer: { resetAfterEffect: true } },
  ...noJson,
  ...badGzip('{"teamMembers":[]}'),
  ...brokenHttp,
  ...redirects,
  hangs,
];

type More = Pick<FaultParts, "lane" | "attempts" | "underTest"> & {
  readonly lasting?: Lasting;
  readonly moreMs?: number;
  readonly pageSize?: number;
};

function faults(
  call: string,
  task: TaskKind,
  effects: readonly (Omit<HttpEffect, "answer"> & { readonly answer: CursorPlay["answer"] })[],
  { moreMs = 0, pageSize, ...rest }: More = {},
): Fault[] {
  const on = call.startsWith("POST") ? removal : members;
  return effects.map(({ answer, effect, phase, takesMs = 3_000 }) => {
    const play: Play = { at: "cursor", on, answer, ...(pageSize === undefined ? {} : { pageSize }) };
    return fault({ target: "cursor", call, task, phase, effect, takesMs: takesMs + moreMs, play, ...rest });
  });
}

function rosters(lists: typeof oddRosters) {
  return Object.entries(lists).map(([effect, make]) => ({
    phase: "answer" as const,
    effect,
    answer: (world: World) => make(world.rows),
  }));
}

const paged: readonly HttpEffect[] = [
  ...statuses(401, 500, 503),
  ...brokenBefore.slice(0, 2),
  ...cutShort.slice(0, 1),
  ...noJson.slice(0, 3),
];
const basics = [
  ...refused.slice(0, 4),
  ...passing.slice(1, 4),
  ...brokenBefore,
  ...noJson,
  ...cutShort.slice(0, 1),
  hangs,
];
const get = "GET /teams/members";
const post = "POST /teams/remove-member";

/** Cursor's Admin API. */
export const cursorFaults: readonly Fault[] = [
  ...faults(get, "sync", [...refused, ...passing, ...transport], { underTest: both }),
  ...faults(get, "sync", [...rosters(impossibleRosters), ...rosters(oddRosters)]),
  ...faults(get, "sync", statuses(503), { underTest: both, lasting: "thrice", moreMs: 5_000 }),
  ...faults(get, "sync", [...statuses(500, 503), ...brokenBefore.slice(0, 1), ...cutShort.slice(0, 1)], {
    underTest: both,
    lasting: "always",
    moreMs: 12_000,
  }),
  ...faults(`${get}?page`, "sync", paged, { attempts: [1, 2, 3], underTest: both, pageSize: 12 }),
  ...faults(get, "create", [...basics, ...rosters(impossibleRosters).slice(0, 10)]),
  ...faults(get, "delete", [...basics, ...rosters(impossibleRosters).slice(0, 10)]),
  ...faults(
    post,
    "remove",
    [
      ...statuses(400, 401, 403, 404, 405, 409, 429, 500, 501, 502, 503, 504),
      ...brokenBefore,
      ...lostAfter,
      ...noJson,
      ...cutShort.slice(0, 1),
      hangs,
      hangsAfter,
    ],
    { lane: "removal", moreMs: 2_000 },
  ),
];
