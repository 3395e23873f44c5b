import type { Lasting, TaskKind } from "../injection.ts";
import { both, type Fault, type FaultParts, fault, type NetworkAction, type Play, type TokenMoment } from "./fault.ts";
import {
  badGzip,
  body,
  brokenBefore,
  brokenHttp,
  cutShort,
  type HttpEffect,
  lostAfter,
  noJson,
  redirects,
  status,
  statuses,
  throttled,
} from "./http-effects.ts";

const call = "POST /auth/v1/token";
const target = "token";

const token = (fields: Readonly<Record<string, unknown>>): string => JSON.stringify(fields);
const some = { access_token: "nobody-knows-this-one", token_type: "Bearer", expires_in: 600 };

const wrongTokens: readonly HttpEffect[] = [
  body("token-missing", token({ ...some, access_token: undefined })),
  body("token-empty", token({ ...some, access_token: "" })),
  body("token-a-number", token({ ...some, access_token: 7 })),
  body("token-with-newline", token({ ...some, access_token: "a\r\nx-evil: 1" })),
  body("token-of-another", token(some)),
  body("type-with-newline", token({ ...some, token_type: "Bearer\r\nx-evil: 1" })),
  body("oversized", token({ ...some, filler: "x".repeat(300_000) })),
];

const refused = statuses(400, 401, 403, 404);
const passing = statuses(405, 408, 409, 418, 429, 500, 501, 502, 503, 504, 520);
const hangs: HttpEffect = { phase: "before", effect: "hang", answer: { hang: true }, takesMs: 35_000 };
const everything = [
  ...refused,
  ...passing,
  ...throttled,
  ...brokenBefore,
  ...lostAfter,
  ...cutShort,
  ...noJson,
  ...wrongTokens,
  ...badGzip(token(some)),
  ...brokenHttp,
  ...redirects,
  hangs,
];

function faults(
  task: TaskKind,
  moment: TokenMoment,
  effects: readonly HttpEffect[],
  more: Pick<FaultParts, "lane" | "underTest"> & { readonly lasting?: Lasting; readonly moreMs?: number } = {},
): Fault[] {
  const { moreMs = 0, ...rest } = more;
  return effects.map(({ answer, effect, phase, takesMs = 4_000 }) => {
    const play: Play = { at: "token", moment, answer };
    return fault({ target, call, task, phase, effect, takesMs: takesMs + moreMs, play, ...rest });
  });
}

const terms: readonly (readonly [string, Omit<Extract<Play, { at: "token-terms" }>, "at">])[] = [
  ["type-absent", { tokenType: undefined }],
  ["type-empty", { tokenType: "" }],
  ["type-lower-case", { tokenType: "bearer" }],
  ["type-custom", { tokenType: "Custom" }],
  ["expires-absent", { expiresIn: undefined }],
  ["expires-0", { expiresIn: 0 }],
  ["expires-negative", { expiresIn: -600 }],
  ["expires-1", { expiresIn: 1 }],
  ["expires-huge", { expiresIn: 10 ** 15 }],
];

const networks: readonly NetworkAction[] = [
  "outage",
  "black-hole",
  "untrusted-certificate",
  "wrong-host-certificate",
  "tls-1.1",
  "plaintext",
];

/** The token endpoint: at the start, while idle, and when a task's own call needs a new token. */
export const tokenFaults: readonly Fault[] = [
  ...faults("start", "start", everything, { underTest: both }),
  ...faults("start", "start", [status(503), ...noJson.slice(0, 1)], {
    underTest: both,
    lasting: "thrice",
    moreMs: 10_000,
  }),
  ...faults("start", "start", [status(401)], { underTest: both, lasting: "always" }),
  ...faults(
    "idle",
    "now",
    everything.filter(({ effect }) => effect !== "hang"),
  ),
  // The first heartbeat needs it, the upload, and the report.
  ...faults("sync", "hand-out", [...refused, ...passing, ...brokenBefore, ...lostAfter], { lane: "single" }),
  ...faults("sync", "first-beat", [...refused, ...passing, ...brokenBefore, ...lostAfter].map(atUpload), {
    lane: "single",
  }),
  ...faults("create", "hand-out", [...refused, ...passing, ...brokenBefore, ...lostAfter], { lane: "single" }),
  ...terms.map(([effect, given]) =>
    fault({
      target,
      call,
      task: "start",
      phase: "answer",
      effect,
      underTest: both,
      play: { at: "token-terms", ...given },
    }),
  ),
  ...networks.map((action) =>
    fault({
      target,
      call,
      task: "start",
      phase: "before",
      effect: action,
      takesMs: 15_000,
      underTest: both,
      play: { at: "network", action },
    }),
  ),
];

/** Told apart from the same effect at the first heartbeat. */
function atUpload({ effect, phase, ...rest }: HttpEffect): HttpEffect {
  return { ...rest, phase, effect: `${effect}-at-upload` };
}
