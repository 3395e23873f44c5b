import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { CreateAccountResponseSchema } from "../../src/wire/gen/c1/connector/v2/account_pb.ts";
import type { Finish, TaskInit } from "../fakes/c1-server.ts";
import { createTestScimClient, forever } from "../helpers/scim-client.ts";
import { type ScimProxy, startScimProxy } from "../helpers/scim-proxy.ts";
import { crowd } from "../helpers/scim-scene.ts";
import { type ScimServerName, type ScimTestServer, startScimServer } from "../helpers/scim-servers.ts";
import { createTask, creationArm, deleteTask, saysNothingWasThere } from "../integration/account-stage.ts";
import { type Scene, setScene } from "../integration/scene.ts";

/** The daemon between stand-ins of C1 and Cursor, with a server that we did not write as the directory. */
export interface TaskScene extends Scene {
  readonly server: ScimTestServer;
  readonly proxy: ScimProxy;
}

const limit = { timeout: 60_000 };
/** People who are in the directory all the time; no more than every server lists. */
const others = crowd(9);

async function setTaskScene(name: ScimServerName): Promise<TaskScene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startScimServer(name));
  const proxy = stack.use(await startScimProxy(server));
  await server.seed(others.map((userName) => ({ userName })));
  const env = {
    BATON_PROVISIONING: "true",
    BATON_CURSOR_SCIM_ENDPOINT: proxy.url,
    BATON_CURSOR_SCIM_TOKEN: server.token,
    BATON_SCIM_REQUESTS_PER_MINUTE: "10000",
    // What the test does to team and directory is to be seen at once.
    BATON_CURSOR_ROSTER_MAX_AGE: "0s",
  };
  const scene = stack.use(await setScene({ factor: 1000, env }));
  const kept = stack.move();
  return { ...scene, server, proxy, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Hands out one task; its result names no address. */
export async function run({ c1 }: TaskScene, task: TaskInit): Promise<Finish> {
  const finish = await c1.awaitFinish(c1.enqueue(task), 30_000);
  assert.doesNotMatch(finish.message, /@/);
  return finish;
}

async function create(scene: TaskScene, email: string): Promise<readonly [arm: string, memberId: string | undefined]> {
  const finish = await run(scene, createTask(email));
  assert.equal(finish.ok, true, finish.message);
  const { result } = fromBinary(CreateAccountResponseSchema, finish.response?.value ?? new Uint8Array());
  const resource = result.value !== undefined && "resource" in result.value ? result.value.resource : undefined;
  return [creationArm(finish), resource?.id?.resource];
}

/** Deletes a member; resolves to whether the answer says that there was nobody. */
async function erase(scene: TaskScene, memberId: string): Promise<boolean> {
  const finish = await run(scene, deleteTask(memberId));
  assert.equal(finish.ok, true, finish.message);
  return saysNothingWasThere(finish);
}

/** The records of the server's own store beside those of the others, as name and state. */
async function stored({ server }: TaskScene): Promise<readonly (readonly [string, boolean])[]> {
  const users = await server.users();
  return users.filter(({ userName }) => !others.includes(userName)).map(({ userName, active }) => [userName, active]);
}

async function deactivate({ server }: TaskScene, email: string): Promise<void> {
  using made = createTestScimClient({ endpoint: server.url, token: server.token });
  const { users } = await made.client.findUsers(email, true, forever);
  assert.equal(users.length, 1);
  assert.equal(await made.client.setActive(users[0]!, false, forever), "done");
}

/** Both tasks that change accounts, from C1 to the store of one server and back. `facts` are further tests of this server. */
export function taskSuite(name: ScimServerName, facts: (scene: () => TaskScene) => void = () => undefined): void {
  suite(`tasks of C1 against ${name}`, () => {
    let running: TaskScene | undefined;
    const scene = (): TaskScene => running ?? assert.fail("the scene is set");
    before(async () => {
      running = await setTaskScene(name);
    });
    after(() => running?.[Symbol.asyncDispose]());

    test("the life of an account", limit, async () => {
      const ada = "Ada@example.com";
      const { cursor } = scene();
      assert.deepEqual(await create(scene(), ada), ["inProgress", undefined]);
      assert.deepEqual(await stored(scene()), [[ada, true]]);
      for (const email of [ada, "ada@EXAMPLE.com"])
        assert.deepEqual(await create(scene(), email), ["inProgress", undefined], "not signed in yet");
      assert.deepEqual(await stored(scene()), [[ada, true]], "no second record");

      const memberId = cursor.signIn(ada).id ?? "";
      assert.deepEqual(await create(scene(), ada), ["alreadyExists", memberId]);
      await deactivate(scene(), ada);
      assert.deepEqual(await create(scene(), ada), ["success", memberId]);
      assert.deepEqual(await stored(scene()), [[ada, true]]);

      assert.equal(await erase(scene(), memberId), false);
      assert.deepEqual(await stored(scene()), [], "the record is gone from the store");
      assert.equal(await erase(scene(), memberId), false, "Cursor has not followed yet");
      cursor.markRemoved(ada);
      assert.equal(await erase(scene(), memberId), true);
      assert.equal((await scene().server.users()).length, others.length);
    });

    test("somebody inactive who never signed in is active again", limit, async () => {
      const bob = "bob@example.com";
      await scene().server.seed([{ userName: bob, active: false }]);
      assert.deepEqual(await create(scene(), bob), ["inProgress", undefined]);
      assert.deepEqual(await stored(scene()), [[bob, true]]);
    });

    test("a member whom the directory does not know is left alone", limit, async () => {
      const { cursor } = scene();
      const before = await stored(scene());
      const { id = "" } = cursor.signIn("outsider@example.com");
      const finish = await run(scene(), deleteTask(id));
      assert.deepEqual([finish.ok, finish.code, finish.nonRetryable], [false, 9, true]);
      assert.match(finish.message, /is not managed through SCIM/);
      assert.deepEqual(await stored(scene()), before);
      assert.equal(cursor.members.find((member) => member.id === id)?.isRemoved, false);
    });

    test("answers that get lost make no second record and no failed deletion", limit, async () => {
      const cyd = "cyd@example.com";
      const { cursor, proxy } = scene();
      const before = await stored(scene());
      proxy.script({ method: "POST", loseAnswer: true });
      assert.deepEqual(await create(scene(), cyd), ["inProgress", undefined]);
      assert.deepEqual(await stored(scene()), [...before, [cyd, true]]);
      const { id = "" } = cursor.signIn(cyd);
      proxy.script({ method: "DELETE", loseAnswer: true });
      assert.equal(await erase(scene(), id), false);
      assert.deepEqual(await stored(scene()), before);
    });

    facts(scene);
  });
}
