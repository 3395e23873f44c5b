import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import type { OpaqueAny, TaskReport, TaskType } from "../baton/task.ts";
import { type EncodedAnswer, encodeAnswer } from "./answer.ts";
import { ListActionSchemasResponseSchema, ListEventFeedsResponseSchema } from "./gen/c1/connector/v2/action_pb.ts";
import {
  type BatonServiceFinishTaskRequest,
  BatonServiceFinishTaskRequestSchema,
} from "./gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { encodeStatus } from "./status.ts";

/** C1 refuses a request with more. */
const maxAnnotations = 16;

/**
 * The report of a task as FinishTask carries it. A success holds the connector's (empty) response where C1 expects one; a
 * failure holds the status, whether it is final, and the annotations to echo, of which only the first 16 fit.
 */
export function encodeFinish(report: TaskReport, hostId: string): BatonServiceFinishTaskRequest {
  const { task, outcome } = report;
  const head = { hostId, taskId: task.id };
  if (outcome.ok) {
    const { annotations = [], response } =
      outcome.answer === undefined ? listingResponse(task.type) : encodeAnswer(outcome.answer);
    const value = { annotations, ...(response === undefined ? {} : { response }) };
    return create(BatonServiceFinishTaskRequestSchema, { ...head, finalState: { case: "success", value } });
  }
  const { error, annotations } = outcome;
  return create(BatonServiceFinishTaskRequestSchema, {
    ...head,
    status: encodeStatus(error),
    finalState: {
      case: "error",
      value: { nonRetryable: !error.retryable, annotations: annotations.slice(0, maxAnnotations).map(encodeAny) },
    },
  });
}

/** The listings answer with their own empty list; a sync answers with nothing, because its result was uploaded. */
function listingResponse(type: TaskType): EncodedAnswer {
  if (type === "action_list_schemas") {
    return { response: anyPack(ListActionSchemasResponseSchema, create(ListActionSchemasResponseSchema)) };
  }
  if (type === "list_event_feeds") {
    return { response: anyPack(ListEventFeedsResponseSchema, create(ListEventFeedsResponseSchema)) };
  }
  return {};
}

function encodeAny({ typeUrl, value }: OpaqueAny): Any {
  return create(AnySchema, { typeUrl, value });
}
