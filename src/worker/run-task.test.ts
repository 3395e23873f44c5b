import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { until } from "../../test/helpers/until.ts";
import {
  accountAnswer,
  createGate,
  everything,
  noCounts,
  startWorker,
  untilAborted,
} from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";
import type { OpaqueAny, TaskOutcome } from "../baton/task.ts";

const sync = { type: "sync_full", input: everything } as const;
const createAccount = {
  type: "create_account",
  input: { accountInfo: { emails: [], login: "a@b.c", profile: {} }, resourceTypeId: "", credentials: "absent" },
} as const;

function verdict(outcome: TaskOutcome): { code: string; retryable: boolean; message: string } {
  assert.ok(!outcome.ok);
  const { code, retryable, message } = outcome.error;
  return { code, retryable, message };
}

suite("hello task", () => {
  test("P4 is answered by Hello with its id, and by no FinishTask", async () => {
    await using running = startWorker();
    const { c1 } = running;
    const id = c1.enqueue({ type: "hello", input: {} });
    await until(() => running.done.length === 1, "the end of the task");
    assert.equal(c1.callsOf("hello", id).length, 1);
    assert.equal(c1.callsOf("finishTask").length, 0);
    assert.deepEqual([running.done[0]?.id, running.done[0]?.outcome], [id, "success"]);
  });

  test("P4 its Hello is tried again three times, and a failure is not reported either", async () => {
    await using running = startWorker();
    const { c1 } = running;
    await c1.called("getTask", 1);
    c1.fail("hello", "unavailable", { times: 4 });
    const id = c1.enqueue({ type: "hello", input: {} });
    await until(() => running.done.length === 1, "the end of the task");
    assert.equal(c1.callsOf("hello", id).length, 4);
    assert.equal(c1.callsOf("finishTask").length, 0);
    assert.deepEqual([running.done[0]?.outcome, running.done[0]?.error?.code], ["failure", "unavailable"]);
  });

  test("P4 a Hello that C1 refuses is not tried again", async () => {
    await using running = startWorker();
    const { c1 } = running;
    await c1.called("getTask", 1);
    c1.fail("hello", "permission_denied");
    const id = c1.enqueue({ type: "hello", input: {} });
    await until(() => running.done.length === 1, "the end of the task");
    assert.equal(c1.callsOf("hello", id).length, 1);
  });
});

suite("heartbeats around a task", () => {
  test("H2 cancelled at the first heartbeat: no work, no report, the slot is free", async () => {
    let worked = false;
    await using running = startWorker({
      concurrency: 1,
      handlers: {
        sync_full: async () => {
          worked = true;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue(sync);
    c1.cancel(id);
    const next = c1.enqueue({ type: "list_event_feeds", input: {} });
    await c1.report(next);
    assert.equal(worked, false);
    assert.equal(c1.callsOf("finishTask", undefined).length, 1);
    assert.equal(c1.reports(id).length, 0);
    assert.equal(running.done[0]?.outcome, "cancelled");
  });

  test("a first heartbeat that fails: no work, no report, and nothing is kept for the task", async () => {
    await using running = startWorker();
    const { c1 } = running;
    c1.fail("heartbeat", "not_found");
    const id = c1.enqueue(sync);
    await until(() => c1.forgotten.length === 1, "the end of the task");
    assert.equal(c1.callsOf("finishTask").length, 0);
    assert.deepEqual(c1.forgotten, [id]);
  });

  test("H3 cancelled in mid-sync: CANCELLED, retryable, told once, other tasks unaffected", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        sync_full: (_, { signal }) => untilAborted(signal),
        create_account: async () => {
          await gate.opened;
          return accountAnswer;
        },
      },
    });
    const { c1 } = running;
    const [id, other] = [c1.enqueue(sync), c1.enqueue(createAccount)];
    await until(() => running.worker.status().running.length === 2, "both tasks");
    c1.cancel(id);
    const { code, retryable } = verdict((await c1.report(id)).outcome);
    assert.deepEqual({ code, retryable }, { code: "cancelled", retryable: true });
    assert.equal(running.done[0]?.outcome, "cancelled");
    gate.open();
    assert.deepEqual((await c1.report(other)).outcome, { ok: true, answer: accountAnswer });
  });

  test("H3 what C1 answers to the report of a cancelled task is of no interest", async () => {
    await using running = startWorker({ handlers: { sync_full: (_, { signal }) => untilAborted(signal) } });
    const { c1, log } = running;
    const id = c1.enqueue(sync);
    await c1.called("heartbeat", 1);
    c1.fail("finishTask", "not_found");
    c1.cancel(id);
    await until(() => running.done.length === 1, "the end of the task");
    assert.equal(c1.callsOf("finishTask").length, 1);
    assert.ok(log.lines.every(({ level }) => level !== "error"));
  });

  test("H3 an error that the handler makes of the abort does not hide the cancel", async () => {
    await using running = startWorker({
      handlers: {
        sync_full: async (_, { signal }) => {
          await untilAborted(signal).catch(() => undefined);
          throw new StatusError("internal", "the stream broke");
        },
      },
    });
    const id = running.c1.enqueue(sync);
    await running.c1.called("heartbeat", 1);
    running.c1.cancel(id);
    assert.equal(verdict((await running.c1.report(id)).outcome).code, "cancelled");
  });

  test("H4 nine failed heartbeats: the sync ends and is reported UNAVAILABLE, retryable", async () => {
    await using running = startWorker({ handlers: { sync_full: (_, { signal }) => untilAborted(signal) } });
    const { c1 } = running;
    const id = c1.enqueue(sync);
    await c1.called("heartbeat", 1);
    c1.fail("heartbeat", "unavailable", { times: 9 });
    const { code, retryable } = verdict((await c1.report(id)).outcome);
    assert.deepEqual({ code, retryable }, { code: "unavailable", retryable: true });
  });

  test("H5 a heartbeat without an answer does not block the sync", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        sync_full: async () => {
          await gate.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue(sync);
    await c1.called("heartbeat", 1);
    c1.hang("heartbeat");
    await c1.called("heartbeat", 2);
    gate.open();
    assert.deepEqual((await c1.report(id)).outcome, { ok: true });
  });

  test("H6 only syncs heartbeat", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        create_account: async () => {
          await gate.opened;
          return accountAnswer;
        },
      },
    });
    const { c1, clock } = running;
    const id = c1.enqueue(createAccount);
    await until(() => running.events.includes("start create_account"), "the task");
    await clock.sleep(600_000, new AbortController().signal);
    gate.open();
    await c1.report(id);
    assert.equal(c1.callsOf("heartbeat").length, 0);
  });

  test("no heartbeat comes after the handler has returned", async () => {
    await using running = startWorker();
    const { c1 } = running;
    c1.fail("finishTask", "unavailable", { times: 4 });
    const id = c1.enqueue(sync);
    await c1.report(id);
    assert.equal(c1.callsOf("heartbeat", id).length, 1);
  });
});

suite("several tasks", () => {
  test("T4 others are not blocked behind a sync, and one failure is nobody else's", async () => {
    const gate = createGate();
    await using running = startWorker({
      handlers: {
        sync_full: async () => {
          await gate.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const { c1 } = running;
    const id = c1.enqueue(sync);
    const [account, resource] = [
      c1.enqueue(createAccount),
      c1.enqueue({ type: "delete_resource", input: { resourceId: { resourceType: "user", resource: "1" } } }),
    ];
    assert.equal(verdict((await c1.report(account)).outcome).code, "failed_precondition");
    assert.equal(verdict((await c1.report(resource)).outcome).code, "failed_precondition");
    assert.equal(c1.reports(id).length, 0);
    gate.open();
    assert.deepEqual((await c1.report(id)).outcome, { ok: true });
  });

  test("T5 two syncs go one after the other; the second heartbeats only when it begins", async () => {
    const gates = [createGate(), createGate()];
    let begun = 0;
    await using running = startWorker({
      handlers: {
        sync_full: async () => {
          begun += 1;
          await gates[begun - 1]?.opened;
          return { counts: noCounts, bytes: 0 };
        },
      },
    });
    const { c1, worker } = running;
    const [first, second] = [c1.enqueue(sync), c1.enqueue(sync)];
    await until(() => worker.status().running.length === 2, "both tasks");
    await c1.called("heartbeat", 5);
    assert.deepEqual([begun, c1.callsOf("heartbeat", second).length], [1, 0]);
    gates[0]?.open();
    await c1.report(first);
    await until(() => begun === 2, "the second sync");
    assert.ok(c1.callsOf("heartbeat", second).length > 0);
    gates[1]?.open();
    await c1.report(second);
  });

  test("T5 a sync that waits for another is given back at stop", async () => {
    await using running = startWorker({ handlers: { sync_full: (_, { signal }) => untilAborted(signal) } });
    const { c1, worker } = running;
    const [first, second] = [c1.enqueue(sync), c1.enqueue(sync)];
    await until(() => worker.status().running.length === 2, "both tasks");
    running.stop();
    await running.ended;
    for (const id of [first, second]) {
      assert.equal(verdict((await c1.report(id)).outcome).message, "connector shutting down");
    }
    assert.equal(c1.callsOf("heartbeat", second).length, 0);
  });
});

suite("failures of handlers", () => {
  test("T6 an unexpected exception is INTERNAL: retryable for a sync, final for a change; the slot is free again", async () => {
    const broken = async () => {
      throw new TypeError("undefined is not a function");
    };
    await using running = startWorker({ concurrency: 1, handlers: { sync_full: broken, create_account: broken } });
    const { c1, log } = running;
    const [id, account] = [c1.enqueue(sync), c1.enqueue(createAccount)];
    const ofSync = verdict((await c1.report(id)).outcome);
    const ofAccount = verdict((await c1.report(account)).outcome);
    assert.deepEqual([ofSync.code, ofSync.retryable], ["internal", true]);
    assert.deepEqual([ofAccount.code, ofAccount.retryable], ["internal", false]);
    assert.ok(log.lines.some(({ fields }) => String(fields["stack"]).includes("run-task.test")));
  });

  test("T6 an upstream time-out is DEADLINE_EXCEEDED", async () => {
    await using running = startWorker({
      handlers: {
        sync_full: async () => {
          throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
        },
      },
    });
    const id = running.c1.enqueue(sync);
    assert.equal(verdict((await running.c1.report(id)).outcome).code, "deadline_exceeded");
  });

  test("a failed change is final whatever its code", async () => {
    await using running = startWorker({
      handlers: {
        create_account: async () => {
          throw new StatusError("unavailable", "the directory does not answer");
        },
      },
    });
    const id = running.c1.enqueue(createAccount);
    const { code, retryable } = verdict((await running.c1.report(id)).outcome);
    assert.deepEqual({ code, retryable }, { code: "unavailable", retryable: false });
  });
});

suite("annotations of tickets", () => {
  const annotations: OpaqueAny[] = Array.from({ length: 20 }, (_, n) => ({
    typeUrl: `type.googleapis.com/test.Number${n}`,
    value: Uint8Array.of(n),
  }));

  for (const type of ["create_ticket_task", "get_ticket"] as const) {
    test(`T10 ${type} carries back the first 16`, async () => {
      await using running = startWorker();
      const id = running.c1.enqueue({ type, input: { malformed: false, annotations } });
      const { outcome } = await running.c1.report(id);
      assert.ok(!outcome.ok);
      assert.deepEqual(outcome.annotations, annotations.slice(0, 16));
    });
  }

  for (const type of ["bulk_create_tickets", "bulk_get_tickets", "list_ticket_schemas"] as const) {
    test(`${type} carries back none`, async () => {
      await using running = startWorker();
      const id = running.c1.enqueue({ type, input: { malformed: false, annotations } });
      const { outcome } = await running.c1.report(id);
      assert.ok(!outcome.ok);
      assert.deepEqual(outcome.annotations, []);
    });
  }
});
