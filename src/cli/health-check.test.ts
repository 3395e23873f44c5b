import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { suite, test } from "node:test";
import { configInput, type World } from "../../test/helpers/config-input.ts";
import { recorder } from "../../test/helpers/recorder.ts";
import { healthCheckCommand } from "./health-check.ts";

async function listen(server: Server, host: string): Promise<AsyncDisposable & { readonly port: string }> {
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: String((server.address() as AddressInfo).port),
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

const serve = (handler: RequestListener, host = "127.0.0.1") => listen(createServer(handler), host);

async function check(
  world: World,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const out = recorder();
  const input = configInput({ ...world, argv: ["health-check", ...(world.argv ?? [])] });
  return { code: await healthCheckCommand({ out, input }), ...out.text() };
}

const healthy: RequestListener = (request, response) => {
  response.statusCode = request.url === "/ready" ? 503 : 200;
  response.end(JSON.stringify({ url: request.url }));
};

suite("health-check", () => {
  test("is 0 for 200, 1 for anything else, and silent", async () => {
    await using server = await serve(healthy);
    const env = { BATON_HEALTH_CHECK_PORT: server.port };
    assert.deepEqual(await check({ env }), { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(await check({ env, argv: ["--endpoint", "live"] }), { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(await check({ env, argv: ["--endpoint=ready"] }), { code: 1, stdout: "", stderr: "" });
  });

  test("asks for health by default; a flag wins over the variable", async () => {
    const asked: (string | undefined)[] = [];
    await using server = await serve((request, response) => {
      asked.push(request.url);
      response.end();
    });
    const env = { BATON_HEALTH_CHECK_PORT: "1" };
    assert.equal((await check({ env, argv: [`--health-check-port=${server.port}`] })).code, 0);
    assert.deepEqual(asked, ["/health"]);
  });

  test("asks the loopback address of a listener on all addresses", async () => {
    await using server = await serve(healthy);
    const env = { BATON_HEALTH_CHECK_PORT: server.port, BATON_HEALTH_CHECK_BIND_ADDRESS: "0.0.0.0" };
    assert.equal((await check({ env })).code, 0);
  });

  test("does not mind a configuration that it has no use for", async () => {
    await using server = await serve(healthy);
    const env = {
      BATON_HEALTH_CHECK_PORT: server.port,
      BATON_LOG_LEVEL: "loud",
      BATON_CLIENT_ID: "x",
      BATON_TMPDIR: "/gone",
    };
    assert.deepEqual(await check({ env }), { code: 0, stdout: "", stderr: "" });
  });

  test("redirects are not followed", async () => {
    await using server = await serve((_request, response) => response.writeHead(302, { location: "/live" }).end());
    assert.equal((await check({ env: { BATON_HEALTH_CHECK_PORT: server.port } })).code, 1);
  });

  test("is 1 when nobody listens, and when the answer does not come in time", async () => {
    await using server = await listen(
      createTcpServer((socket) => void socket.on("error", () => undefined).resume()),
      "127.0.0.1",
    );
    const argv = ["--timeout=1"];
    assert.deepEqual(await check({ argv, env: { BATON_HEALTH_CHECK_PORT: server.port } }), {
      code: 1,
      stdout: "",
      stderr: "",
    });
    const closed = await serve(healthy);
    await closed[Symbol.asyncDispose]();
    assert.deepEqual(await check({ env: { BATON_HEALTH_CHECK_PORT: closed.port } }), {
      code: 1,
      stdout: "",
      stderr: "",
    });
  });

  for (const [argv, pattern] of [
    [["--endpoint=metrics"], /--endpoint is "metrics"\n {4}-> use one of health, ready, live/],
    [["--timeout=0"], /--timeout is 0/],
    [["--health-check-port=http"], /--health-check-port/],
    [["--nonsense"], /--nonsense is not known/],
    [["now"], /1 stray word/],
  ] as const) {
    test(`${argv.join(" ")} is a mistake: 1, with the reason`, async () => {
      const { code, stderr, stdout } = await check({ argv });
      assert.equal(code, 1);
      assert.match(stderr, pattern);
      assert.equal(stdout, "");
    });
  }
});
