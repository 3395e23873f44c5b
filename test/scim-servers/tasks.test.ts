/** Tasks of C1 through the daemon to servers that we did not write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTask, deleteTask } from "../integration/account-stage.ts";
import { run, taskSuite } from "./task-suite.ts";

taskSuite("better-auth");
taskSuite("scimmy-express4");

taskSuite("scimmy-express5", (scene) => {
  test("with more people than it lists, nobody is said to be absent, and nothing is done", async () => {
    const { cursor, server } = scene();
    await server.seed(Array.from({ length: 30 }, (_, at) => ({ userName: `more${at}@example.com` })));
    const { length } = await server.users();
    const { id = "" } = cursor.signIn("nobody@example.com");
    for (const task of [createTask("new@example.com"), deleteTask(id)]) {
      const { code, message } = await run(scene(), task);
      assert.equal(code, 14, message);
      assert.match(message, /listed fewer users than it says it has.*nothing was changed: try again/);
    }
    assert.equal((await server.users()).length, length);
  });
});
