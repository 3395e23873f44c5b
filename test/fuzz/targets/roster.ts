import assert from "node:assert/strict";
import { retryDelayMs } from "../../../src/baton/retry.ts";
import { checkId, checkResourceId } from "../../../src/c1z/limits.ts";
import { createRecordEncoder } from "../../../src/c1z/records.ts";
import { explainFailure, wordsOf } from "../../../src/connectors/cursor/errors.ts";
import { readMembers } from "../../../src/connectors/cursor/members.ts";
import { buildRoster, type Roster } from "../../../src/connectors/cursor/roster.ts";
import { createSnapshot } from "../../../src/connectors/cursor/snapshot.ts";
import type { HttpClient } from "../../../src/http/client.ts";
import type { HttpResponse } from "../../../src/http/exchange.ts";
import { httpStatusError } from "../../../src/http/status.ts";
import { encodeStatus } from "../../../src/wire/status.ts";
import { createRecordingLogger } from "../../fakes/recording-logger.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { assertHidden, attemptAsync, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";
import { readSources } from "../harness/words.ts";

const ada = { id: "user_9fQ2", name: "Ada Byron", email: "ada@example.com", role: "owner", isRemoved: false };
const bob = { id: 1234, publicId: "user_b71k", name: "Bob", email: "Bob@Example.com", role: "member" };
const eve = { name: "Eve", email: "eve@example.com", role: "FREE_OWNER", isRemoved: true };
const team = (...teamMembers: readonly object[]) => JSON.stringify({ teamMembers });

function respond(body: Uint8Array, status = 200): HttpResponse {
  return { host: "api.cursor.com", status, headers: { "content-type": "application/json" }, body: Buffer.from(body) };
}

const signal = new AbortController().signal;

/** Reads the roster from a server that answers every request with `body`. */
async function readTeam(body: Uint8Array) {
  const api: HttpClient = { send: async ({ decode }) => decode(respond(body)) };
  const read = await readMembers(api, { totalTimeoutMs: 60_000, maxPages: 3 }, createRecordingLogger(), signal);
  return { rows: read.members.length + read.droppedRows, droppedRows: read.droppedRows, roster: buildRoster(read) };
}

const rosterTarget: FuzzTarget = {
  name: "roster",
  covers: [
    "src/connectors/cursor/schema.ts",
    "src/connectors/cursor/ros",
    "src/connectors/cursor/snap",
    "src/connectors/cursor/members.ts",
    "src/http/json.ts",
  ],
  seeds: [
    team(ada, bob, eve),
    team(ada, { ...ada, isRemoved: true }, { ...bob, email: "ADA@example.com" }),
    team(ada, { email: "a\u0301@example.com", role: "billing-admin" }, {}),
    JSON.stringify({ teamMembers: [ada], pagination: { hasNextPage: true, pageSize: 100 } }),
    team({ ...ada, id: "x".repeat(500) }, { ...bob, name: "日".repeat(400) }),
    '{"teamMembers":[]}',
    '{"teamMembers":[{"id":"user_',
    "<!doctype html>",
  ],
  mutators: [mutateJson, mutateJson, mutateJson, mutateBytes, repeatPart],
  maxBytes: 60_000,
  cpuLimitMs: 1000,
  async run(input) {
    const { error, value } = await attemptAsync(() => readTeam(input), ["internal"]);
    if (error !== undefined) {
      assert.ok(error.retryable, "a sync that failed may be tried again");
      assertHidden(
        Buffer.from(input).toString("utf8"),
        error.message,
        readSources(["src/connectors/cursor/", "src/http/json.ts"]),
      );
      return "refused";
    }
    const { droppedRows, roster, rows } = value;
    checkMembers(roster);
    const { rejoined, repeatedIds } = roster.findings;
    assert.equal(roster.members.length + rejoined + repeatedIds + droppedRows, rows, "no row is lost uncounted");
    const sent = JSON.parse(
      Buffer.from(input)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
    );
    // A server that speaks of a next page and has none is asked for it once.
    if (sent.pagination?.hasNextPage !== true) {
      assert.equal(rows, sent.teamMembers.length, "every row is read or counted");
      assert.equal(
        droppedRows,
        sent.teamMembers.filter(isNobody).length,
        "only rows without id and address are dropped",
      );
    }
    await checkTruncated(input);
    checkWritable(roster);
    return "accepted";
  },
};

/** Nothing can be made of such a row. */
function isNobody(row: Readonly<Record<string, unknown>>): boolean {
  return ["id", "publicId", "email"].every((field) => String(row[field] ?? "").trim() === "");
}

function checkMembers({ activeCount, members }: Roster): void {
  const ids = members.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "no id occurs twice");
  assert.deepEqual(
    ids,
    ids.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    "ids are in order",
  );
  assert.equal(activeCount, members.filter(({ removed }) => !removed).length);
  assert.ok(activeCount > 0);
  for (const { email, id, name, otherId, role } of members) {
    assert.notEqual(id.trim(), "", "an id");
    for (const text of [id, otherId, email, name, role]) assert.ok(text.isWellFormed(), "texts are well-formed");
    assert.ok(Buffer.byteLength(name) <= 1024 && Buffer.byteLength(email) <= 512);
  }
}

/** Half an answer must never pass for a smaller team. */
async function checkTruncated(input: Uint8Array): Promise<void> {
  // White space at the end may go.
  const end = Buffer.from(input).toString("latin1").trimEnd().length;
  for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 1]) {
    const cut = input.subarray(0, Math.min(end - 1, Math.floor(end * share)));
    const { error } = await attemptAsync(() => readTeam(cut), ["internal"]);
    assert.ok(error !== undefined, `the first ${cut.length} of ${end} bytes were accepted`);
  }
}

/** What is accepted goes into a sync file as it is: ids of the length that C1 takes, grants of members that are there. */
function checkWritable(roster: Roster): void {
  const snapshot = createSnapshot(roster, { skipRemoved: false });
  const encoder = createRecordEncoder();
  const known = new Set<string>();
  for (const resource of [...snapshot.resources("role"), ...snapshot.resources("user")]) {
    checkResourceId(resource.id, "resource");
    assert.doesNotMatch(resource.id.resource, /[^\P{Cc}\u0080-\u009F]/u, "an id has no control characters");
    assert.notEqual(resource.displayName, "");
    known.add(`${resource.id.resourceType}:${resource.id.resource}`);
    encoder.resource(resource);
  }
  const grants = new Set<string>();
  const entitlements = new Set([...snapshot.entitlements()].map(({ id }) => id));
  for (const grant of snapshot.grants()) {
    checkId(grant.id, "grant");
    assert.ok(entitlements.has(grant.entitlement.id), "a grant of an entitlement");
    assert.ok(known.has(`${grant.principal.resourceType}:${grant.principal.resource}`), "a grant to a user");
    assert.ok(!grants.has(grant.id), "no grant occurs twice");
    grants.add(grant.id);
    encoder.grant(grant);
  }
  assert.equal(grants.size + snapshot.withoutRole, roster.activeCount, "every active member with a role has its grant");
}

const nowMs = Date.UTC(2026, 10, 24);

/** The first line is the status, the next ones are headers up to an empty line, then comes the body. */
const answerTarget: FuzzTarget = {
  name: "error-answer",
  covers: [
    "src/connectors/cursor/errors.ts",
    "src/http/status.ts",
    "src/http/clean-text.ts",
    "src/wire/status.ts",
    "src/baton/retry.ts",
  ],
  seeds: [
    '429\nretry-after: 60\nx-ratelimit-limit: 20\n\n{"code":"error","message":"slow down"}',
    '401\n\n{"error":"Unauthorized","message":"Invalid Team API Key"}',
    "403\ncontent-type: text/html\ncf-ray: 1\n\n<html>Forbidden</html>",
    '400\n\n{"detail":"bad address ada@example.com, token crsr_0123456789abcdef0123456789abcdef"}',
    "503\nretry-after: Wed, 25 Nov 2026 07:28:00 GMT\n\nno",
    "429\nretry-after: Sunday, 06-Nov-94 08:49:37 GMT\n\n",
    "200\n\n",
    "302\nlocation: https://elsewhere.example\n\n",
    "600\n\n",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 20_000,
  cpuLimitMs: 500,
  run(input) {
    const response = readAnswer(input);
    const message = explainFailure(response) ?? `it says: ${wordsOf(response).length}`;
    checkMessage(message);
    assert.doesNotMatch(message.replaceAll(/admin:\*|@/g, ""), /crsr_\w{20}/, "keys are withheld");
    assert.doesNotMatch(message, /\w@\w/, "addresses are withheld");
    const error = httpStatusError(response, message, nowMs);
    const { rateLimit, retryAfterMs } = error;
    assert.ok(
      retryAfterMs === undefined || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0),
      `a wait of ${retryAfterMs}`,
    );
    assert.equal(rateLimit !== undefined, response.status === 429);
    const wait = retryDelayMs(error, 1, policy, () => 0.5);
    assert.ok(wait === undefined || (wait >= 0 && wait <= policy.maxRetryAfterMs), `waits ${wait}`);
    const { code, details } = encodeStatus(error);
    assert.ok(code > 0 && code <= 16);
    assert.equal(details.length, rateLimit === undefined ? 0 : 1);
    return response.status === 429 ? "accepted" : "refused";
  },
};

const policy = {
  attempts: 5,
  initialDelayMs: 5_000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 300_000,
  retryOn: new Set(["unavailable", "deadline_exceeded"] as const),
};

function readAnswer(input: Uint8Array): HttpResponse {
  const text = Buffer.from(input).toString("latin1");
  const end = text.indexOf("\n\n");
  const [status = "", ...lines] = text.slice(0, end === -1 ? text.length : end).split("\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(": ")[0]?.toLowerCase(), line.slice(line.indexOf(": ") + 2)]),
  );
  const body = Buffer.from(input.subarray(end === -1 ? text.length : end + 2));
  return { host: "api.cursor.com", status: Number(/^\d{3}$/.exec(status)?.[0] ?? 599), headers, body };
}

export const cursorTargets: readonly FuzzTarget[] = [rosterTarget, answerTarget];
