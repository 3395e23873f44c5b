import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import {
  assertUnseen,
  credentialMetrics,
  fileNames,
  type RotationStage,
  type RotationStageOptions,
  readiness,
  ready,
  rotationEnv,
  startRotationStage,
  syncTask,
} from "./rotation-scene.ts";
import { printed, processEnv } from "./scene.ts";

const limit = { timeout: 60_000 };

interface Running extends RotationStage {
  readonly daemon: DaemonProcess;
  readonly url: string;
}

/** The built program in a process of its own, following the Secret in real time. Disposing fails when its output shows any of it. */
async function start(
  options: RotationStageOptions & {
    readonly args?: readonly string[];
    readonly env?: Record<string, string>;
    readonly before?: (stage: RotationStage) => void;
  } = {},
): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await startRotationStage(options));
  options.before?.(stage);
  const env = processEnv(stage, rotationEnv(stage, options.env));
  for (const name of fileNames) if (options.env?.[name] === undefined) delete env[name];
  const daemon = stack.use(await spawnConnector(options.args ?? [], env));
  await printed(daemon, '"health_port"');
  const port = /"health_port":(\d+)/.exec(daemon.stderr())?.[1];
  const kept = stack.move();
  return {
    ...stage,
    daemon,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync();
      assertUnseen(stage, daemon.stderr() + daemon.stdout());
    },
  };
}

async function works({ c1 }: Running): Promise<void> {
  const finish = await c1.awaitFinish(c1.enqueue(syncTask), 20_000);
  assert.equal(finish.ok, true, finish.message);
}

/** Lets the process stop as it is asked to. */
async function stops({ daemon }: Running): Promise<void> {
  daemon.kill("SIGTERM");
  assert.equal((await daemon.ended).code, 0);
}

const none = Object.fromEntries(fileNames.map((name) => [name, undefined]));

suite("the program and a mounted Secret, in real time", { concurrency: 2 }, () => {
  test("an empty Secret: up and not ready; filled, it works without a restart", limit, async () => {
    await using running = await start({ first: none });
    assert.match(await ready(running.url, 503), /BATON_CLIENT_ID is missing from the Secret prod-baton/);
    await running.write();
    await ready(running.url, 200);
    await works(running);
    await stops(running);
  });

  test("the pair is rotated: noticed within two seconds, and the old pair may go", limit, async () => {
    await using running = await start();
    const { c1, url, write } = running;
    await works(running);
    const next = running.rotateC1();
    const writtenMs = performance.now();
    await write(next);
    await printed(running.daemon, "a new version of a credential is in use");
    assert.ok(performance.now() - writtenMs < 2_000, `${performance.now() - writtenMs} ms`);
    c1.revokeClient(c1.clientId, "at once");
    await works(running);
    assert.equal(c1.calls("FinishTask").at(-1)?.clientId, next.BATON_CLIENT_ID);
    const { activations, pending } = await credentialMetrics(url, "c1");
    assert.deepEqual([activations, pending], [1, 0]);
    await stops(running);
  });

  test("a wrong pair, then the right one: the process is the same throughout", limit, async () => {
    await using running = await start();
    const { c1, url, write } = running;
    await works(running);
    const wrong = running.rotateC1();
    c1.revokeClient(wrong.BATON_CLIENT_ID, "at once");
    await write(wrong);
    await printed(running.daemon, "a new version of a credential does not work");
    assert.equal((await credentialMetrics(url, "c1")).pending, 1);
    assert.equal((await readiness(url)).status, 200);
    await write(running.rotateC1());
    await printed(running.daemon, "a new version of a credential is in use");
    await works(running);
    await stops(running);
  });

  test("a pair that C1 rejects at the start: the process waits instead of ending", limit, async () => {
    await using running = await start({ before: ({ c1 }) => c1.revokeClient(c1.clientId, "at once") });
    const { url, write } = running;
    await printed(running.daemon, "C1 does not accept the credentials; waiting for a new version of the Secret");
    assert.match(await ready(url, 503), /HTTP 401.*BATON_CLIENT_ID.*Secret prod-baton/);
    await write(running.rotateC1());
    await ready(url, 200);
    await works(running);
    await stops(running);
  });

  test("flags win over files, and files over variables", limit, async () => {
    const env = { BATON_CURSOR_SCIM_TOKEN: "token-canary-of-the-environment" };
    const flagged = `key_canary${"c".repeat(20)}`;
    await using running = await start({ args: [`--cursor-api-key=${flagged}`], env });
    const { cursor, scim, write } = running;
    cursor.setKeys(flagged, "key_canary-of-the-file");
    await write({ BATON_CURSOR_API_KEY: "key_canary-of-the-file", BATON_CURSOR_SCIM_TOKEN: "token-canary-second" });
    await printed(running.daemon, "a new version of a credential does not work");
    scim.setToken("token-canary-second");
    await works(running);
    const keys = [...new Set(cursor.requests.map(({ apiKey }) => apiKey))];
    assert.deepEqual(keys, [flagged]);
    assert.deepEqual([...new Set(scim.requests.map(({ token }) => token))], [scim.token, "token-canary-second"]);
    assert.ok(!running.daemon.stderr().includes(flagged));
    assert.match(running.daemon.stderr(), /differ on BATON_CURSOR_SCIM_TOKEN: the directory wins/);
    await stops(running);
  });
});
