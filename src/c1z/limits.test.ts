import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError } from "../baton/status-error.ts";
import { checkId, checkResourceId, shown } from "./limits.ts";

suite("checkId", () => {
  test("accepts 1 to 1024 bytes", () => {
    checkId("a", "id");
    checkId("a".repeat(1024), "id");
    checkId("日".repeat(341), "id");
  });

  test("refuses the empty id and names the field", () => {
    assert.throws(() => checkId("", "id of a grant"), { name: "StatusError", message: /id of a grant is empty/ });
  });

  test("counts bytes, not characters", () => {
    assert.throws(() => checkId("日".repeat(342), "id"), /is 1026 bytes long: C1 accepts at most 1024/);
    assert.throws(() => checkId("a".repeat(1025), "id"), /is 1025 bytes long/);
  });

  test("names both parts of a resource id", () => {
    assert.throws(
      () => checkResourceId({ resourceType: "", resource: "a" }, "a user"),
      /resource type of a user is empty/,
    );
    assert.throws(() => checkResourceId({ resourceType: "user", resource: "" }, "a user"), /id of a user is empty/);
  });

  test("throws an error that C1 may retry, as every failed sync is", () => {
    assert.throws(
      () => checkId("", "id"),
      (error) => error instanceof StatusError && error.code === "internal" && error.retryable,
    );
  });
});

suite("shown", () => {
  test("quotes and shortens", () => {
    assert.equal(shown("user_1"), '"user_1"');
    assert.equal(shown("x".repeat(100)), `"${"x".repeat(80)}…"`);
    assert.equal(shown("a\nb"), '"a\\nb"');
  });

  test("never shows an e-mail address", () => {
    assert.doesNotMatch(shown("email:ada@example.com"), /ada/);
  });
});
