import { create } from "@bufbuild/protobuf";
import { anyPack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type RateLimit, type StatusError, statusCodes } from "../baton/status-error.ts";
import {
  type RateLimitDescription,
  RateLimitDescription_Status,
  RateLimitDescriptionSchema,
} from "./gen/c1/connector/v2/annotation_pb.ts";
import { type Status, StatusSchema } from "./gen/google/rpc/status_pb.ts";
import { oneLine } from "./text.ts";

/** Longest message that we send; the code is what C1 acts on. */
const maxMessageBytes = 2048;
/** The instants that a google.protobuf.Timestamp can name: the years 1 to 9999. */
const firstInstantMs = -62_135_596_800_000;
const lastInstantMs = 253_402_300_799_999;

/** A failure as google.rpc.Status: its code, its message on one line of at most 2 KiB, and the rate limit behind it. */
export function encodeStatus(error: StatusError): Status {
  const { rateLimit } = error;
  return create(StatusSchema, {
    // A failure with the code OK would read as success.
    code: error.code === "ok" ? statusCodes.internal : error.number,
    message: oneLine(error.message, maxMessageBytes),
    details: rateLimit === undefined ? [] : [anyPack(RateLimitDescriptionSchema, encodeRateLimit(rateLimit))],
  });
}

function encodeRateLimit({ limit, remaining, resetAt }: RateLimit): RateLimitDescription {
  const resetAtMs = resetAt.getTime();
  const known = resetAtMs >= firstInstantMs && resetAtMs <= lastInstantMs;
  return create(RateLimitDescriptionSchema, {
    status: RateLimitDescription_Status.OVERLIMIT,
    limit: count(limit),
    remaining: count(remaining),
    ...(known ? { resetAt: timestampFromMs(resetAtMs) } : {}),
  });
}

/** Numbers out of response headers may be anything; the wire takes whole ones. */
function count(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.trunc(Math.max(0, Math.min(value, Number.MAX_SAFE_INTEGER)))) : 0n;
}
