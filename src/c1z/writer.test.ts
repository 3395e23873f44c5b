import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { readC1z } from "../../test/helpers/read-c1z.ts";
import {
  putAll,
  roleType,
  sampleMembers,
  sampleSync,
  toEntitlement,
  toGrant,
  toRole,
  toUser,
  userType,
} from "../../test/helpers/sample-sync.ts";
import { systemClock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncType, SyncWriter } from "../baton/sync-writer.ts";
import { createSyncWriter, type SyncWriterOptions } from "./writer.ts";

const never = new AbortController().signal;
const ada = toUser({ id: "ada", role: "owner" });
const owner = toRole("owner", "Owner");

interface Opened extends AsyncDisposable {
  readonly writer: SyncWriter;
  readonly tempDir: string;
  /** The writer's private directory. */
  readonly folder: string;
}

/** A writer in a temporary directory of its own; disposing checks that nothing is left in it. */
async function opened(syncType: SyncType = "full", options: Partial<SyncWriterOptions> = {}): Promise<Opened> {
  const tempDir = mkdtempSync(join(tmpdir(), "writer-test-"));
  const writer = await createSyncWriter({ tempDir, clock: systemClock, ...options })(syncType);
  const [folder = ""] = readdirSync(tempDir);
  return {
    writer,
    tempDir,
    folder: join(tempDir, folder),
    async [Symbol.asyncDispose]() {
      await writer[Symbol.asyncDispose]();
      const left = readdirSync(tempDir);
      rmSync(tempDir, { recursive: true });
      assert.deepEqual(left, []);
    },
  };
}

suite("before a sync", () => {
  test("what an earlier one could not remove is removed", async () => {
    const tempDir = mkdtempSync(join(tmpdir(), "writer-test-"));
    mkdirSync(join(tempDir, "baton-cursor-sync-abcdef"), { mode: 0o700 });
    {
      await using _writer = await createSyncWriter({ tempDir, clock: systemClock })("full");
      assert.ok(!readdirSync(tempDir).includes("baton-cursor-sync-abcdef"));
    }
    assert.deepEqual(readdirSync(tempDir), []);
    rmSync(tempDir, { recursive: true });
  });
});

suite("a row that would make the file wrong", () => {
  const sync = sampleSync([{ id: "ada", role: "owner" }]);
  const entitlement = toEntitlement(owner);

  for (const [name, put, message] of [
    [
      "a type without id",
      (writer: SyncWriter) => writer.putResourceType({ ...userType, id: "" }),
      /id of a resource type is empty/,
    ],
    [
      "a type whose id holds the separator",
      (writer: SyncWriter) => writer.putResourceType({ ...userType, id: "us:er" }),
      /"us:er" has a colon/,
    ],
    [
      "a type put twice",
      (writer: SyncWriter) => writer.putResourceType(userType),
      /two resource types have the id "user"/,
    ],
    [
      "a user without id",
      (writer: SyncWriter) => writer.putResource({ ...ada, id: { resourceType: "user", resource: "" } }),
      /id of a user is empty/,
    ],
    [
      "a user with an id of 1025 bytes",
      (writer: SyncWriter) => writer.putResource(toUser({ id: "x".repeat(1025), role: "owner" })),
      /id of a user .* is 1025 bytes long/,
    ],
    ["a user put twice", (writer: SyncWriter) => writer.putResource(ada), /two resources have the id "user:ada"/],
    [
      "a user without the trait that its type promises",
      (writer: SyncWriter) => writer.putResource({ ...ada, id: { resourceType: "role", resource: "x" } }),
      /"role" is not one of kind user/,
    ],
    [
      "a user of an unknown type",
      (writer: SyncWriter) => writer.putResource({ ...ada, id: { resourceType: "person", resource: "x" } }),
      /"person" is not one of kind user in this sync/,
    ],
    [
      "an entitlement without id",
      (writer: SyncWriter) => writer.putEntitlement({ ...entitlement, id: "" }),
      /id of an entitlement is empty/,
    ],
    [
      "an entitlement without slug",
      (writer: SyncWriter) => writer.putEntitlement({ ...entitlement, id: "other", slug: "" }),
      /slug of an entitlement is empty/,
    ],
    [
      "an entitlement put twice",
      (writer: SyncWriter) => writer.putEntitlement(entitlement),
      /two entitlements have the id "role:owner:assigned"/,
    ],
    [
      "an entitlement of an unknown resource",
      (writer: SyncWriter) => writer.putEntitlement(toEntitlement(toRole("guest", "Guest"))),
      /"role:guest:assigned" belongs to a resource that is not in the sync/,
    ],
    [
      "a grant without id",
      (writer: SyncWriter) => writer.putGrant({ ...toGrant(entitlement, "ada"), id: "" }),
      /id of a grant is empty/,
    ],
    [
      "a grant without principal",
      (writer: SyncWriter) => writer.putGrant(toGrant(entitlement, "")),
      /id of a grant's principal is empty/,
    ],
    [
      "a grant put twice",
      (writer: SyncWriter) => writer.putGrant(toGrant(entitlement, "ada")),
      /two grants have the id "role:owner:assigned:user:ada"/,
    ],
    [
      "a grant of an unknown entitlement",
      (writer: SyncWriter) => writer.putGrant(toGrant(toEntitlement(toRole("guest", "Guest")), "ada")),
      /names the entitlement "role:guest:assigned", which is not in the sync/,
    ],
    [
      "a grant whose entitlement belongs to another resource than it did",
      (writer: SyncWriter) => writer.putGrant(toGrant({ ...entitlement, resource: toRole("member", "Member") }, "ada")),
      /names the entitlement "role:owner:assigned", which is not in the sync or of another resource/,
    ],
    [
      "a grant whose principal only looks known once type and id are joined",
      (writer: SyncWriter) =>
        writer.putGrant({
          ...toGrant(entitlement, "ada"),
          id: "x",
          principal: { resourceType: "user:a", resource: "b" },
        }),
      /the grant "x" names a principal of a type that is not in the sync/,
    ],
  ] as const) {
    test(`${name} is refused, and the sync with it`, async () => {
      await using at = await opened();
      putAll(at.writer, sync);
      const isRefusal = (error: unknown) =>
        error instanceof StatusError && error.code === "internal" && error.retryable && message.test(error.message);
      assert.throws(() => put(at.writer), isRefusal);
      assert.throws(() => at.writer.putResource(toUser({ id: "eve", role: "member" })), isRefusal);
      await assert.rejects(at.writer.finish(never), isRefusal);
    });
  }

  test("a grant of an unknown principal is refused at the end", async () => {
    await using at = await opened();
    putAll(at.writer, sync);
    at.writer.putGrant(toGrant(entitlement, "eve"));
    await assert.rejects(at.writer.finish(never), {
      code: "internal",
      message: 'the grant "role:owner:assigned:user:eve" names a principal that is not in the sync',
    });
  });

  test("a message never shows an e-mail address, also when the id holds one", async () => {
    await using at = await opened();
    at.writer.putResourceType(userType);
    at.writer.putResource(toUser({ id: "email:ada@example.com", role: "owner" }));
    assert.throws(
      () => at.writer.putResource(toUser({ id: "email:ada@example.com", role: "owner" })),
      (error) => error instanceof StatusError && !error.message.includes("ada"),
    );
  });

  test("entitlements and grants are refused in a sync of resources only", async () => {
    await using one = await opened("resources_only");
    assert.throws(() => one.writer.putEntitlement(entitlement), /holds no entitlements/);
    await using two = await opened("resources_only");
    assert.throws(() => two.writer.putGrant(toGrant(entitlement, "ada")), /holds no grants/);
  });

  test("a sync without resources is refused, because it would read as everybody having left", async () => {
    await using at = await opened();
    at.writer.putResourceType(userType);
    at.writer.putResourceType(roleType);
    await assert.rejects(at.writer.finish(never), /holds no resources/);
  });
});

suite("the writer's life", () => {
  test("counts what was put", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(15)));
    const counts = { resourceTypes: 2, usersActive: 13, usersDisabled: 2, roles: 3, entitlements: 3, grants: 13 };
    assert.deepEqual(at.writer.counts, counts);
    await at.writer.finish(never);
    assert.deepEqual(at.writer.counts, counts);
  });

  test("opening a writer and disposing it leaves nothing, and neither does disposing twice", async () => {
    await using at = await opened();
    await at.writer[Symbol.asyncDispose]();
    await at.writer[Symbol.asyncDispose]();
    assert.deepEqual(readdirSync(at.tempDir), []);
  });

  test("only the finished file and the lock are left while it is used, and nothing after disposal", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(3)));
    assert.deepEqual(readdirSync(at.folder).sort(), ["lock", "sync.db"]);
    await at.writer.finish(never);
    assert.deepEqual(readdirSync(at.folder).sort(), ["lock", "sync.c1z"]);
  });

  test("rows and a second finish are refused once it is finished", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(3)));
    const file = await at.writer.finish(never);
    assert.throws(() => at.writer.putResource(toUser({ id: "late", role: "member" })), /sync file is finished/);
    await assert.rejects(at.writer.finish(never), /sync file is finished/);
    using c1z = readC1z(file.path);
    assert.equal(c1z.rows("v1_resources").length, 6);
  });

  test("rows and finish are refused after disposal", async () => {
    await using at = await opened();
    await at.writer[Symbol.asyncDispose]();
    assert.throws(() => at.writer.putResourceType(userType), { code: "cancelled" });
    await assert.rejects(at.writer.finish(never), { code: "cancelled" });
  });

  test("rows that race with finish are refused, and the file is whole", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(10)));
    const finishing = at.writer.finish(never);
    assert.throws(() => at.writer.putResource(toUser({ id: "late", role: "member" })), /sync file is finished/);
    using c1z = readC1z((await finishing).path);
    assert.equal(c1z.rows("v1_resources").length, 13);
  });

  test("disposal during finish ends it and leaves nothing", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(2000)));
    const finishing = assert.rejects(at.writer.finish(never), { code: "cancelled" });
    await at.writer[Symbol.asyncDispose]();
    await finishing;
    assert.deepEqual(readdirSync(at.tempDir), []);
  });

  test("an aborted signal ends finish with its reason at once", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(3)));
    const reason = new StatusError("cancelled", "C1 cancelled the task");
    await assert.rejects(at.writer.finish(AbortSignal.abort(reason)), (error) => error === reason);
  });

  test("two writers in one directory do not meet", async () => {
    const tempDir = mkdtempSync(join(tmpdir(), "writer-test-"));
    try {
      const open = createSyncWriter({ tempDir, clock: systemClock });
      await using one = await open("full");
      await using two = await open("full");
      putAll(one, sampleSync(sampleMembers(3)));
      putAll(two, sampleSync(sampleMembers(30)));
      const [first, second] = await Promise.all([one.finish(never), two.finish(never)]);
      using small = readC1z(first.path);
      using large = readC1z(second.path);
      assert.equal(small.rows("v1_resources").length, 6);
      assert.equal(large.rows("v1_resources").length, 33);
      assert.notEqual(small.rows("v1_sync_runs")[0]?.["sync_id"], large.rows("v1_sync_runs")[0]?.["sync_id"]);
    } finally {
      rmSync(tempDir, { recursive: true });
    }
  });
});

suite("what can go wrong on disk", () => {
  test("a missing temporary directory is named", async () => {
    await assert.rejects(createSyncWriter({ tempDir: "/nonexistent/tmp", clock: systemClock })("full"), {
      code: "failed_precondition",
      message: /the temporary directory \/nonexistent\/tmp cannot be used/,
    });
  });

  test("a directory that squats on the file's name fails the sync, and the next one works", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(3)));
    mkdirSync(join(at.folder, "sync.c1z"));
    await assert.rejects(at.writer.finish(never), { name: "StatusError", code: "internal" });
    await using next = await opened();
    putAll(next.writer, sampleSync(sampleMembers(3)));
    await next.writer.finish(never);
  });

  test("a database beyond the limit is resource_exhausted and says which limit", async () => {
    await using at = await opened("full", { maxDatabaseBytes: 512 * 1024 });
    putAll(at.writer, sampleSync(sampleMembers(5000)));
    await assert.rejects(at.writer.finish(never), {
      code: "resource_exhausted",
      message: /larger than 0.5 MiB, the most that readers of sync files accept/,
    });
  });

  test("damage to the database is found before it is packed", async () => {
    await using at = await opened();
    putAll(at.writer, sampleSync(sampleMembers(20_000)));
    // What SQLite still holds in its cache is written over this, the rest is not.
    writeFileSync(join(at.folder, "sync.db"), Buffer.alloc(2 * 2 ** 20, 0xff), { flag: "r+" });
    await assert.rejects(at.writer.finish(never), { name: "StatusError" });
  });
});
