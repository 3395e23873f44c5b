import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type ProxyBehaviour, serve, serveProxy } from "../../test/helpers/http-server.ts";
import { createTestCa } from "../../test/helpers/tls.ts";
import { StatusError } from "../baton/status-error.ts";
import { exchange } from "./exchange.ts";
import type { ProxySettings } from "./proxy.ts";
import { createTransport } from "./transport.ts";
import { createTrust } from "./trust.ts";

const forever = new AbortController().signal;
const limits = { totalTimeoutMs: 10_000, maxBodyBytes: 1024 };
const ca = await createTestCa();
const host = "api.cursor.test";
const certificate = ca.issue([host, "localhost", "127.0.0.1"]);

async function get(url: string, options: { proxy?: ProxySettings; trust?: string[]; signal?: AbortSignal }) {
  const transport = createTransport({
    userAgent: "test/1",
    proxy: options.proxy ?? {},
    trust: createTrust(options.trust ?? [ca.caPem]),
    connectTimeoutMs: 300,
  });
  try {
    const answer = await exchange(
      { url: new URL(url), method: "GET", headers: { authorization: "Basic secret" } },
      transport,
      limits,
      options.signal ?? forever,
    );
    return answer.body.toString();
  } finally {
    transport.close();
  }
}

const hello = () => serve((request, response) => response.end(`hello ${request.headers.authorization}`), certificate);

suite("TLS", () => {
  test("a private authority is trusted beside the built-in ones when it is given", async () => {
    await using server = await hello();
    assert.equal(await get(server.url, {}), "hello Basic secret");
  });

  test("without it the message names SSL_CERT_FILE", async () => {
    await using server = await hello();
    await assert.rejects(get(server.url, { trust: [] }), {
      code: "unavailable",
      message:
        /^the TLS certificate of localhost:\d+ cannot be verified \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\).*SSL_CERT_FILE/,
    });
  });

  test("a certificate for another host is refused", async () => {
    await using server = await serve((_request, response) => response.end(), ca.issue(["other.test"]));
    await assert.rejects(get(server.url, {}), { code: "unavailable", message: /ERR_TLS_CERT_ALTNAME_INVALID/ });
  });

  test("the environment cannot switch verification off", async (t) => {
    await using server = await hello();
    t.mock.method(process, "emitWarning", () => undefined); // Node warns about the variable that is tried here
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      await assert.rejects(get(server.url, { trust: [] }), { message: /cannot be verified/ });
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  test("an authority that cannot be read is refused at once", () => {
    const broken = ca.caPem.replace(/\n.{20}/, "\n");
    for (const text of ["", "nonsense", broken, `${ca.caPem}${broken}`]) {
      assert.throws(
        () => createTransport({ userAgent: "t", proxy: {}, trust: createTrust([text]), connectTimeoutMs: 1 }),
        { code: "invalid_argument", message: /SSL_CERT_FILE/ },
      );
    }
  });
});

suite("proxy", () => {
  async function through(behaviour: ProxyBehaviour, signal = forever) {
    await using server = await hello();
    await using proxy = await serveProxy(behaviour);
    const settings = { httpsProxy: `http://us%20er:p%40ss@127.0.0.1:${proxy.port}` };
    const target = `https://${host}:${server.port}`;
    try {
      return { text: await get(target, { proxy: settings, signal }), tunnels: proxy.tunnels, port: server.port };
    } catch (reason) {
      return { error: StatusError.from(reason), tunnels: proxy.tunnels, port: server.port };
    }
  }

  test("the request goes through a tunnel; the proxy sees its own credential and never ours", async () => {
    const { port, text, tunnels } = await through("open");
    assert.equal(text, "hello Basic secret");
    const authorization = `Basic ${Buffer.from("us er:p@ss").toString("base64")}`;
    assert.deepEqual(tunnels, [{ target: `${host}:${port}`, authorization }]);
  });

  test("a proxy that wants credentials is unavailable, and the message says what to do", async () => {
    const { error } = await through(407);
    assert.equal(error?.code, "unavailable");
    assert.match(
      error?.message ?? "",
      /^no tunnel to api\.cursor\.test:\d+ through the proxy 127\.0\.0\.1:\d+ \(HTTP 407\): put/,
    );
    assert.doesNotMatch(error?.message ?? "", /p%40ss|p@ss|us%20er/);
  });

  test("a proxy that forbids the host is unavailable", async () => {
    const { error } = await through(403);
    assert.match(error?.message ?? "", /\(HTTP 403\): check that it allows this host/);
  });

  test("a proxy that says nothing runs into the connect time-out", async () => {
    const { error } = await through("silent");
    assert.equal(error?.code, "deadline_exceeded");
    assert.match(error?.message ?? "", /the proxy did not answer in time/);
  });

  test("abort ends the wait for a silent proxy", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new StatusError("cancelled", "enough")), 50);
    const { error } = await through("silent", controller.signal);
    assert.equal(error?.message, "enough");
  });

  test("a proxy that is not there is named in the message", async () => {
    const proxy = await serveProxy();
    await proxy[Symbol.asyncDispose]();
    const settings = { httpsProxy: `http://127.0.0.1:${proxy.port}` };
    await assert.rejects(get(`https://${host}`, { proxy: settings }), {
      code: "unavailable",
      message: `the proxy 127.0.0.1:${proxy.port} refused the connection: check its address in HTTPS_PROXY, and that it runs`,
    });
  });

  test("NO_PROXY and this machine bypass it", async () => {
    await using server = await hello();
    await using proxy = await serveProxy();
    const settings = { httpsProxy: proxy.url };
    assert.equal(await get(server.url, { proxy: settings }), "hello Basic secret");
    assert.deepEqual(proxy.tunnels, []);
  });
});
