import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import type { TaskAnswer } from "../baton/task.ts";
import {
  type CreateAccountResponse,
  CreateAccountResponseSchema,
  DeleteResourceResponseSchema,
} from "./gen/c1/connector/v2/account_pb.ts";
import { ResourceDoesNotExistSchema } from "./gen/c1/connector/v2/annotation_pb.ts";
import { encodeUserResource } from "./user-resource.ts";

/** The success part of a report: the connector's response, and annotations beside it. */
export interface EncodedAnswer {
  readonly response?: Any;
  readonly annotations?: Any[];
}

type CreateAnswer = Extract<TaskAnswer, { readonly answers: "create_account" }>;

/** What C1 is told about an account that was created or deleted. */
export function encodeAnswer(answer: TaskAnswer): EncodedAnswer {
  if (answer.answers === "create_account") {
    return { response: anyPack(CreateAccountResponseSchema, createAccountResponse(answer.result)) };
  }
  const gone = anyPack(ResourceDoesNotExistSchema, create(ResourceDoesNotExistSchema));
  const annotations = answer.result.kind === "gone" ? [gone] : [];
  return {
    response: anyPack(DeleteResourceResponseSchema, create(DeleteResourceResponseSchema, { annotations })),
    annotations,
  };
}

/** `is_create_account_result` is true in every arm, as in other connectors; its field number differs between the arms. */
function createAccountResponse(result: CreateAnswer["result"]): CreateAccountResponse {
  const isCreateAccountResult = true;
  switch (result.kind) {
    case "success":
    case "already_exists": {
      const value = { resource: encodeUserResource(result.resource), isCreateAccountResult };
      const which = result.kind === "success" ? "success" : "alreadyExists";
      return create(CreateAccountResponseSchema, { result: { case: which, value } });
    }
    case "in_progress":
      return create(CreateAccountResponseSchema, { result: { case: "inProgress", value: { isCreateAccountResult } } });
    case "action_required": {
      const value = { message: result.message, isCreateAccountResult };
      return create(CreateAccountResponseSchema, { result: { case: "actionRequired", value } });
    }
  }
}
