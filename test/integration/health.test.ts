import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { suite, test } from "node:test";
import { grpcCodes } from "../fakes/c1-server.ts";
import { capture } from "../helpers/capture.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { fileNames, type RotationStage, rotationEnv, startRotationStage } from "./rotation-scene.ts";
import { printed, processEnv, syncTask } from "./scene.ts";

const limit = { timeout: 60_000 };

interface Running extends RotationStage {
  readonly daemon: DaemonProcess;
  readonly port: number;
}

/** The built program in real time, with a mounted Secret to follow. */
async function start(before: (stage: RotationStage) => void = () => undefined): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await startRotationStage({ c1: { nextPollMs: 200, nextHeartbeatMs: 1_000 } }));
  before(stage);
  const env = processEnv(stage, rotationEnv(stage));
  for (const name of fileNames) delete env[name];
  const daemon = stack.use(await spawnConnector([], env));
  await printed(daemon, '"health_port"');
  const port = Number(/"health_port":(\d+)/.exec(daemon.stderr())?.[1]);
  const kept = stack.move();
  return { ...stage, daemon, port, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

interface Answer {
  readonly code: number | undefined;
  readonly status: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly tookMs: number;
}

/** Asks over a connection of its own, as the kubelet does. */
async function ask({ port }: Running, path: string): Promise<Answer> {
  const startMs = performance.now();
  const call = request({ port, path, agent: false });
  call.end();
  const [response] = await once(call, "response");
  const body = (await response.toArray()).join("");
  capture.look(`body of ${path}`, body);
  const { status, details = {} } = JSON.parse(body);
  return { code: response.statusCode, status, details, tookMs: performance.now() - startMs };
}

async function openMany({ port }: Running, count: number, text: string): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(text);
      return socket;
    }),
  );
}

suite("the health of the process", { concurrency: 2 }, () => {
  test("/live tells the age of every loop that there is", limit, async () => {
    await using running = await start();
    const { c1, cursor } = running;
    await c1.awaitCall("GetTask", 2, 20_000);
    const idle = await ask(running, "/live");
    assert.deepEqual([idle.code, idle.status], [200, "alive"]);
    assert.deepEqual(Object.keys(idle.details).sort(), ["credentials_loop_age_seconds", "poll_loop_age_seconds"]);
    cursor.script({ hang: true });
    const id = c1.enqueue(syncTask);
    await c1.until(() => c1.task(id).beats >= 2, 20_000, "heartbeats");
    const busy = await ask(running, "/live");
    assert.ok(Number(busy.details["heartbeat_loop_age_seconds"]) <= 2, JSON.stringify(busy));
  });

  test("/ready says why not, and is true as soon as C1 answers", limit, async () => {
    await using running = await start(({ c1 }) => c1.script("Hello", [{ error: grpcCodes.UNAVAILABLE, times: 2 }]));
    const { c1, daemon } = running;
    await printed(daemon, "Hello is tried again");
    const early = await ask(running, "/ready");
    assert.deepEqual([early.code, early.status], [503, "not_ready"]);
    assert.deepEqual(early.details, {
      error: "C1 has not answered Hello yet",
      state: "starting",
      last_error: "unavailable",
    });
    await c1.awaitCall("GetTask", 2, 20_000);
    const late = await ask(running, "/ready");
    assert.deepEqual([late.code, late.details], [200, { state: "polling", seconds_since_last_poll: 0 }]);
    c1.script("GetTask", [{ error: grpcCodes.UNAVAILABLE, times: Number.POSITIVE_INFINITY }]);
    await printed(daemon, "C1 could not be asked for work");
    const outage = await ask(running, "/ready");
    assert.deepEqual([outage.code, outage.details["last_error"]], [200, "unavailable"]);
  });

  test(
    "/health tells what Cursor and the directory said, without what they repeat of credentials and people",
    limit,
    async () => {
      await using running = await start();
      const { c1, cursor, scim } = running;
      await c1.awaitCall("GetTask", 1, 20_000);
      const person = cursor.members[0]?.email;
      const message = `${cursor.apiKey} and ${scim.token} of ${person} and email:${person} may not ask`;
      const refusal = { status: 403, json: { message, detail: message }, times: Number.POSITIVE_INFINITY };
      cursor.script(refusal);
      scim.script(refusal);
      const answer = await ask(running, "/health");
      assert.deepEqual([answer.code, answer.status], [503, "unhealthy"]);
      capture.end();
    },
  );

  test("whoever holds many slow connections stops neither probes nor work", limit, async () => {
    await using running = await start();
    const { c1, daemon } = running;
    await c1.awaitCall("GetTask", 1, 20_000);
    const silent = await openMany(running, 150, "");
    const slow = await openMany(running, 150, "POST /live HTTP/1.1\r\nhost: a\r\ncontent-length: 999999");
    for (const path of ["/live", "/ready", "/live", "/ready"]) {
      const { code, tookMs } = await ask(running, path);
      assert.equal(code, 200, path);
      assert.ok(tookMs < 2_000, `${path} took ${tookMs} ms`);
    }
    const finish = await c1.awaitFinish(c1.enqueue(syncTask), 20_000);
    assert.equal(finish.ok, true, finish.message);
    const stillOpen = [...silent, ...slow].filter(({ destroyed, closed }) => !destroyed && !closed).length;
    assert.ok(stillOpen <= 64, `${stillOpen} connections`);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  });
});
