import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { metadata } from "../../test/helpers/worker.ts";
import { StatusError } from "../baton/status-error.ts";
import { createHello } from "./hello.ts";

const id = "2ITBjMmPvS3gBJBmPQC9tBBDgKK";

suite("hello task", () => {
  test("outlasts an outage of five seconds, however the waits fall", async () => {
    const clock = createVirtualClock();
    const c1 = {
      async hello(): Promise<void> {
        if (clock.monotonicMs() < 5_000) throw new StatusError("unavailable", "connect ECONNREFUSED");
      },
    };
    const hello = createHello({ c1, metadata, clock, random: () => 0 });
    const log = createRecordingLogger();
    const { signal } = new AbortController();
    await hello({}, { task: { id, debug: false }, signal, log, enterGracePhase: () => undefined });
    assert.deepEqual(clock.sleeps, [1_000, 2_000, 4_000]);
  });
});
