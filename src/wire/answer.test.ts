import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { onlyArm } from "../../test/helpers/wire-fields.ts";
import type { UserResource } from "../baton/resource.ts";
import type { TaskAnswer } from "../baton/task.ts";
import { createRecordEncoder } from "../c1z/records.ts";
import { encodeAnswer } from "./answer.ts";
import { encodeFinish } from "./finish.ts";
import { CreateAccountResponseSchema, DeleteResourceResponseSchema } from "./gen/c1/connector/v2/account_pb.ts";

const ada: UserResource = {
  kind: "user",
  id: { resourceType: "user", resource: "user_ada" },
  displayName: "Ada Byron",
  email: "ada@example.com",
  login: "Ada@Example.com",
  status: "enabled",
  statusDetails: "",
  profile: { is_removed: false, cursor_user_id: "user_ada", email: "Ada@Example.com", role: "owner" },
};
const cleo: UserResource = {
  ...ada,
  displayName: "",
  email: undefined,
  login: "",
  status: "disabled",
  statusDetails: "removed",
};

type CreateResult = Extract<TaskAnswer, { readonly answers: "create_account" }>["result"];

function encodeCreate(result: CreateResult): Uint8Array {
  const { annotations, response } = encodeAnswer({ answers: "create_account", result });
  assert.equal(annotations, undefined);
  assert.equal(response?.typeUrl, "type.googleapis.com/c1.connector.v2.CreateAccountResponse");
  return response.value;
}

function recordOf(user: UserResource): Buffer {
  return Buffer.from(createRecordEncoder().resource(user));
}

suite("answers to create_account", () => {
  for (const [kind, arm] of [
    ["success", 100],
    ["already_exists", 102],
  ] as const) {
    test(`${kind} is field ${arm}: the resource as a sync file holds it (1), is_create_account_result (2)`, () => {
      for (const resource of [ada, cleo]) {
        const [number, fields] = onlyArm(encodeCreate({ kind, resource }));
        assert.equal(number, arm);
        assert.deepEqual([...fields.keys()], [1, 2]);
        assert.deepEqual(Buffer.from(fields.get(1) as Uint8Array), recordOf(resource));
        assert.equal(fields.get(2), 1);
      }
    });
  }

  test("in_progress is field 103: is_create_account_result (2) and nothing else", () => {
    assert.deepEqual(onlyArm(encodeCreate({ kind: "in_progress" })), [103, new Map([[2, 1]])]);
  });

  test("action_required is field 101: the message (2), and is_create_account_result under another number (3)", () => {
    const [number, fields] = onlyArm(encodeCreate({ kind: "action_required", message: "Sign in once." }));
    assert.equal(number, 101);
    assert.deepEqual([...fields.keys()], [2, 3]);
    assert.equal(Buffer.from(fields.get(2) as Uint8Array).toString(), "Sign in once.");
    assert.equal(fields.get(3), 1);
  });

  test("whatever a member is called: the resource is byte for byte that of a sync file", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 700 }));
    const users = fc.record<UserResource>({
      kind: fc.constant("user"),
      id: fc.record({ resourceType: fc.constant("user"), resource: fc.string({ unit: "binary", minLength: 1 }) }),
      displayName: text,
      email: fc.option(fc.emailAddress(), { nil: undefined }),
      login: text,
      status: fc.constantFrom("enabled", "disabled"),
      statusDetails: fc.constantFrom("", "removed"),
      profile: fc.dictionary(
        fc.constantFrom("is_removed", "email", "name", "cursor_user_id"),
        fc.oneof(text, fc.boolean()),
      ),
    });
    fc.assert(
      fc.property(users, fc.constantFrom("success" as const, "already_exists" as const), (resource, kind) => {
        const bytes = encodeCreate({ kind, resource });
        assert.deepEqual(Buffer.from(onlyArm(bytes)[1].get(1) as Uint8Array), recordOf(resource));
        const { result, encryptedData, annotations } = fromBinary(CreateAccountResponseSchema, bytes);
        assert.deepEqual([result.value?.isCreateAccountResult, encryptedData, annotations], [true, [], []]);
      }),
    );
  });

  test("in a report: success, without status and annotations", () => {
    const task = { id: "2abcDEF3abcDEF4abcDEF5abcDE", type: "create_account" } as const;
    const answer = { answers: "create_account", result: { kind: "in_progress" } } as const;
    const request = encodeFinish({ task, outcome: { ok: true, answer } }, "host-1");
    assert.deepEqual([request.status, request.finalState.case], [undefined, "success"]);
    assert.deepEqual(request.finalState.value?.annotations, []);
    assert.match(request.finalState.value?.response?.typeUrl ?? "", /CreateAccountResponse$/);
  });
});

suite("answers to delete_resource", () => {
  const doesNotExist = "type.googleapis.com/c1.connector.v2.ResourceDoesNotExist";
  const task = { id: "2abcDEF3abcDEF4abcDEF5abcDE", type: "delete_resource" } as const;

  for (const kind of ["deleted", "deactivated", "unconfirmed", "gone"] as const) {
    const gone = kind === "gone";
    test(`${kind}: ${gone ? "ResourceDoesNotExist, in the response and beside it" : "an empty response"}`, () => {
      const answer = { answers: "delete_resource", result: { kind } } as const;
      const { finalState, status } = encodeFinish({ task, outcome: { ok: true, answer } }, "host-1");
      assert.deepEqual([status, finalState.case], [undefined, "success"]);
      const response = finalState.value?.response;
      assert.equal(response?.typeUrl, "type.googleapis.com/c1.connector.v2.DeleteResourceResponse");
      const inside = fromBinary(DeleteResourceResponseSchema, response.value).annotations;
      for (const annotations of [inside, finalState.value?.annotations ?? []]) {
        assert.deepEqual(
          annotations.map(({ typeUrl, value }) => [typeUrl, value.length]),
          gone ? [[doesNotExist, 0]] : [],
        );
      }
      if (!gone) assert.equal(response.value.length, 0);
    });
  }
});
