import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { anyUnpack, timestampDate } from "@bufbuild/protobuf/wkt";
import { StatusError, statusCodes } from "../baton/status-error.ts";
import type { OpaqueAny, TaskOutcome, TaskType } from "../baton/task.ts";
import { encodeFinish } from "./finish.ts";
import { RateLimitDescription_Status, RateLimitDescriptionSchema } from "./gen/c1/connector/v2/annotation_pb.ts";
import type { BatonServiceFinishTaskRequest } from "./gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { encodeStatus } from "./status.ts";

const id = "2abcDEF3abcDEF4abcDEF5abcDE";

function finish(type: TaskType, outcome: TaskOutcome): BatonServiceFinishTaskRequest {
  return encodeFinish({ task: { id, type }, outcome }, "host-1");
}

function failure(error: StatusError, annotations: readonly OpaqueAny[] = []): TaskOutcome {
  return { ok: false, error, annotations };
}

suite("reports onto the wire", () => {
  test("a sync succeeds without status, response and annotations", () => {
    const request = finish("sync_full", { ok: true });
    assert.equal(request.hostId, "host-1");
    assert.equal(request.taskId, id);
    assert.equal(request.status, undefined);
    assert.equal(request.finalState.case, "success");
    assert.equal(request.finalState.value?.response, undefined);
    assert.deepEqual(request.finalState.value?.annotations, []);
  });

  for (const [type, name] of [
    ["action_list_schemas", "ListActionSchemasResponse"],
    ["list_event_feeds", "ListEventFeedsResponse"],
  ] as const) {
    test(`${type} succeeds with an empty ${name}`, () => {
      const { finalState } = finish(type, { ok: true });
      assert.equal(finalState.case, "success");
      assert.equal(finalState.value?.response?.typeUrl, `type.googleapis.com/c1.connector.v2.${name}`);
      assert.equal(finalState.value?.response?.value.length, 0);
    });
  }

  test("a failure carries code, message and whether it is final", () => {
    const final = finish("grant", failure(new StatusError("unimplemented", "not here")));
    assert.equal(final.status?.code, 12);
    assert.equal(final.status?.message, "not here");
    assert.deepEqual(final.status?.details, []);
    assert.equal(final.finalState.case, "error");
    assert.equal(final.finalState.case === "error" && final.finalState.value.nonRetryable, true);
    const passing = finish("sync_full", failure(new StatusError("unavailable", "connector shutting down")));
    assert.equal(passing.finalState.case === "error" && passing.finalState.value.nonRetryable, false);
  });

  test("T10: of more than 16 annotations the first 16 are echoed, unread", () => {
    const annotations = Array.from({ length: 20 }, (_, index) => ({
      typeUrl: `type.googleapis.com/x.Y${index}`,
      value: Uint8Array.of(index),
    }));
    const { finalState } = finish("get_ticket", failure(new StatusError("unimplemented", "no"), annotations));
    assert.deepEqual(
      finalState.value?.annotations.map(({ typeUrl, value }) => ({ typeUrl, value })),
      annotations.slice(0, 16),
    );
  });
});

suite("status", () => {
  test("every code keeps its number, except that a failure is never OK", () => {
    for (const [name, number] of Object.entries(statusCodes)) {
      const { code } = encodeStatus(new StatusError(name as keyof typeof statusCodes, "x"));
      assert.equal(code, name === "ok" ? 13 : number);
    }
  });

  test("the message is one line of at most 2 KiB", () => {
    const { message } = encodeStatus(new StatusError("internal", `first\nsecond ${"ü".repeat(3000)}`));
    assert.match(message, /^first second ü+…$/);
    assert.ok(Buffer.byteLength(message) <= 2048 && Buffer.byteLength(message) > 2040);
  });

  test("a rate limit becomes a detail", () => {
    const resetAt = new Date("2026-05-01T12:00:00.500Z");
    const rateLimit = { limit: 20, remaining: 0, resetAt };
    const { details } = encodeStatus(new StatusError("unavailable", "slow down", { rateLimit }));
    assert.equal(details[0]?.typeUrl, "type.googleapis.com/c1.connector.v2.RateLimitDescription");
    const detail = details[0] && anyUnpack(details[0], RateLimitDescriptionSchema);
    assert.equal(detail?.status, RateLimitDescription_Status.OVERLIMIT);
    assert.equal(detail?.limit, 20n);
    assert.equal(detail?.remaining, 0n);
    assert.deepEqual(detail?.resetAt && timestampDate(detail.resetAt), resetAt);
  });

  test("a rate limit out of nonsense headers does not break the report", () => {
    for (const value of [Number.NaN, -5, 1.7, Number.POSITIVE_INFINITY]) {
      const rateLimit = { limit: value, remaining: value, resetAt: new Date(value === 1.7 ? 1e15 : value) };
      const { details } = encodeStatus(new StatusError("unavailable", "slow down", { rateLimit }));
      const detail = details[0] && anyUnpack(details[0], RateLimitDescriptionSchema);
      assert.ok(detail !== undefined && detail.limit >= 0n);
    }
  });
});
