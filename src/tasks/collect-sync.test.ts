import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createConnector, createSnapshot } from "../../test/fakes/connector.ts";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createFakeSyncWriters } from "../../test/fakes/sync-writer.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { everything } from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncCounts } from "../baton/sync-writer.ts";
import { collectSync } from "./collect-sync.ts";

const never = new AbortController().signal;

function setUp(users = 20, beforePut?: (rows: number) => void) {
  const connector = createConnector(createSnapshot(users));
  const writers = createFakeSyncWriters(beforePut);
  const log = createRecordingLogger();
  const events: string[] = [];
  const progress: { readonly phase: string; readonly counts: SyncCounts }[] = [];
  const hooks = {
    onPhaseStart: (phase: string) => void events.push(`${phase} starts`),
    onPhase: (phase: string, durationMs: number) => void events.push(`${phase} took ${durationMs}`),
    onProgress: (phase: string, counts: SyncCounts) => void progress.push({ phase, counts }),
  };
  const clock = createVirtualClock();
  const deps = { connector, openSyncWriter: writers.open, clock, log, hooks };
  return { connector, writers, log, events, progress, deps };
}

suite("collecting a sync", () => {
  test("everything is written once, in order, from one reading of the upstream", async () => {
    const { connector, writers, deps } = setUp();
    await using sync = await collectSync(deps, everything, never);
    assert.deepEqual(sync.counts, {
      resourceTypes: 2,
      usersActive: 18,
      usersDisabled: 2,
      roles: 2,
      entitlements: 2,
      grants: 18,
    });
    const [written] = writers.syncs;
    assert.equal(written?.type, "full");
    assert.deepEqual(written?.types, ["role", "user"]);
    assert.deepEqual(written?.entitlements, ["role:member:assigned", "role:owner:assigned"]);
    assert.deepEqual([connector.reads, connector.validations], [1, 0]);
    assert.deepEqual([written?.finished, written?.disposed], [true, false]);
  });

  test("the file stays until the result is disposed", async () => {
    const { writers, deps } = setUp();
    const sync = await collectSync(deps, everything, never);
    assert.equal(writers.syncs[0]?.disposed, false);
    await sync[Symbol.asyncDispose]();
    assert.equal(writers.syncs[0]?.disposed, true);
  });

  test("phases are told in order, and counts grow", async () => {
    const { events, progress, deps } = setUp(2_500);
    await using _sync = await collectSync(deps, everything, never);
    const phases = ["validate", "types", "resources", "entitlements", "grants", "pack"];
    assert.deepEqual(
      events,
      phases.flatMap((phase) => [`${phase} starts`, `${phase} took 0`]),
    );
    const ofResources = progress.filter(({ phase }) => phase === "resources");
    assert.deepEqual(
      ofResources.map(({ counts }) => counts.roles + counts.usersActive + counts.usersDisabled),
      [1_000, 2_000, 2_502],
    );
    assert.equal(progress.at(-1)?.counts.grants, 2_250);
  });

  test("skip_grants leaves out grants alone, in a full sync", async () => {
    const { writers, events, deps } = setUp();
    await using sync = await collectSync(deps, { ...everything, skipGrants: true }, never);
    assert.deepEqual([sync.counts.entitlements, sync.counts.grants], [2, 0]);
    assert.equal(writers.syncs[0]?.type, "full");
    assert.ok(!events.includes("grants starts"));
  });

  test("skip_entitlements_and_grants makes a resources_only sync", async () => {
    const { writers, deps } = setUp();
    await using sync = await collectSync(deps, { ...everything, skipEntitlementsAndGrants: true }, never);
    assert.deepEqual([sync.counts.usersActive, sync.counts.entitlements, sync.counts.grants], [18, 0, 0]);
    assert.equal(writers.syncs[0]?.type, "resources_only");
  });

  test("a filter on roles keeps entitlements and says how many grants it left out", async () => {
    const { writers, log, deps } = setUp();
    await using sync = await collectSync(deps, { ...everything, resourceTypeIds: ["role"] }, never);
    assert.deepEqual(writers.syncs[0]?.types, ["role"]);
    const { usersActive, roles, entitlements, grants } = sync.counts;
    assert.deepEqual(
      { usersActive, roles, entitlements, grants },
      { usersActive: 0, roles: 2, entitlements: 2, grants: 0 },
    );
    assert.deepEqual(
      log.lines.map(({ level, fields }) => [level, fields]),
      [["info", { entitlements: 0, grants: 18 }]],
    );
  });

  test("a filter on users leaves neither entitlements nor grants", async () => {
    const { log, deps } = setUp();
    await using sync = await collectSync(deps, { ...everything, resourceTypeIds: ["user", "user"] }, never);
    const { usersActive, roles, entitlements, grants } = sync.counts;
    assert.deepEqual(
      { usersActive, roles, entitlements, grants },
      { usersActive: 18, roles: 0, entitlements: 0, grants: 0 },
    );
    assert.deepEqual(log.lines[0]?.fields, { entitlements: 2, grants: 18 });
  });

  test("T11 an unknown type in the filter is refused before anything is fetched, even beside a known one", async () => {
    const { connector, writers, deps } = setUp();
    await assert.rejects(collectSync(deps, { ...everything, resourceTypeIds: ["user", "group"] }, never), {
      code: "invalid_argument",
      message: 'invalid resource type "group" in filter: this connector has role, user',
    });
    assert.deepEqual([connector.reads, writers.syncs.length], [0, 0]);
  });

  test("T11 single resources are refused for good before anything is fetched", async () => {
    const { connector, writers, deps } = setUp();
    await assert.rejects(collectSync(deps, { ...everything, targetedResources: 1 }, never), {
      code: "unimplemented",
      retryable: false,
    });
    assert.deepEqual([connector.reads, writers.syncs.length], [0, 0]);
  });

  test("the event loop gets its turn while rows are copied", async () => {
    let turns = 0;
    let counting = true;
    const count = async () => {
      while (counting) {
        await setImmediate();
        turns += 1;
      }
    };
    const { deps } = setUp(50_000);
    const counted = count();
    await using _sync = await collectSync(deps, everything, never);
    counting = false;
    await counted;
    assert.ok(turns >= 90, `${turns} turns`);
  });

  test("abort ends the copying within a thousand rows and leaves nothing behind", async () => {
    const controller = new AbortController();
    const reason = new StatusError("cancelled", "C1 cancelled the task");
    let last = 0;
    const { writers, deps } = setUp(50_000, (rows) => {
      last = rows;
      if (rows === 10_500) controller.abort(reason);
    });
    await assert.rejects(collectSync(deps, everything, controller.signal), reason);
    assert.ok(last <= 11_500, `${last} rows`);
    assert.equal(writers.syncs[0]?.disposed, true);
  });

  test("a refused row, or an upstream that fails, leaves nothing behind", async () => {
    const refusedRow = setUp(20, (rows) => {
      if (rows === 7) throw new StatusError("internal", "the id is empty");
    });
    await assert.rejects(collectSync(refusedRow.deps, everything, never), { message: "the id is empty" });
    assert.equal(refusedRow.writers.syncs[0]?.disposed, true);

    const { writers, deps } = setUp();
    const connector = createConnector(createSnapshot(1), async () => {
      throw new StatusError("unauthenticated", "the key was rejected");
    });
    await assert.rejects(collectSync({ ...deps, connector }, everything, never), { code: "unauthenticated" });
    assert.equal(writers.syncs[0]?.disposed, true);
  });
});
