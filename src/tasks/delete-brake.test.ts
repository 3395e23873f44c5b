import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createDeleteBrake } from "./delete-brake.ts";

const minuteMs = 60_000;

function setUp(deletesPerHour: number) {
  const clock = createVirtualClock();
  const brake = createDeleteBrake(deletesPerHour, clock);
  const refuses = (message: RegExp): void =>
    assert.throws(() => brake.take(), { code: "resource_exhausted", retryable: false, message });
  return { clock, brake, refuses };
}

suite("brake on deletions", () => {
  test("as many as allowed, then a final refusal that says what to do", () => {
    const { brake, refuses } = setUp(2);
    brake.take();
    brake.take();
    refuses(
      /^2 accounts may be deleted per hour and as many were; nothing was changed: .*in 60 min or raise BATON_MAX/,
    );
  });

  test("any sixty minutes count: each place comes back an hour after it was taken", () => {
    const { brake, clock, refuses } = setUp(2);
    brake.take();
    clock.advance(40 * minuteMs);
    brake.take();
    clock.advance(20 * minuteMs - 1);
    refuses(/in 1 min/);
    clock.advance(1);
    brake.take();
    refuses(/in 40 min/);
  });

  test("a refusal takes no place", () => {
    const { brake, clock, refuses } = setUp(1);
    brake.take();
    for (let count = 0; count < 10; count += 1) refuses(/nothing was changed/);
    clock.advance(60 * minuteMs);
    brake.take();
  });

  test("none allowed: never, and waiting is not advised", () => {
    const { refuses } = setUp(0);
    refuses(/^BATON_MAX_DELETES_PER_HOUR is 0, so that no account is deleted; nothing was changed: raise it/);
  });
});
