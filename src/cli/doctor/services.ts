import { openC1, proveC1Pair } from "../../app/c1.ts";
import type { AppDeps } from "../../app/deps.ts";
import type { Parts } from "../../app/parts.ts";
import type { TeamShape, TeamSurvey } from "../../connectors/cursor/survey.ts";
import { attempt, type Finding, failed, good, skipped, warning } from "./finding.ts";

/** What the operator asked the check-up to do beyond reading. */
export interface DoctorFlags {
  /** Say Hello to C1, which C1 shows as a sign of life. */
  readonly hello: boolean;
  /** Name unmanaged and pending people. */
  readonly listPeople: boolean;
}

/** A token from C1, and Hello if asked for. */
export async function checkC1(
  deps: AppDeps,
  parts: Parts,
  flags: DoctorFlags,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const pair = parts.credentials.c1.active();
  if (pair === undefined) return [skipped("C1: token", "there are no C1 credentials: one-shot mode")];
  const token = await attempt("C1: token", async () => {
    await proveC1Pair(deps, parts, pair, signal);
    return [good("C1: token", `${pair.tokenHost} gave one for this client id`)];
  });
  if (token.some(({ status }) => status === "failed")) return token;
  if (!flags.hello) return [...token, skipped("C1: Hello", "add --hello to say it")];
  const c1 = openC1(deps, parts);
  try {
    c1.adopt(pair);
    const hello = await attempt("C1: Hello", async () => {
      await c1.hello("", parts.connector.metadata, signal);
      return [good("C1: Hello", "answered")];
    });
    return [...token, ...hello];
  } finally {
    c1.close();
  }
}

/** What Cursor said. */
interface CursorFindings {
  readonly findings: readonly Finding[];
  /** Absent when the member list could not be read. */
  readonly team?: TeamSurvey;
}

/** The key, and what the member list looks like. */
export async function checkCursor({ upstreams }: Parts, signal: AbortSignal): Promise<CursorFindings> {
  const read: { team?: TeamSurvey } = {};
  const findings = await attempt("Cursor: key", async () => {
    read.team = await upstreams.surveyTeam(signal);
    return [good("Cursor: key", "accepted"), ...shapeFindings(read.team.shape)];
  });
  return { findings, ...read };
}

function shapeFindings(shape: TeamShape): readonly Finding[] {
  const name = "Cursor: member list";
  const counts = (found: ReadonlyMap<string, number>) =>
    [...found].map(([key, n]) => `${n} ${key === "" ? "(none)" : key}`).join(", ");
  const pages = shape.paginated ? `, in ${shape.pages} page(s)` : ", not paginated";
  const findings = [
    good(name, `${shape.rows} rows, ${shape.active} active, ${shape.bytes} bytes${pages}`),
    good(`${name}, ids`, counts(shape.ids)),
    good(`${name}, fields`, shape.fields.join(", ")),
    good(`${name}, roles`, counts(shape.roles)),
  ];
  if (shape.active === 0)
    findings.push(failed(name, "nobody is active", "no team is without an admin: check the key's team"));
  if (shape.unknownRoles.length > 0) {
    const fix = "they are synced like the others; a newer version may know them";
    findings.push(warning(`${name}, roles`, `not known to this version: ${shape.unknownRoles.join(", ")}`, fix));
  }
  return findings;
}

/** The directory: whether it answers, and how it does what differs between servers. */
export async function checkScim(
  { config }: AppDeps,
  { upstreams: { scim } }: Parts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (scim === undefined) {
    const asked = "BATON_PROVISIONING is on, but there is no SCIM endpoint";
    const fix = "set BATON_CURSOR_SCIM_ENDPOINT and BATON_CURSOR_SCIM_TOKEN, or switch it off";
    return [config.provisioning ? warning("SCIM", asked, fix) : skipped("SCIM", "not configured: sync only")];
  }
  return attempt("SCIM: users", async () => {
    const facts = await scim().describe(signal);
    const total = facts.totalUsers === undefined ? "an unknown number of users" : `${facts.totalUsers} users`;
    const trust = {
      true: "can be trusted",
      false: "cannot be trusted: the whole directory is read for each unknown person",
    };
    const filters =
      facts.filtersTrusted === undefined ? "could not be tried out (too few users)" : trust[`${facts.filtersTrusted}`];
    return [
      good("SCIM: users", `address and token accepted; ${total}, ${facts.firstPage} on a page of ${facts.pageSize}`),
      good("SCIM: filters", filters),
      good("SCIM: features", `PATCH ${facts.patch ? "yes" : "no"}, ETag ${facts.etag ? "yes" : "no"}`),
    ];
  });
}
