import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { grpcCodes } from "../fakes/c1-server.ts";
import { startDaemon } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";
import { longWaits, setScene, smallTeam, syncTask } from "./scene.ts";

const limit = { timeout: 30_000 };

suite("Hello and polling", { concurrency: 3 }, () => {
  test(
    "P1 Hello UNAVAILABLE five times: waits 1, 2, 4, 8, 16 s; no poll before; live 200, ready 503",
    limit,
    async () => {
      const before = (c1: { script: (m: "Hello", a: { error: number; times: number }[]) => void }) =>
        c1.script("Hello", [{ error: grpcCodes.UNAVAILABLE, times: 5 }]);
      await using scene = await setScene({ before, factor: 20 });
      const { c1, daemon } = scene;
      await c1.awaitCall("Hello", 2);
      assert.equal((await fetch(`${daemon.healthUrl}/live`)).status, 200);
      assert.equal((await fetch(`${daemon.healthUrl}/ready`)).status, 503);
      const first = await c1.awaitCall("GetTask");
      assert.deepEqual(daemon.clock.sleeps.slice(0, 5), [1000, 2000, 4000, 8000, 16_000]);
      assert.equal(c1.calls("Hello").length, 6);
      assert.ok(first.atMs > (c1.calls("Hello").at(-1)?.atMs ?? Number.POSITIVE_INFINITY));
      await c1.awaitCall("GetTask", 2);
      assert.equal((await fetch(`${daemon.healthUrl}/ready`)).status, 200);
    },
  );

  for (const name of [
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "INVALID_ARGUMENT",
    "UNIMPLEMENTED",
    "FAILED_PRECONDITION",
    "NOT_FOUND",
  ] as const) {
    test(`P2 Hello ${name} ends the program with that code`, limit, async () => {
      await using scene = await setScene({
        before: (c1) => c1.script("Hello", [{ error: grpcCodes[name], times: Number.POSITIVE_INFINITY }]),
      });
      await assert.rejects(scene.daemon.ended, { code: name.toLowerCase() });
      // A refused token is tried once more with a fresh one; everything else is believed at once.
      assert.equal(scene.c1.calls("Hello").length, name === "UNAUTHENTICATED" ? 2 : 1);
      assert.equal(scene.c1.calls("GetTask").length, 0);
    });
  }

  test("P3 Hello has no task id, every os_info field, and valid metadata without provisioning", limit, async () => {
    await using scene = await setScene();
    const { request } = await scene.c1.awaitHello("");
    assert.equal(request?.taskId, "");
    for (const [field, value] of Object.entries(request?.osInfo ?? {})) {
      if (!field.startsWith("$")) assert.ok(String(value).length > 0 && String(value).length <= 256, field);
    }
    const capabilities = request?.connectorMetadata?.capabilities;
    assert.deepEqual(
      capabilities?.resourceTypeCapabilities.map(({ resourceType, capabilities: can }) => [resourceType?.id, can]),
      [
        ["role", [2]],
        ["user", [2]],
      ],
    );
    assert.deepEqual(capabilities?.connectorCapabilities, [2]);
    assert.equal(request?.connectorMetadata?.accountCreationSchema, undefined);
  });

  test("P4 a hello task is answered by Hello with its id, without FinishTask", limit, async () => {
    await using scene = await setScene();
    const taskId = scene.c1.enqueue({ taskType: { case: "hello", value: {} } });
    await scene.c1.awaitHello(taskId);
    const polls = scene.c1.calls("GetTask").length;
    await scene.c1.awaitCall("GetTask", polls + 3);
    assert.equal(scene.c1.calls("FinishTask").length, 0);
  });

  for (const [what, answer, expectedMs] of [
    ["absent", { nextPollMs: null }, 1000],
    ["zero", { nextPollMs: 0 }, 1000],
    ["negative", { nextPoll: { seconds: -5n, nanos: 0 } }, 1000],
    ["2 s", { nextPollMs: 2000 }, 2000],
    ["only nanoseconds", { nextPoll: { seconds: 1n, nanos: 500_000_000 } }, 1500],
    ["10 min", { nextPollMs: 600_000 }, 300_000],
  ] as const) {
    test(`P5 next_poll ${what}: the next poll is ${expectedMs} ms later`, limit, async () => {
      await using scene = await setScene({
        // Some twenty real milliseconds whatever the wait, so that what the loop itself takes weighs little.
        factor: expectedMs / 20,
        before: (c1) => c1.script("GetTask", [{ ...answer, times: Number.POSITIVE_INFINITY }]),
      });
      await scene.c1.awaitCall("GetTask", 3);
      const waits = scene.daemon.clock.sleeps.filter((ms) => ms > 0);
      // What is slept is what is left of the wait when the loop gets there.
      assert.ok(
        waits.some((ms) => ms > expectedMs * 0.5 && ms <= expectedMs),
        JSON.stringify(waits),
      );
    });
  }

  test("P6 poll errors back off 1, 4, 9 s, the program stays, and success starts anew", limit, async () => {
    const errors = [grpcCodes.UNAVAILABLE, grpcCodes.RESOURCE_EXHAUSTED, grpcCodes.INTERNAL];
    await using scene = await setScene({
      factor: 20,
      c1: { nextPollMs: 2000 },
      before: (c1) =>
        c1.script(
          "GetTask",
          errors.map((error) => ({ error })),
        ),
    });
    await scene.c1.awaitCall("GetTask", 5);
    assert.deepEqual(longWaits(scene.daemon).slice(0, 4), [1, 4, 9, 2]);
    const { ok } = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.equal(ok, true);
  });

  test(
    "where no other credentials can come, polls that C1 rejects turn /ready off after ten minutes, not at once",
    limit,
    async () => {
      await using scene = await setScene({ factor: 200 });
      const { c1, daemon } = scene;
      await c1.awaitCall("GetTask", 2);
      c1.script("GetTask", [{ error: grpcCodes.UNAUTHENTICATED, times: Number.POSITIVE_INFINITY }]);
      await c1.until(
        () => c1.calls("GetTask").at(-1)?.code === grpcCodes.UNAUTHENTICATED,
        undefined,
        "a rejected poll",
      );
      const rejectedAtMs = daemon.clock.monotonicMs();
      await until(
        () => daemon.logLines.some((line) => line.includes("C1 could not be asked for work")),
        "a line about it",
      );
      const ready = async () => (await fetch(`${daemon.healthUrl}/ready`)).status;
      while ((await ready()) === 200) await delay(20);
      const unreadyAfterMs = daemon.clock.monotonicMs() - rejectedAtMs;
      assert.ok(unreadyAfterMs > 9 * 60_000 && unreadyAfterMs < 20 * 60_000, `after ${unreadyAfterMs} ms`);
      c1.unscript("GetTask");
      await c1.awaitCall("GetTask", c1.calls("GetTask").length + 3);
      assert.equal(await ready(), 200);
    },
  );

  test(
    "S5 an outage of C1 turns /ready off after ten minutes, never /live, and an answer turns it on again",
    limit,
    async () => {
      // Without a jump of the clock, which would make every loop late; and so slow that a busy machine does not either.
      await using scene = await setScene({ factor: 200 });
      const { c1, daemon } = scene;
      await c1.awaitCall("GetTask", 2);
      c1.script("GetTask", [{ error: grpcCodes.UNAVAILABLE, times: Number.POSITIVE_INFINITY }]);
      await c1.until(() => c1.calls("GetTask").at(-1)?.code === grpcCodes.UNAVAILABLE, undefined, "a failed poll");
      const failedAtMs = daemon.clock.monotonicMs();
      const statusOf = async (path: string): Promise<number> => (await fetch(`${daemon.healthUrl}/${path}`)).status;
      assert.deepEqual([await statusOf("live"), await statusOf("ready")], [200, 200]);
      while ((await statusOf("ready")) === 200) {
        assert.equal(await statusOf("live"), 200);
        await delay(20);
      }
      const unreadyAfterMs = daemon.clock.monotonicMs() - failedAtMs;
      assert.ok(unreadyAfterMs > 9 * 60_000 && unreadyAfterMs < 20 * 60_000, `after ${unreadyAfterMs} ms`);
      assert.equal(await statusOf("live"), 200);
      c1.unscript("GetTask");
      await c1.awaitCall("GetTask", c1.calls("GetTask").length + 3);
      assert.equal(await statusOf("ready"), 200);
    },
  );

  test("P7 a NoneTask and a task without id are no work", limit, async () => {
    await using scene = await setScene({
      before: (c1) =>
        c1.script("GetTask", [
          {
            noTask: true,
            change: (response) => {
              response.task = {
                $typeName: "c1.connectorapi.baton.v1.Task",
                id: "",
                status: 0,
                debug: false,
                taskType: { case: undefined },
              };
            },
          },
        ]),
    });
    scene.c1.enqueue({ taskType: { case: "none", value: {} } });
    await scene.c1.awaitCall("GetTask", 5);
    assert.equal(scene.c1.calls("FinishTask").length, 0);
  });

  test("P8 never more tasks than slots, and no poll while all slots are busy", limit, async () => {
    await using scene = await setScene({ env: { BATON_TASK_CONCURRENCY: "2" } });
    const { c1, cursor } = scene;
    cursor.script({ hang: true });
    const syncs = [c1.enqueue(syncTask), c1.enqueue(syncTask), c1.enqueue(syncTask)];
    await c1.until(() => c1.inFlight.now === 2, undefined, "two tasks in flight");
    const polls = c1.calls("GetTask").length;
    // Heartbeats go on while nothing is asked for.
    const beats = c1.calls("Heartbeat").length;
    await c1.awaitCall("Heartbeat", beats + 2);
    assert.equal(c1.calls("GetTask").length, polls);
    assert.equal(c1.inFlight.max, 2);
    assert.equal(c1.task(syncs[2] ?? "").state, "queued");
    scene.daemon.stop();
  });

  test(
    "P9 GetTasks: page size and known ids are right, duplicates run once, N=60 asks for at most 100",
    limit,
    async () => {
      await using scene = await setScene({ env: { BATON_GET_TASKS: "true", BATON_TASK_CONCURRENCY: "60" } });
      const { c1 } = scene;
      const ids = Array.from({ length: 5 }, () => c1.enqueue({ taskType: { case: "actionListSchemas", value: {} } }));
      for (const id of ids) assert.equal((await c1.awaitFinish(id)).ok, true);
      assert.equal(c1.calls("GetTask").length, 0);
      for (const { request } of c1.calls("GetTasks")) assert.ok((request?.pageSize ?? 0) <= 100);
      assert.deepEqual(
        ids.map((id) => c1.task(id).finishAttempts),
        [1, 1, 1, 1, 1],
      );
    },
  );

  test("P10 a poll that hangs ends at its deadline and counts as an error", limit, async () => {
    await using scene = await setScene({
      deadlines: { poll: 300 },
      before: (c1) => c1.script("GetTask", [{ hang: true }]),
    });
    await scene.c1.awaitCall("GetTask", 2);
    assert.match(scene.daemon.logLines.join(""), /deadline_exceeded/);
  });

  test("P11 unknown fields are ignored; an answer over 4 MiB is a poll error that passes", limit, async () => {
    await using scene = await setScene({
      before: (c1) => c1.script("GetTask", [{ unknownFields: true }, { padBytes: 5 * 1024 * 1024 }]),
    });
    const { ok } = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.equal(ok, true);
    assert.match(scene.daemon.logLines.join(""), /resource_exhausted/);
  });

  test("P12 two instances with the same credentials: different host ids, each task once", limit, async () => {
    await using scene = await setScene({ env: { BATON_HOST_ID: "one" } });
    const { c1, cursor } = scene;
    await using second = await startDaemon({ c1, cursor, env: { BATON_HOST_ID: "two" } });
    const ids = Array.from({ length: 6 }, () => c1.enqueue(syncTask));
    for (const id of ids) assert.equal((await c1.awaitFinish(id)).ok, true);
    assert.deepEqual(new Set(c1.calls("Hello").map(({ request }) => request?.hostId)), new Set(["one", "two"]));
    assert.deepEqual(
      ids.map((id) => c1.task(id).leases),
      ids.map(() => 1),
    );
    assert.equal(c1.uploads.length, 6);
    assert.ok(c1.uploads.every(({ contents }) => contents?.users === smallTeam.active + smallTeam.removed));
    second.stop();
  });
});
