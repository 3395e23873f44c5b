import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connectivityState } from "@grpc/grpc-js";
import { createRecordingLogger, type RecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createTestClock } from "../../test/helpers/clock.ts";
import { type GrpcC1, GrpcStatus, type Handlers, startGrpcC1 } from "../../test/helpers/grpc-c1.ts";
import { createTestCa } from "../../test/helpers/tls.ts";
import { until } from "../../test/helpers/until.ts";
import type { C1Client } from "../baton/c1-client.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { StatusError, statusCodeName } from "../baton/status-error.ts";
import { createTrust } from "../http/trust.ts";
import type { BatonServiceHelloRequest } from "../wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import type { FormResponse } from "./auth.ts";
import { createC1Channel } from "./channel.ts";
import { createC1Client } from "./client.ts";
import type { C1ClientOptions } from "./client-options.ts";
import { isRejection } from "./rejection.ts";

const ca = await createTestCa();
const { privateKey } = generateKeyPairSync("ed25519");
const never = new AbortController().signal;
const id = "2abcDEF3abcDEF4abcDEF5abcDE";
const metadata: ConnectorMetadata = {
  displayName: "Cursor",
  description: "Syncs a Cursor team.",
  helpUrl: "https://example.com/help",
  resourceTypes: [],
  accountFields: [],
};

interface Harness extends AsyncDisposable {
  readonly server: GrpcC1;
  readonly client: C1Client;
  /** Token requests so far; each gets `token-<n>`. */
  readonly tokens: { readonly url: string }[];
  readonly log: RecordingLogger;
  readonly rpcs: string[];
}

async function harness(handlers: Partial<Handlers> = {}, over: Partial<C1ClientOptions> = {}): Promise<Harness> {
  const server = await startGrpcC1(ca, handlers);
  const tokens: { url: string }[] = [];
  const log = createRecordingLogger();
  const rpcs: string[] = [];
  const client = createC1Client({
    credentials: {
      clientId: `test-client@${server.host}/ccc`,
      clientName: "test-client",
      tokenHost: server.host,
      privateKey,
      keyId: undefined,
    },
    apiHost: undefined,
    hostId: "host-1",
    build: { package: "baton-cursor", version: "1.2.3" },
    postForm: async (url) => {
      tokens.push({ url });
      return token(tokens.length);
    },
    trust: createTrust([ca.caPem]),
    proxy: undefined,
    clock: createTestClock(),
    random: () => 0.5,
    log,
    hooks: { onRpc: ({ method, code }) => rpcs.push(`${method} ${code}`) },
    ...over,
  });
  return {
    server,
    client,
    tokens,
    log,
    rpcs,
    async [Symbol.asyncDispose]() {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function token(number: number): FormResponse {
  const body = { access_token: `token-${number}`, token_type: "bearer", expires_in: 600 };
  return { status: 200, body: Buffer.from(JSON.stringify(body)) };
}

function codeIs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof StatusError && error.code === code;
}

suite("calls", () => {
  test("P3: Hello names the host, the build and the machine, and carries the metadata", async () => {
    const seen: BatonServiceHelloRequest[] = [];
    await using h = await harness({
      hello: (request) => {
        seen.push(request);
        return {};
      },
    });
    await h.client.hello("", metadata, never);
    await h.client.hello(id, metadata, never);
    const [first, second] = seen;
    assert.equal(first?.hostId, "host-1");
    assert.equal(first?.taskId, "");
    assert.equal(second?.taskId, id);
    assert.equal(first?.buildInfo?.langVersion, process.version);
    assert.equal(first?.buildInfo?.package, "baton-cursor");
    assert.equal(first?.buildInfo?.packageVersion, "1.2.3");
    assert.ok(Object.values(first?.osInfo ?? {}).every((value) => value !== ""));
    assert.equal(first?.connectorMetadata?.displayName, "Cursor");
    assert.ok(first?.connectorMetadata?.capabilities?.credentialDetails);
  });

  test("every call carries the token and our user agent, over one connection", async () => {
    await using h = await harness();
    await h.client.getTask(never);
    await h.client.heartbeat(id, never);
    await h.client.finishTask({ task: { id, type: "sync_full" }, outcome: { ok: true } }, never);
    assert.deepEqual(
      h.server.calls.map(({ method }) => method),
      ["getTask", "heartbeat", "finishTask"],
    );
    for (const call of h.server.calls) {
      assert.deepEqual(call.metadata.get("authorization"), ["Bearer token-1"]);
      assert.match(String(call.metadata.get("user-agent")[0]), /^test-client baton-sdk-compatible\/1\.2\.3 grpc-node/);
    }
    assert.deepEqual(h.tokens, [{ url: `https://${h.server.host}/auth/v1/token` }]);
    assert.deepEqual(h.rpcs, ["token ok", "GetTask ok", "Heartbeat ok", "FinishTask ok"]);
  });

  for (const [status, atHello] of [
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [404, "not_found"],
  ] as const) {
    test(`a token that is refused with ${status} is told apart from what C1 says of a task, except at Hello`, async () => {
      await using h = await harness({}, { postForm: async () => ({ status, body: new Uint8Array() }) });
      await assert.rejects(h.client.hello("", metadata, never), codeIs(atHello));
      const upload = { path: "/nowhere", bytes: 1, sha256: new Uint8Array(32) };
      for (const call of [
        () => h.client.getTask(never),
        () => h.client.heartbeat(id, never),
        () => h.client.uploadAsset(id, upload, never),
        () => h.client.finishTask({ task: { id, type: "sync_full" }, outcome: { ok: true } }, never),
      ]) {
        await assert.rejects(call(), (error) => isRejection(error) && codeIs("unauthenticated")(error));
      }
      assert.equal(h.server.calls.length, 0);
    });
  }

  test("A1: the override replaces the host for calls and tokens", async () => {
    await using real = await startGrpcC1(ca);
    await using h = await harness({}, { apiHost: real.host });
    await h.client.getTask(never);
    assert.equal(real.calls.length, 1);
    assert.equal(h.server.calls.length, 0);
    assert.deepEqual(h.tokens, [{ url: `https://${real.host}/auth/v1/token` }]);
  });

  test("P5, P7: no task, NoneTask, a task without an id; next_poll as it came", async () => {
    await using h = await harness();
    const none = { case: "none", value: {} } as const;
    const sync = { case: "syncFull", value: {} } as const;
    h.server.handlers.getTask = () => ({});
    assert.deepEqual(await h.client.getTask(never), { tasks: [], nextPollMs: undefined });
    h.server.handlers.getTask = () => ({ task: { id, taskType: none }, nextPoll: { seconds: -2n } });
    assert.deepEqual(await h.client.getTask(never), { tasks: [], nextPollMs: -2000 });
    h.server.handlers.getTask = () => ({ task: { id: "", taskType: sync }, nextPoll: { nanos: 100_000_000 } });
    assert.deepEqual(await h.client.getTask(never), { tasks: [], nextPollMs: 100 });
    assert.deepEqual(
      h.log.lines.map(({ level, message }) => [level, message]),
      [["warn", "C1 sent a task without an id; it is dropped"]],
    );
    h.server.handlers.getTask = () => ({ task: { id, taskType: sync } });
    assert.deepEqual(
      (await h.client.getTask(never)).tasks.map(({ type }) => type),
      ["sync_full"],
    );
  });

  test("P9: pages hold at most 100, and known ids are sent as they are", async () => {
    const pages: [number, string[]][] = [];
    await using h = await harness({
      getTasks: ({ pageSize, knownTaskIds }) => {
        pages.push([pageSize, knownTaskIds]);
        return { tasks: [{ id, taskType: { case: "hello", value: {} } }, { taskType: { case: "none", value: {} } }] };
      },
    });
    const result = await h.client.getTasks({ pageSize: 120, knownTaskIds: [id, "not an id"] }, never);
    assert.deepEqual(
      result.tasks.map((task) => task.id),
      [id],
    );
    await h.client.getTasks({ pageSize: 0, knownTaskIds: [] }, never);
    assert.deepEqual(pages, [
      [100, [id]],
      [1, []],
    ]);
  });

  test("H1: heartbeats tell the interval as it came, and cancelling in either form", async () => {
    await using h = await harness();
    assert.deepEqual(await h.client.heartbeat(id, never), { cancelled: false, nextHeartbeatMs: undefined });
    h.server.handlers.heartbeat = () => ({ nextHeartbeat: { seconds: 600n }, cancelled: true });
    assert.deepEqual(await h.client.heartbeat(id, never), { cancelled: true, nextHeartbeatMs: 600_000 });
    h.server.handlers.heartbeat = ({ taskId }) => ({ cancelledTaskIds: [taskId] });
    assert.equal((await h.client.heartbeat(id, never)).cancelled, true);
    h.server.handlers.heartbeat = () => ({ cancelledTaskIds: ["another"] });
    assert.equal((await h.client.heartbeat(id, never)).cancelled, false);
  });

  test("P11: an answer of more than 4 MiB is an error, not a crash", async () => {
    const huge = "x".repeat(5 * 1024 * 1024);
    await using h = await harness({
      getTask: () => ({ task: { id, taskType: { case: "actionGetSchema", value: { name: huge } } } }),
    });
    await assert.rejects(h.client.getTask(never), codeIs("resource_exhausted"));
  });
});

suite("calls that fail", () => {
  for (const number of [1, 2, 3, 5, 7, 8, 9, 12, 13, 14, 15]) {
    test(`status ${number} arrives as ${statusCodeName(number)}, naming call and host`, async () => {
      await using h = await harness({
        getTask: () => {
          throw new GrpcStatus(number, "said\nso for jane@example.com with secret-token:a:v1:b");
        },
      });
      await assert.rejects(h.client.getTask(never), (error) => {
        assert.ok(error instanceof StatusError);
        assert.equal(error.code, statusCodeName(number));
        assert.ok(error.message.startsWith(`GetTask at ${h.server.host} failed with ${error.code}: said so for `));
        assert.doesNotMatch(error.message, /[\n\r]|jane|secret-token/);
        return true;
      });
    });
  }

  test("A6: a token that C1 refuses is dropped and the call made once more", async () => {
    await using h = await harness({
      getTask: (_, number) => {
        if (number === 1) throw new GrpcStatus(16, "expired");
        return {};
      },
    });
    await h.client.getTask(never);
    assert.deepEqual(
      h.server.calls.map((call) => call.metadata.get("authorization")),
      [["Bearer token-1"], ["Bearer token-2"]],
    );
    await h.client.getTask(never);
    assert.equal(h.tokens.length, 2);
  });

  test("A6: when the new token is refused too, that is the answer", async () => {
    await using h = await harness({
      getTask: () => {
        throw new GrpcStatus(16, "no");
      },
    });
    await assert.rejects(h.client.getTask(never), codeIs("unauthenticated"));
    assert.equal(h.server.calls.length, 2);
    assert.equal(h.tokens.length, 2);
  });

  test("A2: a refusal by the token endpoint is final, and no call is made", async () => {
    let requests = 0;
    const refuse = async (): Promise<FormResponse> => {
      requests += 1;
      return { status: 401, body: Buffer.of() };
    };
    await using h = await harness({}, { postForm: refuse });
    await assert.rejects(h.client.hello("", metadata, never), codeIs("unauthenticated"));
    assert.equal(requests, 1);
    assert.equal(h.server.calls.length, 0);
  });

  test("P10, H5: a call that hangs ends at its deadline", async () => {
    await using h = await harness({ getTask: () => new Promise(() => undefined) }, { deadlines: { poll: 100 } });
    await assert.rejects(h.client.getTask(never), codeIs("deadline_exceeded"));
    await h.client.heartbeat(id, never);
  });

  test("abort ends a call with the signal's reason and cancels it at the server", async () => {
    const started = Promise.withResolvers<void>();
    await using h = await harness({
      getTask: () => {
        started.resolve();
        return new Promise(() => undefined);
      },
    });
    const controller = new AbortController();
    const polling = h.client.getTask(controller.signal);
    await started.promise;
    controller.abort(new StatusError("unavailable", "connector shutting down"));
    await assert.rejects(polling, { message: "connector shutting down" });
    while (h.server.calls[0]?.cancelled() !== true) await new Promise(setImmediate);
  });

  test("A10: an untrusted certificate ends the call before the token is sent", async () => {
    await using h = await harness({}, { trust: createTrust([]) });
    await assert.rejects(h.client.getTask(never), (error) => {
      assert.ok(error instanceof StatusError);
      assert.equal(error.code, "unavailable");
      assert.match(error.message, /certificate.*SSL_CERT_FILE/);
      return true;
    });
    assert.equal(h.server.calls.length, 0);
  });

  test("A10: nothing of the token reaches a plain-text port", async () => {
    const received: Buffer[] = [];
    const plain = createServer((socket) => {
      socket.on("data", (chunk) => {
        received.push(chunk);
        socket.destroy();
      });
      socket.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    await using h = await harness({}, { apiHost: `localhost:${port}` });
    await assert.rejects(h.client.getTask(never), codeIs("unavailable"));
    plain.close();
    assert.ok(received.length > 0);
    assert.doesNotMatch(Buffer.concat(received).toString("latin1"), /token-1/);
  });

  test("a connection that keeps failing is replaced, and what still runs on it may finish", async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using h = await harness({
      heartbeat: async () => {
        started.resolve();
        await gate.promise;
        return { cancelled: true };
      },
      getTask: (_, number) => {
        if (number <= 3) throw new GrpcStatus(14, "overloaded");
        return {};
      },
    });
    const slow = h.client.heartbeat(id, never);
    await started.promise;
    for (let call = 0; call < 3; call += 1) await assert.rejects(h.client.getTask(never), codeIs("unavailable"));
    await h.client.getTask(never);
    gate.resolve();
    assert.equal((await slow).cancelled, true);
    assert.notEqual(h.server.calls.at(-1)?.peer, h.server.calls[0]?.peer);
  });

  // The last is what becomes of streams that are reset with ENHANCE_YOUR_CALM.
  for (const [number, code] of [
    [4, "deadline_exceeded"],
    [13, "internal"],
    [8, "resource_exhausted"],
  ] as const) {
    test(`one on which every call ends with ${code} is replaced too`, async () => {
      await using h = await harness({
        getTask: (_, call) => {
          if (call <= 3) throw new GrpcStatus(number, "no");
          return {};
        },
      });
      for (let call = 0; call < 3; call += 1) await assert.rejects(h.client.getTask(never), codeIs(code));
      await h.client.getTask(never);
      assert.notEqual(h.server.calls.at(-1)?.peer, h.server.calls[0]?.peer);
    });
  }

  test("one that is silent after it was replaced is cut off", async () => {
    await using h = await harness();
    let quiet = false;
    const ends: Socket[] = [];
    // Takes all that comes and lets no end through, like a network that has forgotten the connection.
    const relay = createServer({ allowHalfOpen: true }, (outer) => {
      const inner = connect(h.server.port, "127.0.0.1");
      ends.push(
        outer.on("error", () => undefined),
        inner.on("error", () => undefined),
      );
      outer.on("data", (bytes) => quiet || inner.write(bytes));
      inner.on("data", (bytes) => quiet || outer.write(bytes));
    });
    await once(relay.listen(0, "127.0.0.1"), "listening");
    const host = `localhost:${(relay.address() as AddressInfo).port}`;
    const channel = createC1Channel({
      host,
      userAgent: "x",
      trust: createTrust([ca.caPem]),
      proxy: undefined,
      silenceMs: 200,
    });
    const state = () => channel.client().getChannel().getConnectivityState(true);
    await until(() => state() === connectivityState.READY, "a connection");
    quiet = true;
    const [outer] = ends;
    for (let failure = 0; failure < 3; failure += 1) channel.ended("unavailable");
    await delay(600);
    // Who is only half closed takes it, who is cut off answers with a reset.
    await until(() => outer?.write(" ") !== true || outer.destroyed, "the reset");
    channel.close();
    for (const end of ends) end.destroy();
    relay.close();
  });

  test("A11: a server that comes back on the same port is found again", async () => {
    await using h = await harness();
    await h.client.getTask(never);
    await h.server[Symbol.asyncDispose]();
    // Enough failures that the connection is thrown away, back-off included.
    for (let call = 0; call < 3; call += 1) await assert.rejects(h.client.getTask(never), codeIs("unavailable"));
    await using again = await startGrpcC1(ca, {}, h.server.port);
    await h.client.getTask(never);
    assert.equal(again.calls.length, 1);
  });
});

suite("proxy", () => {
  test("A13: calls go through a CONNECT tunnel with the proxy's credentials", async () => {
    const asked: string[] = [];
    await using proxy = await startProxy(asked);
    await using h = await harness({}, { proxy: new URL(`http://us%40er:pass@127.0.0.1:${proxy.port}`) });
    await h.client.getTask(never);
    assert.equal(h.server.calls.length, 1);
    const login = Buffer.from("us@er:pass").toString("base64");
    assert.deepEqual(asked, [`CONNECT ${h.server.host} Basic ${login}`]);
  });

  for (const [what, address] of [
    ["an https proxy", "https://proxy.test"],
    ["a login that is not encoded as it must be", "http://a%zz:b@proxy.test"],
  ] as const) {
    test(`${what} is refused with a reason`, () => {
      assert.throws(() => channelTarget("c1.test", new URL(address)), codeIs("invalid_argument"));
    });
  }

  test("the port is 443 unless the host names one; a proxy is connected to in its place", () => {
    assert.equal(channelTarget("acme.conductor.one", undefined), "dns:///acme.conductor.one:443");
    assert.equal(channelTarget("acme.conductor.one:8443", undefined), "dns:///acme.conductor.one:8443");
    assert.equal(channelTarget("[::1]", undefined), "dns:///[::1]:443");
    assert.equal(channelTarget("acme.conductor.one", new URL("http://proxy.test:3128")), "dns:///proxy.test:3128");
  });
});

function channelTarget(host: string, proxy: URL | undefined): string {
  const channel = createC1Channel({ host, userAgent: "x", trust: createTrust([]), proxy });
  const target = channel.client().getChannel().getTarget();
  channel.close();
  return target;
}

async function startProxy(asked: string[]): Promise<AsyncDisposable & { readonly port: number }> {
  const { createServer: createHttpServer } = await import("node:http");
  const { connect } = await import("node:net");
  const server = createHttpServer().listen(0, "127.0.0.1");
  const sockets = new Set<{ destroy(): unknown }>();
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"]}`);
    const [, port] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on("error", () => undefined);
    }
  });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
