import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { withLogScope } from "../baton/log-scope.ts";
import { limitRepeats } from "./repeat-limit.ts";

const forever = new AbortController().signal;
const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const over = "a line that was repeated has not come again";

function setUp() {
  const clock = createVirtualClock();
  const written = createRecordingLogger();
  const limit = limitRepeats(written, clock);
  return {
    clock,
    log: limit.log,
    lines: written.lines,
    wait: (ms: number) => clock.sleep(ms, forever),
    [Symbol.dispose]() {
      limit[Symbol.dispose]();
      clock.freeze();
    },
    /** The message and `repeated` of each line so far. */
    told: () => written.lines.map(({ fields, message }) => [message, fields["repeated"]]),
    end: () => limit[Symbol.dispose](),
  };
}

suite("repeats", () => {
  test("ten hours of the same: at first, after 1, 2, 4, 8 and then every 15 minutes, and each one is counted", async () => {
    using set = setUp();
    const { clock, lines, log, wait } = set;
    const atMinutes: number[] = [];
    const times = 10 * 120;
    for (let n = 1; n <= times; n += 1) {
      const before = lines.length;
      log.warn("no answer", { code: "unavailable", error: `no way to 10.0.0.1:${40_000 + n}`, failures: n, waitMs: n });
      if (lines.length > before) atMinutes.push(clock.monotonicMs() / minuteMs);
      if (n < times) await wait(minuteMs / 2);
    }
    assert.deepEqual(atMinutes.slice(0, 7), [0, 1, 3, 7, 15, 30, 45]);
    assert.equal(atMinutes.length, 5 + (10 * 60 - 15 - 15) / 15);
    const lastMs = clock.nowMs();
    await wait(20 * minuteMs);
    const last = lines.at(-1);
    assert.deepEqual([last?.level, last?.message, last?.fields["line"]], ["info", over, "no answer"]);
    assert.equal(last?.fields["last"], new Date(lastMs).toISOString());
    const leftOut = lines.reduce((sum, { fields }) => sum + Number(fields["repeated"] ?? 0), 0);
    assert.equal(atMinutes.length + leftOut, times);
  });

  test("a loop that waits for minutes is told of less and less often, and anew when it was quiet for a quarter of an hour", async () => {
    using set = setUp();
    const { log, told, wait } = set;
    for (let n = 0; n < 10; n += 1) {
      log.error("odd");
      await wait(2 * minuteMs);
    }
    assert.deepEqual(
      told().map(([, repeated]) => repeated),
      [undefined, undefined, undefined, 1, 3],
    );
    await wait(14 * minuteMs);
    log.error("odd");
    assert.deepEqual(told().slice(5), [
      [over, 1],
      ["odd", undefined],
    ]);
  });

  test("an outage that begins again is told within a minute, however long the one before was", async () => {
    using set = setUp();
    const { log, told, wait } = set;
    for (let failures = 1; failures <= 60; failures += 1) {
      log.warn("no answer", { failures });
      await wait(minuteMs / 2);
    }
    log.warn("no answer", { failures: 1 });
    assert.deepEqual(told().at(-1), ["no answer", 29]);
    log.warn("no answer", { failures: 1 });
    await wait(minuteMs);
    log.warn("no answer", { failures: 1 });
    assert.deepEqual(told().at(-1), ["no answer", 1]);
  });

  const different: readonly (readonly [string, object, object])[] = [
    ["another code", { code: "unavailable" }, { code: "unauthenticated" }],
    ["other words of the error", { error: "no way to 10.0.0.1:1" }, { error: "no way to 10.0.0.1:1 (reset)" }],
    ["other words of the reason", { reason: "refused" }, { reason: "not found" }],
    ["another credential", { credential: "c1" }, { credential: "cursor_api" }],
    ["another digest of a version, which holds digits,", { digest: "12345678" }, { digest: "12345679" }],
  ];
  for (const [what, one, other] of different) {
    test(`${what} makes another line`, () => {
      using set = setUp();
      for (const fields of [one, other, one, other]) set.log.warn("odd", { ...fields });
      assert.deepEqual(set.told(), Array(2).fill(["odd", undefined]));
    });
  }

  test("level, message and the fields of a child tell lines apart too", () => {
    using set = setUp();
    const { log } = set;
    for (let n = 0; n < 2; n += 1) {
      log.warn("odd");
      log.error("odd");
      log.warn("even");
      log.child({ loop: "a" }).warn("odd");
    }
    assert.equal(set.lines.length, 4);
  });

  test("lines of tasks, information and debug lines are never left out", () => {
    using set = setUp();
    const { lines, log } = set;
    for (let n = 0; n < 5; n += 1) {
      withLogScope({ taskId: "t1" }, () => log.error("task failed", { code: "internal" }));
      log.warn("a task did not end", { taskId: "t1" });
      log.child({ taskId: "t1" }).warn("of a child");
      log.info("worker state changed", { state: "polling" });
      log.debug("odd");
    }
    assert.equal(lines.length, 25);
  });

  test("of a thousand lines that repeat, the memory keeps a hundred, and what is forgotten is told", () => {
    using set = setUp();
    const { log, lines } = set;
    const words = Array.from({ length: 1_000 }, (_, n) => `odd ${String.fromCodePoint(0x4e00 + n)}`);
    for (const message of words) {
      log.warn(message);
      log.warn(message);
    }
    set.clock.freeze();
    const told = lines.filter(({ message }) => message === over);
    assert.deepEqual([lines.length - told.length, told.length], [1_000, 900]);
    for (const message of words.slice(900)) log.warn(message);
    assert.equal(lines.length, 1_900, "those are still known");
    for (const message of words.slice(0, 10)) log.warn(message);
    assert.equal(lines.length, 1_920, "these count as new, in place of ten others");
  });

  test("one timer waits for the end of all of them", () => {
    const clock = createVirtualClock();
    let waits = 0;
    const sleep = async (): Promise<void> => {
      waits += 1;
      await new Promise(() => undefined);
    };
    using limit = limitRepeats(createRecordingLogger(), { ...clock, sleep });
    for (let n = 0; n < 50; n += 1) limit.log.warn(`line ${"x".repeat(n)}`);
    assert.equal(waits, 1);
  });

  test("the end tells what was left out, and after it nothing is", () => {
    using set = setUp();
    for (let n = 0; n < 3; n += 1) set.log.warn("odd");
    set.end();
    assert.deepEqual(set.told(), [
      ["odd", undefined],
      [over, 2],
    ]);
    set.log.warn("odd");
    set.log.warn("odd");
    assert.equal(set.lines.length, 4);
  });
});
