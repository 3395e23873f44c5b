import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serve } from "../helpers/http-server.ts";
import { setAccountScene } from "../integration/account-scene.ts";
import { createTask } from "../integration/account-stage.ts";
import { logged, setScene, syncTask } from "../integration/scene.ts";

const limit = { timeout: 60_000 };

/** A server inside the network that nobody should be led to. */
async function trap() {
  const seen: string[] = [];
  const server = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end('{"teamMembers":[],"Resources":[],"access_token":"stolen","token_type":"Bearer"}');
  });
  return { seen, url: `${server.url}/latest/meta-data`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

suite("a redirect leads nowhere", { concurrency: 3 }, () => {
  for (const status of [301, 302, 303, 307, 308]) {
    test(`HTTP ${status} from Cursor, from the directory and from the token endpoint`, limit, async () => {
      await using inside = await trap();
      await using scene = await setAccountScene();
      const { c1, cursor, scim } = scene;
      cursor.script({ redirectTo: inside.url, status });
      const sync = await c1.awaitFinish(c1.enqueue(syncTask));
      assert.equal(sync.ok, false);
      assert.equal(c1.uploads.length, 0);
      scim.script({ redirectTo: inside.url, status, times: 10 });
      const creation = await c1.awaitFinish(c1.enqueue(createTask("new@example.com")));
      assert.equal(creation.code, 9, creation.message);
      assert.match(creation.message, /the SCIM server at .* redirect/);

      await using other = await setScene({
        before: ({ token }) => token.failNext(status, 1, { location: inside.url }),
      });
      await logged(other.daemon, "C1 cannot be reached yet");
      await other.c1.awaitHello("");
      assert.deepEqual(inside.seen, []);
    });
  }
});
