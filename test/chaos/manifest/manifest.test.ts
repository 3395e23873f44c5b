import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Injection } from "../injection.ts";
import { manifestOf } from "./manifest.ts";

const poll: Injection = {
  id: "GetTask:sync:after-effect:reset",
  target: "get-task",
  call: "GetTask",
  phase: "after-effect",
  effect: "reset",
  task: "sync",
  lasting: "once",
  attempts: [1, 2, 3],
  attempt: 3,
  underTest: ["baton-cursor"],
};
const team = [{ id: "1", name: "Ada", email: "ada@example.com", role: "owner", isRemoved: false }];

const mayRepeat = (change: Partial<Injection>): boolean => manifestOf({ ...poll, ...change }, team).mayRepeat;

suite("the manifest", () => {
  test("allows a second upload where the connection may end on which its answer comes", () => {
    for (const target of ["hello", "get-task", "get-tasks", "heartbeat"] as const)
      assert.ok(mayRepeat({ target }), target);
    for (const effect of ["reset-all", "goaway", "outage", "restart", "damaged-to-client"])
      assert.ok(mayRepeat({ effect }), effect);
  });

  test("allows none where the connection stays, and counts the uploads where the upload itself is hit", () => {
    for (const effect of ["rst-internal", "grpc-UNAVAILABLE", "http-502"]) assert.ok(!mayRepeat({ effect }), effect);
    for (const target of ["upload", "finish", "cursor", "scim", "token"] as const)
      assert.ok(!mayRepeat({ target }), target);
  });
});
