import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { NewTask } from "../../test/fakes/c1-client.ts";
import { FakeC1 } from "../../test/fakes/c1-client.ts";
import { createConnector, createSnapshot, type FakeConnector } from "../../test/fakes/connector.ts";
import { createFakeSyncWriters, type FakeSyncWriters } from "../../test/fakes/sync-writer.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import { everything, type RunningWorker, startWorker, untilAborted } from "../../test/helpers/worker.ts";
import { logScope } from "../baton/log-scope.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncFullOptions, SyncSummary, TaskOutcome } from "../baton/task.ts";
import type { DebugLog } from "./debug-log.ts";
import { createFullSync, type FullSyncDeps } from "./full-sync.ts";

interface SyncSetUp extends AsyncDisposable {
  readonly running: RunningWorker;
  readonly c1: FakeC1;
  readonly connector: FakeConnector;
  readonly writers: FakeSyncWriters;
  readonly accepted: readonly SyncSummary[];
  readonly phases: readonly string[];
  enqueue(options?: Partial<SyncFullOptions>, task?: Partial<NewTask>): string;
}

/** The real handler in the real worker, against C1, connector and writer in memory. */
function startSyncing(
  overrides: Partial<FullSyncDeps> = {},
  connector = createConnector(createSnapshot(20)),
): SyncSetUp {
  const clock = createVirtualClock();
  const c1 = new FakeC1(clock);
  const writers = createFakeSyncWriters();
  const accepted: SyncSummary[] = [];
  const phases: string[] = [];
  const sync_full = createFullSync({
    connector,
    c1,
    clock,
    openSyncWriter: writers.open,
    resourceTypeIds: [],
    hooks: { onAccepted: (summary) => accepted.push(summary), onPhase: (phase) => phases.push(phase) },
    ...overrides,
  });
  const running = startWorker({ c1, clock, handlers: { sync_full } });
  return {
    running,
    c1,
    connector,
    writers,
    accepted,
    phases,
    enqueue: (options, task) =>
      c1.enqueue({ type: "sync_full", input: { ...everything, ...options }, debug: task?.debug ?? false }),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

function verdict(outcome: TaskOutcome): readonly [string, boolean] {
  assert.ok(!outcome.ok);
  return [outcome.error.code, outcome.error.retryable];
}

suite("full sync", () => {
  test("collects, uploads, tells the connector, and leaves nothing behind", async () => {
    await using set = startSyncing();
    const id = set.enqueue();
    assert.deepEqual((await set.c1.report(id)).outcome, { ok: true });
    assert.deepEqual(
      set.c1.uploads.map(({ taskId }) => taskId),
      [id],
    );
    assert.equal(set.connector.acceptedSnapshots.length, 1);
    assert.equal(set.accepted[0]?.counts.usersActive, 18);
    assert.equal(set.writers.syncs[0]?.disposed, true);
    assert.deepEqual(set.phases, ["validate", "types", "resources", "entitlements", "grants", "pack", "upload"]);
  });

  test("tells whether C1 had asked for everything; the operator's own filter is no reason", async () => {
    const partial: boolean[] = [];
    const hooks = { onAccepted: (_summary: SyncSummary, isPartial: boolean) => void partial.push(isPartial) };
    await using set = startSyncing({ hooks, resourceTypeIds: ["user", "role"] });
    for (const options of [
      {},
      { skipGrants: true },
      { skipEntitlementsAndGrants: true },
      { resourceTypeIds: ["role"] },
    ]) {
      const id = set.enqueue(options);
      assert.equal((await set.c1.report(id)).outcome.ok, true);
    }
    assert.deepEqual(partial, [false, true, true, true]);
  });

  test("T11 an unknown type: INVALID_ARGUMENT, nothing fetched, nothing uploaded", async () => {
    await using set = startSyncing();
    const id = set.enqueue({ resourceTypeIds: ["role", "team"] });
    assert.deepEqual(verdict((await set.c1.report(id)).outcome), ["invalid_argument", true]);
    assert.deepEqual([set.connector.reads, set.c1.uploads.length], [0, 0]);
  });

  test("T11 targeted resources: UNIMPLEMENTED, final, nothing uploaded", async () => {
    await using set = startSyncing();
    const id = set.enqueue({ targetedResources: 2 });
    assert.deepEqual(verdict((await set.c1.report(id)).outcome), ["unimplemented", false]);
    assert.deepEqual([set.connector.reads, set.c1.uploads.length], [0, 0]);
  });

  test("the task's filter wins over the operator's, which holds when the task has none", async () => {
    await using set = startSyncing({ resourceTypeIds: ["user"] });
    await set.c1.report(set.enqueue());
    await set.c1.report(set.enqueue({ resourceTypeIds: ["role"] }));
    assert.deepEqual(
      set.writers.syncs.map(({ types }) => types),
      [["user"], ["role"]],
    );
  });

  test("every other failure is retryable, whatever its code, and nothing is uploaded", async () => {
    for (const code of ["unauthenticated", "permission_denied", "internal", "resource_exhausted"] as const) {
      const connector = createConnector(createSnapshot(1), async () => {
        throw new StatusError(code, "the upstream said no", { retryable: false });
      });
      await using set = startSyncing({}, connector);
      const id = set.enqueue();
      assert.deepEqual(verdict((await set.c1.report(id)).outcome), [code, true]);
      assert.equal(set.c1.uploads.length, 0);
      assert.equal(set.writers.syncs[0]?.disposed, true);
    }
  });

  test("U2 a failed upload is reported with its real code, retryable; the snapshot was not accepted", async () => {
    await using set = startSyncing();
    set.c1.fail("uploadAsset", "permission_denied");
    const id = set.enqueue();
    assert.deepEqual(verdict((await set.c1.report(id)).outcome), ["permission_denied", true]);
    assert.deepEqual([set.connector.acceptedSnapshots.length, set.accepted.length], [0, 0]);
    assert.equal(set.writers.syncs[0]?.disposed, true);
  });

  test("H2 cancelled at the first heartbeat: nothing is opened", async () => {
    await using set = startSyncing();
    const id = set.enqueue();
    set.c1.cancel(id);
    await until(() => set.running.done.length === 1, "the end of the task");
    assert.deepEqual([set.connector.reads, set.writers.syncs.length], [0, 0]);
  });

  test("H3 cancelled in mid-read and in mid-upload: CANCELLED, and the file is gone", async () => {
    await using reading = startSyncing({}, createConnector(createSnapshot(1), untilAborted));
    const first = reading.enqueue();
    await until(() => reading.connector.reads === 1, "the read");
    reading.c1.cancel(first);
    assert.deepEqual(verdict((await reading.c1.report(first)).outcome), ["cancelled", true]);
    assert.equal(reading.writers.syncs[0]?.disposed, true);

    await using uploading = startSyncing();
    uploading.c1.hang("uploadAsset");
    const second = uploading.enqueue();
    await uploading.c1.called("uploadAsset", 1);
    uploading.c1.cancel(second);
    assert.deepEqual(verdict((await uploading.c1.report(second)).outcome), ["cancelled", true]);
    assert.equal(uploading.writers.syncs[0]?.disposed, true);
  });

  test("S1 stop ends a sync that reads, at once", async () => {
    await using set = startSyncing({}, createConnector(createSnapshot(1), untilAborted));
    const id = set.enqueue();
    await until(() => set.connector.reads === 1, "the read");
    set.running.stop();
    await set.running.ended;
    assert.deepEqual(verdict((await set.c1.report(id)).outcome), ["unavailable", true]);
    assert.equal(set.writers.syncs[0]?.disposed, true);
  });

  test("S1 stop lets a sync finish that uploads", async () => {
    const gate = Promise.withResolvers<void>();
    await using set = startSyncing();
    const upload = set.c1.uploadAsset.bind(set.c1);
    let uploading = false;
    set.c1.uploadAsset = async (...call) => {
      uploading = true;
      await gate.promise;
      return await upload(...call);
    };
    const id = set.enqueue();
    await until(() => uploading, "the upload");
    set.running.stop();
    await set.running.clock.sleep(5_000, new AbortController().signal);
    gate.resolve();
    await set.running.ended;
    assert.deepEqual((await set.c1.report(id)).outcome, { ok: true });
  });

  test("the pebble engine is noted in the log and changes nothing", async () => {
    await using set = startSyncing();
    const id = set.enqueue({ storageEngine: "pebble" });
    assert.deepEqual((await set.c1.report(id)).outcome, { ok: true });
    assert.ok(set.running.log.lines.some(({ message }) => message.includes("pebble")));
  });
});

suite("debug log of a sync", () => {
  /** Debug logs in memory; what became of each is told by `events`. */
  function debugLogs(finish: DebugLog["finish"]) {
    const events: string[] = [];
    const openDebugLog: FullSyncDeps["openDebugLog"] = async () => {
      events.push(`opened ${logScope()["taskId"]}`);
      return {
        finish,
        [Symbol.asyncDispose]: async () => void events.push("deleted"),
      };
    };
    return { events, openDebugLog };
  }
  const file = { path: "/nowhere/debug.log", bytes: 3, sha256: new Uint8Array(32) };

  test("U7 with debug the log follows the sync as a second upload, and is deleted", async () => {
    const { events, openDebugLog } = debugLogs(async () => file);
    await using set = startSyncing({ openDebugLog });
    const id = set.enqueue({}, { debug: true });
    assert.deepEqual((await set.c1.report(id)).outcome, { ok: true });
    assert.deepEqual(
      set.c1.uploads.map(({ upload }) => upload.path),
      ["/nowhere/sync.c1z", "/nowhere/debug.log"],
    );
    assert.deepEqual(events, [`opened ${id}`, "deleted"]);
  });

  test("U7 without debug there is none", async () => {
    const { events, openDebugLog } = debugLogs(async () => file);
    await using set = startSyncing({ openDebugLog });
    await set.c1.report(set.enqueue());
    assert.deepEqual([events, set.c1.uploads.length], [[], 1]);
  });

  test("an empty log is not uploaded", async () => {
    const { openDebugLog } = debugLogs(async () => undefined);
    await using set = startSyncing({ openDebugLog });
    await set.c1.report(set.enqueue({}, { debug: true }));
    assert.equal(set.c1.uploads.length, 1);
  });

  test("a log that cannot be opened, finished or uploaded is a warning, and deleted all the same", async () => {
    const fails = async () => {
      throw new StatusError("resource_exhausted", "no space left");
    };
    const unfinished = debugLogs(fails);
    for (const [openDebugLog, uploadFails] of [
      [fails, false],
      [unfinished.openDebugLog, false],
      [debugLogs(async () => file).openDebugLog, true],
    ] as const) {
      await using set = startSyncing({ openDebugLog });
      if (uploadFails) {
        const upload = set.c1.uploadAsset.bind(set.c1);
        set.c1.uploadAsset = async (id, asset, signal) => {
          if (asset === file) throw new StatusError("unavailable", "the stream broke");
          return await upload(id, asset, signal);
        };
      }
      const id = set.enqueue({}, { debug: true });
      assert.deepEqual((await set.c1.report(id)).outcome, { ok: true });
      assert.ok(set.running.log.lines.some(({ level, message }) => level === "warn" && message.includes("debug log")));
    }
    assert.equal(unfinished.events.at(-1), "deleted");
  });

  test("after a failed sync the log is deleted without an upload", async () => {
    const { events, openDebugLog } = debugLogs(async () => file);
    await using set = startSyncing({ openDebugLog });
    set.c1.fail("uploadAsset", "unavailable");
    await set.c1.report(set.enqueue({}, { debug: true }));
    assert.equal(set.c1.uploads.length, 0);
    assert.equal(events.at(-1), "deleted");
  });
});
