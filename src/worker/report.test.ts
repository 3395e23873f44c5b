import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeC1, taskId } from "../../test/fakes/c1-client.ts";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { TaskReport } from "../baton/task.ts";
import { createReporter } from "./report.ts";

const never = new AbortController().signal;

/** A task that has been handed out, and its report. */
async function handedTask() {
  const clock = createVirtualClock();
  const c1 = new FakeC1(clock);
  const id = c1.enqueue({ type: "list_event_feeds", input: {} });
  await c1.hello("", undefined, never);
  await c1.getTask(never);
  const log = createRecordingLogger();
  const report: TaskReport = { task: { id, type: "list_event_feeds" }, outcome: { ok: true } };
  const levels = () => log.lines.map(({ level }) => level);
  return { clock, c1, id, log, levels, report, reporter: createReporter({ c1, clock, random: () => 0.5, log }) };
}

suite("report", () => {
  test("T9 FinishTask UNAVAILABLE twice, then OK: the third attempt is taken", async () => {
    const { c1, clock, id, report, reporter } = await handedTask();
    c1.fail("finishTask", "unavailable", { times: 2 });
    await reporter.report(report, never);
    assert.equal(c1.callsOf("finishTask").length, 3);
    assert.equal(c1.reports(id).length, 1);
    assert.deepEqual(clock.sleeps, [500, 6_000]);
    assert.equal(await reporter.reportAgain(id, never), false);
  });

  for (const code of [
    "unavailable",
    "deadline_exceeded",
    "resource_exhausted",
    "aborted",
    "internal",
    "unknown",
    "unauthenticated",
  ] as const) {
    test(`T9 ${code} is repeated five times within about two minutes, then the result is kept`, async () => {
      const { c1, clock, id, report, reporter } = await handedTask();
      c1.fail("finishTask", code, { times: 5 });
      await reporter.report(report, never);
      assert.equal(c1.callsOf("finishTask").length, 5);
      assert.ok(clock.monotonicMs() > 100_000 && clock.monotonicMs() < 140_000);
      assert.equal(c1.reports(id).length, 0);
      assert.equal(await reporter.reportAgain(id, never), true);
      assert.equal(c1.reports(id).length, 1);
      assert.equal(await reporter.reportAgain(id, never), false);
    });
  }

  test("T9 the answer is lost and then C1 does not know the task: settled", async () => {
    const { c1, id, levels, report, reporter } = await handedTask();
    c1.fail("finishTask", "unavailable", { applied: true });
    await reporter.report(report, never);
    assert.equal(c1.callsOf("finishTask").length, 2);
    assert.equal(c1.reports(id).length, 1);
    assert.deepEqual(levels(), ["warn"]);
    assert.equal(await reporter.reportAgain(id, never), false);
  });

  for (const code of ["failed_precondition", "already_exists"] as const) {
    test(`T9 ${code} after an attempt that may have arrived means settled`, async () => {
      const { c1, id, report, reporter } = await handedTask();
      c1.fail("finishTask", "deadline_exceeded");
      c1.fail("finishTask", code);
      await reporter.report(report, never);
      assert.equal(c1.callsOf("finishTask").length, 2);
      assert.equal(await reporter.reportAgain(id, never), false);
    });
  }

  test("T9 after an attempt that was turned away, NOT_FOUND does not mean settled", async () => {
    const { c1, id, levels, report, reporter } = await handedTask();
    c1.fail("finishTask", "resource_exhausted");
    c1.fail("finishTask", "not_found");
    await reporter.report(report, never);
    assert.deepEqual(levels(), ["warn", "error"]);
    assert.equal(await reporter.reportAgain(id, never), true);
  });

  test("T9 INVALID_ARGUMENT is logged and not repeated", async () => {
    const { c1, levels, report, reporter } = await handedTask();
    c1.fail("finishTask", "invalid_argument");
    await reporter.report(report, never);
    assert.equal(c1.callsOf("finishTask").length, 1);
    assert.deepEqual(levels(), ["error"]);
  });

  test("T3 a kept result is there for an hour, not longer", async () => {
    for (const [waitMs, there] of [
      [3_600_000, true],
      [3_600_001, false],
    ] as const) {
      const { c1, clock, id, report, reporter } = await handedTask();
      c1.fail("finishTask", "invalid_argument");
      await reporter.report(report, never);
      await clock.sleep(waitMs, never);
      assert.equal(await reporter.reportAgain(id, never), there);
    }
  });

  test("T3 a kept result that is not taken again stays kept, and a lost answer then counts as settled", async () => {
    const { c1, id, report, reporter } = await handedTask();
    c1.fail("finishTask", "unavailable", { times: 4 });
    c1.fail("finishTask", "unavailable", { applied: true });
    await reporter.report(report, never);
    assert.equal(await reporter.reportAgain(id, never), true);
    assert.equal(c1.reports(id).length, 1);
    assert.equal(await reporter.reportAgain(id, never), false);
  });

  test("a thousand results are kept at most, the oldest goes first", async () => {
    const { c1, reporter } = await handedTask();
    for (let n = 1; n <= 1_001; n += 1) {
      c1.fail("finishTask", "invalid_argument");
      await reporter.report({ task: { id: taskId(n), type: "grant" }, outcome: { ok: true } }, never);
    }
    c1.fail("finishTask", "invalid_argument");
    assert.equal(await reporter.reportAgain(taskId(1), never), false);
    assert.equal(await reporter.reportAgain(taskId(2), never), true);
  });

  test("the report of a task that C1 no longer wants is sent once, whatever C1 says, and not kept", async () => {
    const { c1, id, levels, report, reporter } = await handedTask();
    c1.fail("finishTask", "not_found");
    await reporter.mention(report, never);
    assert.equal(c1.callsOf("finishTask").length, 1);
    assert.deepEqual(levels(), ["debug"]);
    assert.equal(await reporter.reportAgain(id, never), false);
  });

  test("S1 reporting ends with its signal, also in the middle of a wait or a call", async () => {
    const waiting = await handedTask();
    const first = new AbortController();
    waiting.c1.fail("finishTask", "unavailable");
    const whileWaiting = waiting.reporter.report(waiting.report, first.signal);
    await waiting.c1.called("finishTask", 1);
    first.abort(new StatusError("unavailable", "connector shutting down"));
    await whileWaiting;
    assert.equal(waiting.c1.callsOf("finishTask").length, 1);

    const calling = await handedTask();
    const second = new AbortController();
    calling.c1.hang("finishTask");
    const whileCalling = calling.reporter.report(calling.report, second.signal);
    await calling.c1.called("finishTask", 1);
    second.abort(new StatusError("unavailable", "connector shutting down"));
    await whileCalling;
    assert.equal(calling.c1.callsOf("finishTask").length, 1);
  });
});
