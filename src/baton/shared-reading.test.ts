import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createSharedReading, type SharedReading } from "./shared-reading.ts";
import { StatusError } from "./status-error.ts";

const never = new AbortController().signal;
const minuteMs = 60_000;

interface Reading {
  /** Aborts when the reading is given up. */
  readonly signal: AbortSignal;
  end(): void;
  fail(reason: StatusError): void;
}

/** Readings that go on until they are told to end; the n-th one gives `reading n`. */
function setUp(keepMs = minuteMs) {
  const clock = createVirtualClock();
  const readings: Reading[] = [];
  const shared: SharedReading<string> = createSharedReading(
    (signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const number = readings.length + 1;
      readings.push({ signal, end: () => resolve(`reading ${number}`), fail: reject });
      return promise;
    },
    keepMs,
    clock,
  );
  /** A reading from beginning to end. */
  const whole = async (maxAgeMs: number): Promise<string> => {
    const before = readings.length;
    const value = shared.get(maxAgeMs, never);
    if (readings.length > before) readings.at(-1)?.end();
    return value;
  };
  return { clock, readings, shared, whole };
}

/** Lets everything happen that waits for nothing from outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
}

suite("shared reading", () => {
  test("callers at the same time share one reading", async () => {
    const { readings, shared } = setUp();
    const values = Array.from({ length: 20 }, () => shared.get(minuteMs, never));
    assert.equal(readings.length, 1);
    readings[0]?.end();
    assert.deepEqual(new Set(await Promise.all(values)), new Set(["reading 1"]));
  });

  test("a value counts its age from the beginning of its reading", async () => {
    const { clock, readings, shared, whole } = setUp();
    const first = shared.get(minuteMs, never);
    clock.advance(20_000);
    readings[0]?.end();
    await first;
    clock.advance(10_000);
    assert.equal(await whole(30_000), "reading 1");
    clock.advance(1);
    assert.equal(await whole(30_000), "reading 2");
    assert.equal(await whole(minuteMs), "reading 2");
  });

  test("age 0 takes neither a value from before nor a reading that has begun", async () => {
    const { clock, readings, shared, whole } = setUp();
    await whole(0);
    clock.advance(1);
    assert.equal(await whole(0), "reading 2");

    clock.advance(1);
    const running = shared.get(0, never);
    clock.advance(1);
    const later = [shared.get(0, never), shared.get(0, never)];
    await settle();
    assert.equal(readings.length, 3, "never two at a time");
    readings[2]?.end();
    assert.equal(await running, "reading 3");
    await settle();
    assert.equal(readings.length, 4, "those who waited share the next one");
    readings[3]?.end();
    assert.deepEqual(await Promise.all(later), ["reading 4", "reading 4"]);
  });

  test("whoever waits for an older reading to end leaves when told to, and the reading goes on", async () => {
    const { clock, readings, shared } = setUp();
    const running = shared.get(0, never);
    clock.advance(1);
    const patience = new AbortController();
    const later = shared.get(0, patience.signal);
    await settle();
    patience.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(later, { code: "cancelled", message: "enough" });
    readings[0]?.end();
    assert.equal(await running, "reading 1");
    assert.equal(readings.length, 1);
  });

  test("one who leaves does not end the reading for the others", async () => {
    const { readings, shared } = setUp();
    const patience = new AbortController();
    const [leaving, staying] = [shared.get(minuteMs, patience.signal), shared.get(minuteMs, never)];
    patience.abort(new StatusError("unavailable", "connector shutting down"));
    await assert.rejects(leaving, { code: "unavailable", message: "connector shutting down" });
    assert.equal(readings[0]?.signal.aborted, false);
    readings[0]?.end();
    assert.equal(await staying, "reading 1");
  });

  test("a reading that nobody waits for is given up, and the next caller gets a new one", async () => {
    const { readings, shared } = setUp();
    const patience = new AbortController();
    const all = [shared.get(minuteMs, patience.signal), shared.get(minuteMs, patience.signal)];
    patience.abort(new StatusError("cancelled", "enough"));
    await Promise.all(all.map((each) => assert.rejects(each, { code: "cancelled" })));
    assert.equal(readings[0]?.signal.aborted, true);

    const next = shared.get(minuteMs, never);
    assert.equal(readings.length, 2);
    readings[0]?.fail(new StatusError("cancelled", "late"));
    readings[1]?.end();
    assert.equal(await next, "reading 2");
  });

  test("the end of a given-up reading does not disturb the one that came after it", async () => {
    const { clock, readings, shared } = setUp();
    const patience = new AbortController();
    const first = shared.get(minuteMs, patience.signal);
    patience.abort();
    await assert.rejects(first, { code: "cancelled" });
    clock.advance(10);
    const second = shared.get(minuteMs, never);
    readings[1]?.end();
    assert.equal(await second, "reading 2");
    // It did not listen to its signal.
    readings[0]?.end();
    await settle();
    clock.advance(minuteMs - 5);
    assert.equal(await shared.get(minuteMs, never), "reading 2");
  });

  test("a failure reaches all who wait and is not remembered", async () => {
    const { readings, shared, whole } = setUp();
    const values = [shared.get(minuteMs, never), shared.get(minuteMs, never)];
    readings[0]?.fail(new StatusError("unavailable", "no"));
    await Promise.all(values.map((value) => assert.rejects(value, { code: "unavailable", message: "no" })));
    assert.equal(await whole(minuteMs), "reading 2");
  });

  test("a signal that has aborted before starts nothing", async () => {
    const { readings, shared } = setUp();
    const reason = new StatusError("unavailable", "connector shutting down");
    await assert.rejects(shared.get(minuteMs, AbortSignal.abort(reason)), reason);
    assert.equal(readings.length, 0);
  });

  test("a value is let go after its time, whatever ages are asked for", async () => {
    const { whole } = setUp(200);
    await whole(minuteMs);
    assert.equal(await whole(minuteMs), "reading 1");
    await setTimeout(400);
    assert.equal(await whole(minuteMs), "reading 2");
  });

  test("a value is let go as soon as there is a newer one", async () => {
    const values: WeakRef<object>[] = [];
    const read = async (): Promise<object> => {
      const value = { a: "team of thousands" };
      values.push(new WeakRef(value));
      return value;
    };
    const clock = createVirtualClock();
    const shared = createSharedReading(read, minuteMs, clock);
    for (let reading = 0; reading < 3; reading += 1) {
      await shared.get(0, never);
      await clock.sleep(1, never);
    }
    await setImmediate();
    setFlagsFromString("--expose-gc");
    runInNewContext("gc")();
    assert.deepEqual(
      values.map((value) => value.deref() !== undefined),
      [false, false, true],
    );
  });
});
