import type { RequestMatcher } from "../../fakes/fault-answer.ts";
import type { Lasting, TaskKind } from "../injection.ts";
import { type Fault, fault, type LaneName } from "./fault.ts";
import {
  badGzip,
  body,
  brokenBefore,
  brokenHttp,
  cutShort,
  type HttpEffect,
  hangs,
  hangsAfter,
  lostAfter,
  noJson,
  redirects,
  statuses,
  throttled,
} from "./http-effects.ts";

const collection = /^\/Users$/;
const one = /^\/Users\/.+$/;

/** The calls of RFC 7644 that a task makes. `/Schemas` and `/ResourceTypes` are never asked for. */
const calls = {
  "GET /ServiceProviderConfig": { method: "GET", path: /^\/ServiceProviderConfig$/ },
  "GET /Users?filter": { method: "GET", path: collection, query: /^filter=userName / },
  "GET /Users/{id}": { method: "GET", path: one },
  "POST /Users": { method: "POST", path: collection },
  "PATCH /Users/{id}": { method: "PATCH", path: one },
  "PUT /Users/{id}": { method: "PUT", path: one },
  "DELETE /Users/{id}": { method: "DELETE", path: one },
} as const satisfies Readonly<Record<string, RequestMatcher>>;

const wrongLists: readonly HttpEffect[] = [
  body("list-of-nobody", JSON.stringify({ totalResults: 0, Resources: [] })),
  body("list-a-text", JSON.stringify({ totalResults: 1, Resources: "everybody" })),
  body("row-null", JSON.stringify({ totalResults: 1, Resources: [null] })),
  body("row-without-id", JSON.stringify({ totalResults: 1, Resources: [{ userName: "a@example.com" }] })),
  body("somebody-else", JSON.stringify({ totalResults: 1, Resources: [{ id: "x", userName: "x@example.com" }] })),
];

const somebodyElse = body("somebody-else", JSON.stringify({ id: "x", userName: "x@example.com", active: true }));

/** What a server may say of itself that is wrong, or not meant for us. */
const wrongDescriptions: readonly HttpEffect[] = [
  body("says-nothing", JSON.stringify({ schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"] })),
  body("patch-denied", JSON.stringify({ patch: { supported: false } })),
  body("patch-a-text", JSON.stringify({ patch: { supported: "no" }, etag: "yes", filter: [] })),
  body("etag-claimed", JSON.stringify({ etag: { supported: true } })),
  body("pages-of-nothing", JSON.stringify({ filter: { supported: true, maxResults: 0 } })),
  body("pages-of-a-fraction", JSON.stringify({ filter: { supported: true, maxResults: 0.5 } })),
];

const codes = statuses(400, 401, 403, 404, 409, 412, 500, 501, 502, 503, 504);
const transport: readonly HttpEffect[] = [...throttled, ...brokenBefore, ...cutShort, ...noJson];
const rare: readonly HttpEffect[] = [...badGzip("{}"), ...brokenHttp, ...redirects];

interface More {
  readonly lasting?: Lasting;
  readonly lane?: LaneName;
  readonly moreMs?: number;
}

/** A repeated call waits up to five seconds first. */
const waitMs = 3_000;

function faults(
  call: keyof typeof calls,
  task: TaskKind,
  effects: readonly HttpEffect[],
  { moreMs = 0, ...rest }: More = {},
): Fault[] {
  return effects.map(({ answer, effect, phase, takesMs = 3_000 }) =>
    fault({
      target: "scim",
      call,
      task,
      phase,
      effect,
      takesMs: takesMs + waitMs + moreMs,
      play: { at: "scim", on: calls[call], answer },
      ...rest,
    }),
  );
}

/** The SCIM directory. */
export const scimFaults: readonly Fault[] = [
  ...faults("GET /Users?filter", "create", [...codes, ...transport, ...wrongLists, ...rare, hangs]),
  ...faults("GET /Users?filter", "delete", [...codes, ...transport, ...wrongLists, hangs]),
  ...faults("GET /Users?filter", "delete", statuses(503), { lasting: "always", moreMs: 40_000 }),
  ...faults("POST /Users", "create", [
    ...codes,
    ...statuses(429, 520),
    ...transport,
    ...rare,
    ...lostAfter,
    somebodyElse,
    hangs,
    hangsAfter,
  ]),
  ...faults("POST /Users", "create", statuses(503), { lasting: "always" }),
  ...faults("PATCH /Users/{id}", "reactivate", [...codes, ...transport, ...lostAfter, hangs, hangsAfter]),
  ...faults("GET /Users/{id}", "reactivate", [...codes, ...transport, hangs]),
  ...faults("PUT /Users/{id}", "reactivate", [...codes, ...transport, ...lostAfter, hangs, hangsAfter], {
    lane: "no-patch",
  }),
  ...faults("DELETE /Users/{id}", "delete", [
    ...codes,
    ...statuses(405),
    ...transport,
    ...lostAfter,
    hangs,
    hangsAfter,
  ]),
  ...faults("DELETE /Users/{id}", "delete", statuses(503), { lasting: "always", moreMs: 40_000 }),
  ...faults("GET /Users/{id}", "delete", [...codes, ...transport, hangs]),
  // The type of the body is refused: another one is tried, and remembered, so that no other process can have seen it.
  ...faults("POST /Users", "create", statuses(415), { lane: "unlearnt" }),
  ...faults("POST /Users", "create", statuses(415), { lane: "unlearnt", lasting: "always" }),
  ...faults("PATCH /Users/{id}", "reactivate", statuses(415), { lane: "unlearnt" }),
  ...faults("PATCH /Users/{id}", "reactivate", statuses(415), { lane: "unlearnt", lasting: "always" }),
  ...faults("PUT /Users/{id}", "reactivate", statuses(415), { lane: "unlearnt-no-patch" }),
  ...faults("PUT /Users/{id}", "reactivate", statuses(415), { lane: "unlearnt-no-patch", lasting: "always" }),
  // Asked for once an hour, before the first change.
  ...faults(
    "GET /ServiceProviderConfig",
    "reactivate",
    [...codes, ...transport, ...rare, ...wrongDescriptions, hangs],
    {
      lane: "unlearnt",
    },
  ),
  ...faults("GET /ServiceProviderConfig", "reactivate", statuses(500), { lane: "unlearnt", lasting: "always" }),
  ...faults("GET /ServiceProviderConfig", "reactivate", statuses(503), {
    lane: "unlearnt",
    lasting: "always",
    moreMs: 40_000,
  }),
  ...faults("GET /ServiceProviderConfig", "delete", [...statuses(404, 500, 503), ...noJson.slice(0, 3)], {
    lane: "unlearnt",
  }),
];
