// Our code and the official Go SDK's with the same made-up input, compared. Needs Go; README.md says what is compared.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import fc from "fast-check";
import { createRecordEncoder } from "../../src/c1z/records.ts";
import { openSyncFile, type SyncReader } from "../../src/c1z/sync-reader.ts";
import { clientId, clientSecret } from "../helpers/config-input.ts";
import type { SampleSync } from "../helpers/sample-sync.ts";
import { writeSync } from "../helpers/written-sync.ts";
import { buildTools, goVersion, output, run } from "../interop/tools.ts";
import {
  makeClientIds,
  makeClientSecrets,
  type Pair,
  readPair,
  whyIdsDiffer,
  whySecretsDiffer,
} from "./go/credentials.ts";
import { meaningOf } from "./go/meaning.ts";
import { oddSync } from "./go/rows.ts";

const syncs = Number(process.env["FUZZ_SYNCS"] || 40);
const seed = Number(process.env["FUZZ_SEED"] || 1);
const version = goVersion();
const records = { types: "ResourceType", resources: "Resource", entitlements: "Entitlement", grants: "Grant" } as const;

interface Line {
  readonly type: string;
  readonly base64: string;
}

/** What Go makes of a line. */
interface Marshalled {
  readonly base64: string;
  readonly json: object;
  readonly problems: readonly string[] | null;
  readonly error?: string;
}

/** The rows of a sync as our writer encodes them. */
function encode({ entitlements, grants, roles, types, users }: SampleSync): Line[] {
  const encoder = createRecordEncoder();
  const line = (name: string, bytes: Uint8Array): Line => ({
    type: `c1.connector.v2.${name}`,
    base64: Buffer.from(bytes).toString("base64"),
  });
  return [
    ...types.map((row) => line(records.types, encoder.resourceType(row))),
    ...[...users, ...roles].map((row) => line(records.resources, encoder.resource(row))),
    ...entitlements.map((row) => line(records.entitlements, encoder.entitlement(row))),
    ...grants.map((row) => line(records.grants, encoder.grant(row))),
  ];
}

function ndjson(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function parseLines<T>(text: string): T[] {
  return text
    .trim()
    .split("\n")
    .map((line): T => JSON.parse(line));
}

suite("against the official Go code", { skip: version === undefined && "Go was not found" }, () => {
  const directory = mkdtempSync(join(tmpdir(), "fuzz-go-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  before(() => {
    buildTools();
    output("interop", "certs", directory);
    process.env["SSL_CERT_FILE"] = join(directory, "ca.pem");
  });

  interface Reading {
    readonly error: string;
    readonly name: string;
    readonly host: string;
    readonly header: Readonly<Record<string, unknown>>;
    readonly claims: Readonly<Record<string, unknown>>;
    readonly verified: boolean;
  }

  /** What both make of each pair. */
  function compare(pairs: readonly Pair[]) {
    const ours = pairs.map((pair) => readPair(pair, Date.now()));
    const lines = pairs.map((pair, at) => ({ ...pair, assertion: ours[at]?.assertion ?? "" }));
    const flags = ["-cert", join(directory, "cert.pem"), "-key", join(directory, "key.pem")];
    const { code, stderr, stdout } = run("interop", ["credentials", ...flags], ndjson(lines));
    assert.equal(code, 0, stderr);
    const theirs = parseLines<Reading>(stdout);
    assert.equal(theirs.length, pairs.length);
    return pairs.map((pair, at) => ({ pair, our: ours[at], their: theirs[at] }));
  }

  /** Both accept it: then both say the same, and each believes the other. */
  function checkAgreed(our: NonNullable<ReturnType<typeof readPair>>, their: Reading, pair: Pair): void {
    assert.deepEqual([our.name, our.host], [their.name.trimStart(), their.host]);
    const [header = {}, claims = {}] = our.assertion
      .split(".", 2)
      .map((part): Readonly<Record<string, unknown>> => JSON.parse(Buffer.from(part, "base64url").toString()));
    assert.deepEqual({ ...header, nonce: "" }, { ...their.header, nonce: "" });
    assert.match(String(their.header["nonce"]), /^[0-9a-f]{32}$/);
    const fixed = (all: Readonly<Record<string, unknown>>) => {
      const { exp, iat, iss, nbf, sub, ...rest } = all;
      // Go keeps white space around an id, which comes from a file and is none of C1's.
      assert.deepEqual([String(iss).trim(), sub], [pair.clientId.trim(), iss]);
      return { ...rest, exp: Number(exp) - Number(iat), nbf: Number(nbf) - Number(iat) };
    };
    assert.deepEqual(fixed(claims), fixed(their.claims));
    assert.ok(their.verified, "the SDK's library verifies our signature");
  }

  /** Every pair is either agreed upon, or different for a reason that is known; returns how often which reason was met. */
  function checkPairs(
    pairs: readonly Pair[],
    why: (pair: Pair, accepted: boolean) => string | undefined,
  ): Map<string, number> {
    const met = new Map<string, number>();
    for (const { our, pair, their } of compare(pairs)) {
      const both = our !== undefined && their?.error === "";
      if (both) checkAgreed(our, their, pair);
      if (both === (our !== undefined || their?.error === "")) continue;
      const reason = why(pair, our !== undefined);
      assert.ok(
        reason !== undefined,
        `${JSON.stringify(pair)}: ours ${our !== undefined}, Go ${JSON.stringify(their)}`,
      );
      met.set(reason, (met.get(reason) ?? 0) + 1);
    }
    return met;
  }

  test("client ids are read alike, but for those that can lead nowhere", () => {
    const pairs = makeClientIds(500).map((id) => ({ clientId: id, clientSecret }));
    const met = checkPairs(pairs, ({ clientId: id }, accepted) => whyIdsDiffer(id, accepted));
    console.log(`client ids: ${pairs.length} read, different on purpose:`, Object.fromEntries(met));
  });

  test("client secrets are read alike, but for keys that could not be used", () => {
    const pairs = makeClientSecrets(500).map((secret) => ({ clientId, clientSecret: secret }));
    const met = checkPairs(pairs, ({ clientSecret: secret }, accepted) => whySecretsDiffer(secret, accepted));
    console.log(`client secrets: ${pairs.length} read, different on purpose:`, Object.fromEntries(met));
  });

  test("our encoding of random rows is what Go's protobuf writes, byte for byte, and says what was meant", () => {
    const sample = fc.sample(oddSync, { numRuns: syncs * 5, seed });
    const [lines, meanings] = [sample.flatMap(encode), sample.flatMap(meaningOf)];
    const { code, stderr, stdout } = run("interop", ["marshal"], ndjson(lines));
    assert.equal(code, 0, stderr);
    const answers = parseLines<Marshalled>(stdout);
    assert.deepEqual([answers.length, meanings.length], [lines.length, lines.length]);
    for (const [at, { base64, error, json, problems }] of answers.entries()) {
      const line = lines[at];
      assert.equal(error, undefined, line?.base64);
      assert.deepEqual(problems ?? [], [], line?.base64);
      assert.deepEqual(json, meanings[at]);
      assert.equal(base64, line?.base64, line?.type);
    }
    console.log(`encoding: ${lines.length} records are the same bytes`);
  });

  test("the SDK reads from our files what was meant", async () => {
    let rows = 0;
    for (const sync of fc.sample(oddSync, { numRuns: syncs, seed: seed + 1 })) {
      const path = join(directory, "ours.c1z");
      writeFileSync(path, (await writeSync(sync)).bytes);
      const dumped: Dump = JSON.parse(output("interop", "dump", path), (_key, value: unknown) => value ?? []);
      assert.deepEqual(dumped.problems, []);
      const well = (text: string) => text.toWellFormed();
      const sorted = (texts: readonly string[]) => [...texts].sort();
      assert.deepEqual(
        sorted(dumped.resources.map(({ id, type }) => `${type}:${id}`)),
        sorted([...sync.users, ...sync.roles].map(({ id }) => `${id.resourceType}:${well(id.resource)}`)),
      );
      assert.deepEqual(
        sorted(dumped.entitlements.map(({ id }) => id)),
        sorted(sync.entitlements.map(({ id }) => well(id))),
      );
      assert.deepEqual(
        sorted(
          dumped.grants.map(({ entitlementId, id, principal }) => JSON.stringify([id, entitlementId, principal.id])),
        ),
        sorted(
          sync.grants.map(({ entitlement, id, principal }) =>
            JSON.stringify([well(id), well(entitlement.id), well(principal.resource)]),
          ),
        ),
      );
      rows += dumped.resources.length + dumped.grants.length + dumped.entitlements.length;
    }
    console.log(`our files: the SDK found ${rows} rows of ${syncs} files`);
  });

  test("our reader finds in files of the SDK what was meant", async () => {
    let rows = 0;
    for (const sync of fc.sample(oddSync, { numRuns: syncs, seed: seed + 2 })) {
      const path = join(directory, `theirs-${rows}.c1z`);
      const { code, stderr } = run("interop", ["write", path], ndjson(encode(sync)));
      assert.equal(code, 0, stderr);
      const signal = new AbortController().signal;
      await using reader = await openSyncFile({ path, tempDir: directory, maxDatabaseBytes: 1 << 30, signal });
      checkRows(reader, sync);
      rows += sync.users.length + sync.roles.length + sync.grants.length;
    }
    console.log(`the SDK's files: our reader found ${rows} rows of ${syncs} files`);
  });
});

interface Dump {
  readonly problems: readonly string[];
  readonly resources: readonly { readonly type: string; readonly id: string }[];
  readonly entitlements: readonly { readonly id: string }[];
  readonly grants: readonly {
    readonly id: string;
    readonly entitlementId: string;
    readonly principal: { readonly id: string };
  }[];
}

function checkRows(reader: SyncReader, sync: SampleSync): void {
  const id = reader.runs[0]?.id ?? "";
  const well = (text: string) => text.toWellFormed();
  const inOrder = <T extends { readonly id: string }>(rows: Iterable<T>) =>
    [...rows].sort((one, other) => Buffer.compare(Buffer.from(one.id), Buffer.from(other.id)));
  assert.deepEqual(
    inOrder(reader.resources(id, "user")).map(({ id: user, login, status }) => ({ user, login, status })),
    inOrder(sync.users.map((row) => ({ ...row, id: well(row.id.resource) }))).map(({ id: user, login, status }) => ({
      user,
      login: well(login),
      status,
    })),
  );
  assert.deepEqual(
    inOrder(reader.grants(id)).map(({ entitlementId, id: grant, principalId }) => [grant, entitlementId, principalId]),
    inOrder(sync.grants.map((row) => ({ ...row, id: well(row.id) }))).map((row) => [
      row.id,
      well(row.entitlement.id),
      well(row.principal.resource),
    ]),
  );
  assert.equal(reader.countGrants(id), sync.grants.length);
  assert.deepEqual(
    inOrder(reader.entitlements(id)).map(({ id: entitlement, resourceId }) => [entitlement, resourceId]),
    inOrder(sync.entitlements.map((row) => ({ ...row, id: well(row.id) }))).map((row) => [
      row.id,
      well(row.resource.id.resource),
    ]),
  );
}

if (version === undefined) {
  console.log("fuzz-go: SKIPPED, this machine has no Go toolchain");
  test("Go is there where it has to be", () => assert.notEqual(process.env["CI"], "true", "CI needs Go"));
}
