import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { startScimServer } from "../fakes/scim-server.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { roundTrip, type WireLine, wireRegistry } from "./codec.ts";
import { startConnector, startCursor } from "./daemon.ts";
import { accountTasks, counts, grants, newTaskId, opaque, refusals, roles, undeclared, users } from "./expected.ts";
import { finishes, serve } from "./serve.ts";
import { buildTools, go, goVersion, output, run } from "./tools.ts";

const version = goVersion();
const anyUrl = (name: string) => `type.googleapis.com/c1.connector.v2.${name}`;

interface DumpedResource {
  readonly type: string;
  readonly id: string;
  readonly displayName: string;
  readonly status: string;
  readonly statusDetails: string;
  readonly annotationUrls: readonly string[];
  readonly annotations: readonly Readonly<Record<string, unknown>>[];
  readonly profile: Readonly<Record<string, unknown>> | null;
}

interface Dump {
  readonly engine: string;
  readonly format: string;
  readonly syncs: readonly Readonly<Record<string, unknown>>[];
  readonly counts: object;
  readonly stats: Readonly<Record<string, number>>;
  readonly resourceTypes: readonly object[];
  readonly resources: readonly DumpedResource[];
  readonly entitlements: readonly object[];
  readonly grants: readonly { readonly id: string }[];
  readonly problems: readonly string[];
}

const dump = (path: string): Dump => JSON.parse(output("interop", "dump", path));

suite("interop with the official Go modules", { skip: version === undefined && "Go was not found" }, () => {
  const directory = mkdtempSync(join(tmpdir(), "interop-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  before(() => {
    buildTools();
    output("interop", "certs", directory);
  });

  test("the Go side finds planted faults", () => {
    go("vet", "./...");
    go("test", "./...");
  });

  suite("a file made by a one-shot sync", () => {
    const file = join(directory, "sync.c1z");
    let dumped: Dump;

    before(async () => {
      await using cursor = await startCursor();
      const connector = startConnector(["-f", file], { BATON_CURSOR_BASE_URL: cursor.url, BATON_TMPDIR: directory });
      const { code, output: log } = await connector.ended;
      assert.equal(code, 0, log);
      dumped = dump(file);
    });

    test("holds nothing that the SDK's reader has to forgive", () => {
      assert.deepEqual(dumped.problems, []);
      assert.equal(dumped.format, "v1");
    });

    test("is one ended full sync with right statistics", () => {
      assert.equal(dumped.syncs.length, 1);
      const [run] = dumped.syncs;
      assert.equal(run?.["type"], "full");
      assert.match(String(run?.["id"]), /^[0-9A-Za-z]{27}$/);
      assert.ok(String(run?.["endedAt"]) >= String(run?.["startedAt"]));
      assert.deepEqual(dumped.counts, counts);
      const { entitlements, grants: granted, resource_types, role, user } = dumped.stats;
      assert.deepEqual(
        { entitlements, granted, resource_types, role, user },
        { entitlements: 3, granted: counts.grants, resource_types: 2, role: roles.length, user: users.length },
      );
    });

    test("has the two resource types", () => {
      assert.deepEqual(dumped.resourceTypes, [
        { id: "role", displayName: "Role", traits: ["TRAIT_ROLE"] },
        {
          id: "user",
          displayName: "User",
          traits: ["TRAIT_USER"],
          annotations: [{ "@type": anyUrl("SkipEntitlementsAndGrants") }],
        },
      ]);
    });

    test("has exactly the roles that we meant", () => {
      const found = dumped.resources.filter(({ type }) => type === "role");
      assert.deepEqual(found.map(({ type, id, displayName }) => ({ type, id, displayName })).sort(byId), roles);
      for (const { annotations } of found) assert.deepEqual(annotations, [{ "@type": anyUrl("RoleTrait") }]);
    });

    test("has exactly the users that we meant", () => {
      const found = dumped.resources.filter(({ type }) => type === "user").sort(byId);
      assert.deepEqual(
        found.map(({ id, displayName, annotations }) => ({ id, displayName, login: annotations[0]?.["login"] })),
        users.map(({ id, displayName, login }) => ({ id, displayName, login })),
      );
      for (const user of found) checkUser(user);
    });

    test("has exactly the entitlements that we meant", () => {
      assert.deepEqual(
        [...dumped.entitlements],
        roles.map(({ type, id, displayName }) => ({
          id: `role:${id}:assigned`,
          slug: "assigned",
          displayName: `${displayName} Role Assigned`,
          description: `Assigned the ${displayName} role in Cursor`,
          purpose: "PURPOSE_VALUE_ASSIGNMENT",
          resource: { type, id },
          grantableTo: ["user"],
          annotationUrls: [anyUrl("EntitlementImmutable")],
        })),
      );
    });

    test("has exactly the grants that we meant", () => {
      assert.deepEqual([...dumped.grants].sort(byId), grants);
    });

    test("keeps every row in the SDK's conversion to its default engine", () => {
      const target = join(directory, "converted.c1z");
      const { code, stdout, stderr } = run("interop", ["convert", file, target]);
      assert.equal(code, 0, stdout + stderr);
      const { engine, syncId, before: from, after: to } = JSON.parse(stdout);
      assert.deepEqual({ engine, from, to }, { engine: "pebble", from: counts, to: counts });
      assert.equal(syncId, dumped.syncs[0]?.["id"]);
      const { engine: reread, grants: kept } = dump(target);
      assert.equal(reread, "pebble");
      assert.deepEqual([...kept].map(({ id }) => id).sort(), grants.map(({ id }) => id).sort());
    });

    test("is printed by the official command line tool", () => {
      const show = (...args: string[]) => JSON.parse(output("baton", ...args, "-f", file, "-o", "json"));
      assert.equal(show("resource-types").resourceTypes.length, counts.resourceTypes);
      assert.equal(show("resources").resources.length, counts.resources);
      assert.equal(show("entitlements").entitlements.length, counts.entitlements);
      assert.equal(show("grants").grants.length, counts.grants);
      assert.equal(show("stats").stats.grants, String(counts.grants));
      const [access] = show("access", "-t", "user", "-r", "user_9fQ2aLmZ0example").access;
      assert.equal(access.resource.displayName, "Owner");
      assert.equal(access.entitlements[0].slug, "assigned");
      for (const verb of ["resource-types", "resources", "entitlements", "grants", "stats", "syncs"]) {
        const text = output("baton", verb, "-f", file);
        assert.doesNotMatch(text, /MISSING/, `baton ${verb}`);
        assert.notEqual(text.trim(), "", `baton ${verb}`);
      }
      assert.match(output("baton", "to-pebble", "-f", file, "--out", join(directory, "cli.c1z")), /Grants: 4 /);
    });
  });

  suite("the daemon against the official stubs and validation", () => {
    test("carries out a whole sync, and Hello on request", async () => {
      const script = [
        { id: newTaskId(), type: "sync_full", payload: { storageEngine: "pebble" } },
        { id: newTaskId(), type: "hello" },
      ];
      const c1 = await serve(directory, script);
      const [upload, ...more] = c1.events.filter(({ event }) => event === "upload");
      assert.deepEqual(upload?.["counts"], counts);
      assert.deepEqual(more, []);
      const reports = finishes(c1);
      assert.equal(reports.length, 1);
      assert.deepEqual(
        { ok: reports[0]?.ok, annotations: reports[0]?.annotations, response: reports[0]?.response },
        { ok: true, annotations: [], response: null },
      );
      assert.deepEqual(
        dump(String(upload?.["saved"]))
          .grants.map(({ id }) => id)
          .sort(),
        grants.map(({ id }) => id).sort(),
      );
    });

    test("gives up a sync that C1 cancels on the way", async () => {
      const script = [{ id: newTaskId(), type: "sync_full", cancelAfterHeartbeats: 1 }];
      const c1 = await serve(directory, script, 20_000);
      assert.deepEqual(
        c1.events.filter(({ event }) => event === "upload"),
        [],
      );
      const [report] = finishes(c1);
      assert.deepEqual([report?.ok, report?.code, report?.nonRetryable], [false, 1, false]);
    });

    test("drops a sync that was cancelled before it began", async () => {
      const c1 = await serve(directory, [{ id: newTaskId(), type: "sync_full", cancelAfterHeartbeats: 0 }]);
      assert.deepEqual(finishes(c1), []);
    });

    test("ends every other type of task with one report that the validation accepts", async () => {
      const c1 = await serve(
        directory,
        refusals.map(({ id, type, payload }) => ({ id, type, payload: payload ?? {} })),
      );
      const reports = new Map(finishes(c1).map((report) => [report.taskId, report]));
      assert.equal(reports.size, refusals.length);
      for (const { id, type, code, annotations, response } of refusals) {
        const report = reports.get(id);
        assert.equal(report?.code, code, `${type}: ${report?.message}`);
        assert.equal(report.nonRetryable, code !== 0, type);
        if (annotations) assert.deepEqual(report.annotations, annotations, type);
        if (response) assert.equal(report.response?.["@type"], anyUrl(response));
      }
    });
  });

  test("creates and deletes accounts with answers that the validation accepts", async () => {
    await using scim = await startScimServer({ users: ["ada@example.com", "bob@example.com"] });
    const script = accountTasks.map(({ id, payload, type }) => ({ id, type, payload }));
    const c1 = await serve(directory, script, 0, {
      BATON_PROVISIONING: "true",
      BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
      BATON_CURSOR_SCIM_TOKEN: scim.token,
    });
    const reports = new Map(finishes(c1).map((report) => [report.taskId, report]));
    for (const { id, result } of accountTasks) {
      const { message, ok, response } = reports.get(id) ?? {};
      assert.equal(ok, true, message);
      assert.equal(response?.["@type"], anyUrl(result.type));
      if (result.arm === undefined) continue;
      assert.equal(Object(response?.[result.arm])["isCreateAccountResult"], true);
      assert.equal(Object(response?.[result.arm])["resource"]?.id?.resource, result.resource);
    }
    assert.deepEqual(
      scim.records.map(({ userName }) => userName),
      ["ada@example.com", "new@example.com"],
    );
    assert.deepEqual(scim.violations, []);
  });

  test("files that the SDK wrote: ours of the older format are shown as they are, the newer format is named", async () => {
    const inspect = async (file: string, ...args: readonly string[]) => {
      await using process = await spawnConnector(["inspect", join(directory, file), ...args], {}, { shows: "people" });
      return await process.ended;
    };
    output("interop", "sample", "-users", "120", "-engine", "sqlite", join(directory, "sdk.c1z"));
    output("interop", "sample", "-users", "119", "-engine", "sqlite", join(directory, "sdk-fewer.c1z"));
    output("interop", "sample", "-users", "3", "-engine", "pebble", join(directory, "sdk-newer.c1z"));
    const summary = await inspect("sdk.c1z", "--output=json");
    const { entitlements, grants: granted, resources, resourceTypes } = JSON.parse(summary.stdout);
    assert.deepEqual(
      { entitlements, granted, resources, resourceTypes },
      { entitlements: 3, granted: 118, resources: { role: 3, user: 120 }, resourceTypes: ["role", "user"] },
    );
    const people = (await inspect("sdk.c1z", "--table=users", "--output=json")).stdout.trim().split("\n");
    assert.deepEqual(JSON.parse(people[49] ?? ""), {
      type: "user",
      id: "user_000049",
      displayName: "Person 000049",
      email: "person000049@example.com",
      status: "disabled",
    });
    const owner = await inspect("sdk.c1z", "--user=person000000@example.com");
    assert.match(owner.stdout, /\tOwner Role Assigned\tuser\tuser_000000\n$/);
    await using diff = await spawnConnector(
      ["diff", join(directory, "sdk.c1z"), join(directory, "sdk-fewer.c1z")],
      {},
      { shows: "people" },
    );
    assert.match(
      (await diff.ended).stdout,
      /^- resource +user:user_000119 [\s\S]*1 resource removed, 1 grant removed\n$/,
    );
    const newer = await inspect("sdk-newer.c1z");
    assert.equal(newer.code, 12, newer.stderr);
    assert.match(newer.stderr, /newer format \(v3, Pebble\)[^\n]*\n$/);
  });

  test("our wire code returns every message of the protocol unharmed", async () => {
    const lines = output("interop", "wire", "encode").trim().split("\n");
    const messages = lines.map((line) => JSON.parse(line) as WireLine);
    const registry = await wireRegistry();
    const trip = roundTrip(registry, messages);
    assert.deepEqual(trip.undeclared, undeclared);
    assert.deepEqual(trip.incomplete, opaque);
    const { code, stdout } = run("interop", ["wire", "check"], trip.lines.join("\n"));
    const verdict = JSON.parse(stdout);
    assert.deepEqual(verdict.mismatches, []);
    assert.equal(code, 0);
    assert.ok(verdict.types > 100, `only ${verdict.types} types were compared`);
  });
});

if (version === undefined) {
  console.log("interop: SKIPPED, this machine has no Go toolchain");
  test("Go is there where it has to be", () => assert.notEqual(process.env["CI"], "true", "CI needs Go"));
}

function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return one.id < other.id ? -1 : 1;
}

/** Status and trait say the same as the resource, and the trait says who it is. */
function checkUser({ id, status, statusDetails, annotationUrls, annotations, profile }: DumpedResource): void {
  const { role, login } = users.find((user) => user.id === id) ?? {};
  assert.deepEqual(annotationUrls, [anyUrl("UserTrait")]);
  const [trait] = annotations;
  assert.deepEqual(trait?.["emails"], [{ address: login, isPrimary: true }]);
  assert.equal(trait?.["accountType"], "ACCOUNT_TYPE_HUMAN");
  assert.deepEqual(trait?.["profile"], profile);
  assert.equal(profile?.["email"], login);
  const disabled = role === undefined;
  assert.equal(status, disabled ? "RESOURCE_STATUS_DISABLED" : "RESOURCE_STATUS_ENABLED");
  assert.equal(statusDetails, disabled ? "removed" : "");
  assert.deepEqual(
    trait?.["status"],
    disabled ? { status: "STATUS_DISABLED", details: "removed" } : { status: "STATUS_ENABLED" },
  );
}
