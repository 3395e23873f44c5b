import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createPollSchedule } from "./poll-schedule.ts";

const schedule = (random = 0.5) => createPollSchedule(createVirtualClock(), () => random);

suite("poll schedule", () => {
  test("the first poll is due at once", () => {
    assert.equal(schedule().dueInMs(), 0);
  });

  for (const [given, idle, busy] of [
    [undefined, 1_000, 100],
    [0, 1_000, 100],
    [-5_000, 1_000, 100],
    [10, 100, 100],
    [2_000, 2_000, 2_000],
    [600_000, 300_000, 300_000],
  ] as const) {
    test(`P5 next_poll ${given ?? "absent"} means ${idle} ms without work, ${busy} ms with`, () => {
      const poll = schedule();
      poll.answered(given, false);
      assert.equal(poll.dueInMs(), idle);
      poll.answered(given, true);
      assert.equal(poll.dueInMs(), busy);
    });
  }

  test("P6 failures wait 1, 4, 9 … 60 s, and an answer starts over", () => {
    const poll = schedule();
    const waits = Array.from({ length: 9 }, () => poll.failed());
    assert.deepEqual(waits, [1_000, 4_000, 9_000, 16_000, 25_000, 36_000, 49_000, 60_000, 60_000]);
    assert.equal(poll.dueInMs(), 60_000);
    poll.answered(5_000, false);
    assert.equal(poll.failed(), 1_000);
  });

  test("whatever C1 sends, the next poll comes between 90 ms and 5.5 min, and jitter stays within a tenth", () => {
    fc.assert(
      fc.property(
        fc.option(fc.double({ noNaN: true }), { nil: undefined }),
        fc.boolean(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (nextPollMs, tookWork, random) => {
          const poll = schedule(random);
          poll.answered(nextPollMs, tookWork);
          const plain = schedule();
          plain.answered(nextPollMs, tookWork);
          const ratio = poll.dueInMs() / plain.dueInMs();
          return poll.dueInMs() >= 90 && poll.dueInMs() <= 330_000 && ratio >= 0.899 && ratio <= 1.101;
        },
      ),
    );
  });
});
