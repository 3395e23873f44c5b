import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { audited } from "./audit.ts";

function setUp() {
  const clock = createVirtualClock();
  const log = createRecordingLogger([], { taskId: "t1" });
  const run = <T extends { readonly kind: string }>(work: () => Promise<T>): Promise<T> =>
    audited({ action: "delete_resource", target: "user:user_1" }, { clock, log }, async () => {
      clock.advance(1500.4);
      return work();
    });
  return { log, run };
}

suite("audit line", () => {
  test("one for what was done, with task, action, target, result and duration", async () => {
    const { log, run } = setUp();
    assert.deepEqual(await run(async () => ({ kind: "deleted" })), { kind: "deleted" });
    assert.deepEqual(log.lines, [
      {
        level: "info",
        message: "provisioning action",
        fields: {
          taskId: "t1",
          action: "delete_resource",
          target: "user:user_1",
          result: "deleted",
          durationMs: 1500,
        },
      },
    ]);
  });

  test("one for what failed, with the code and without the message, and the failure goes on", async () => {
    const { log, run } = setUp();
    const failure = new StatusError("unavailable", "the directory does not answer");
    await assert.rejects(
      run(() => Promise.reject(failure)),
      failure,
    );
    assert.deepEqual(
      log.lines.map(({ level, fields }) => ({ level, ...fields })),
      [
        {
          level: "warn",
          taskId: "t1",
          action: "delete_resource",
          target: "user:user_1",
          result: "failed",
          durationMs: 1500,
          code: "unavailable",
        },
      ],
    );
  });
});
