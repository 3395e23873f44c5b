import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { filterForms } from "../../src/scim/filter-proof.ts";
import { spawnConnector } from "../helpers/daemon.ts";
import { people, setAccountScene, team } from "../integration/account-scene.ts";
import { accountEnv, createTask, deleteTask, startAccountStage } from "../integration/account-stage.ts";
import { logged, processEnv, setScene, syncTask } from "../integration/scene.ts";
import { nasty, notForHeaders } from "./nasty.ts";

const limit = { timeout: 60_000 };

suite("what others say does not end a header, a query or a filter", { concurrency: 2 }, () => {
  test("an address of marks is one value of one filter", limit, async () => {
    await using scene = await setAccountScene();
    const address = "a&count=0#b+c%41=d'e/f?g@example.com";
    const end = await scene.c1.awaitFinish(scene.c1.enqueue(createTask(address)));
    assert.equal(end.ok, true, end.message);
    const asked = scene.scim.requests.map(({ query }) => query["filter"] ?? "");
    assert.ok(
      asked.some((filter) => filter.includes(JSON.stringify(address))),
      asked.join("\n"),
    );
    const names = new Set(scene.scim.requests.flatMap(({ query }) => Object.keys(query)));
    assert.deepEqual([...names].sort(), ["count", "filter", "startIndex"]);
    assert.deepEqual(
      scene.scim.effects.map(({ userName }) => userName),
      [address],
    );
  });

  test("a filter holds any value as one text", () => {
    for (const value of [...nasty, "\\", '\\" or userName pr or \\"', '"] or emails[value pr']) {
      for (const { name, write } of filterForms) {
        const literal = /^(?:userName eq |emails\.value eq |emails\[value eq )("(?:[^"\\]|\\.)*")\]?$/.exec(
          write(value),
        );
        assert.equal(JSON.parse(literal?.[1] ?? '"none"'), value, name);
      }
    }
  });

  test("a token that would end its header is none, and the next one is taken", limit, async () => {
    const answers = notForHeaders.flatMap((text) => [
      { access_token: `a${text}`, token_type: "Bearer", expires_in: 600 },
      { access_token: "a", token_type: `Bearer${text}`, expires_in: 600 },
    ]);
    await using scene = await setScene({
      factor: 1000,
      before: ({ token }) => {
        for (const answer of answers) token.answerNext(JSON.stringify(answer));
      },
    });
    const end = await scene.c1.awaitFinish(scene.c1.enqueue(syncTask));
    assert.equal(end.ok, true, end.message);
    await logged(scene.daemon, "characters that no header may hold", answers.length);
    for (const { authorization } of scene.c1.calls("Hello")) assert.match(authorization ?? "", /^Bearer [\x21-\x7e]+$/);
  });

  test("a version of a record that would end its header is not sent back", limit, async () => {
    const users = team.map(({ email }) => email.toLowerCase());
    await using scene = await setAccountScene({ scim: { users, quirks: { claims: { etag: true } } } });
    const { c1, scim } = scene;
    const { id = "" } = scim.records.find(({ userName }) => userName === people.cleo.email) ?? {};
    const record = {
      id,
      userName: people.cleo.email,
      emails: [{ value: people.cleo.email, primary: true }],
      meta: { version: 'W/"1"\r\nX-Injected: yes' },
    };
    scim.script({
      on: { method: "GET", path: /^\/Users$/, query: /cleo/ },
      times: 9,
      json: { totalResults: 1, Resources: [record] },
    });
    const end = await c1.awaitFinish(c1.enqueue(deleteTask(people.cleo.id)));
    assert.equal(end.ok, true, end.message);
    assert.deepEqual(
      scim.requests.filter(({ method }) => method !== "GET").map(({ ifMatch }) => ifMatch),
      [undefined],
    );
  });
});

suite("credentials that would end a header are refused before anything is sent", { concurrency: 2 }, () => {
  const variables = ["BATON_CLIENT_ID", "BATON_CURSOR_API_KEY", "BATON_CURSOR_SCIM_TOKEN"] as const;
  for (const name of variables) {
    test(name, limit, async () => {
      await using stage = await startAccountStage({ cursor: { members: team } });
      const right = processEnv(stage, accountEnv(stage));
      for (const text of ["\r\nX-Injected: yes", "\n", "\u0007", "\u2028", "\u00e9"]) {
        const [first = "", ...rest] = right[name] ?? "";
        await using daemon = await spawnConnector([], { ...right, [name]: `${first}${text}${rest.join("")}` });
        // One that took it would run on.
        const late = setTimeout(() => daemon.kill("SIGKILL"), 15_000);
        const { code, stderr } = await daemon.ended;
        clearTimeout(late);
        assert.equal(code, 2, `${JSON.stringify(text)}: ${stderr}`);
        assert.match(stderr, new RegExp(name));
      }
      assert.deepEqual(
        [stage.c1.token.requests.length, stage.cursor.requests.length, stage.scim.requests.length],
        [0, 0, 0],
      );
    });
  }
});
