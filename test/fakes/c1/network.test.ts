import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { connect } from "node:tls";
import { until } from "../../helpers/until.ts";
import { type C1Server, grpcCodes, startC1Server } from "../c1-server.ts";
import { createRawClient, type RawClient } from "./raw-client.ts";
import { getTask, hello } from "./samples.ts";

const shortMs = 300;

/** The gRPC code of a poll, 0 when it went well. */
async function pollCode(client: RawClient, withinMs = 5000): Promise<number> {
  try {
    await client.call("GetTask", getTask(), { deadline: Date.now() + withinMs });
    return grpcCodes.OK;
  } catch (reason) {
    return reason instanceof Error && "code" in reason ? Number(reason.code) : -1;
  }
}

async function greet(c1: C1Server): Promise<RawClient> {
  const client = createRawClient(c1);
  await client.login();
  await client.call("Hello", hello());
  return client;
}

suite("the fake C1's network", () => {
  test("speaks HTTP/1.1 with whoever can, and HTTP/2 with gRPC clients", async () => {
    await using c1 = await startC1Server();
    const [host, port] = c1.apiHost.split(":");
    const chosenOf = async (...offered: string[]): Promise<string | false | null> => {
      const socket = connect({
        host,
        port: Number(port),
        servername: "localhost",
        ca: c1.caPem,
        ALPNProtocols: offered,
      });
      await once(socket, "secureConnect");
      socket.destroy();
      return socket.alpnProtocol;
    };
    assert.deepEqual([await chosenOf("h2", "http/1.1"), await chosenOf("h2")], ["http/1.1", "h2"]);
  });

  test("drops connections; a new one is good", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    c1.script("GetTask", [{ hang: true }]);
    const waiting = pollCode(client);
    await c1.awaitCall("GetTask");
    const { count, haveEnded } = c1.network.watch();
    assert.deepEqual([count > 0, haveEnded()], [true, false]);
    c1.network.dropAll();
    assert.equal(await waiting, grpcCodes.UNAVAILABLE);
    await until(haveEnded, "the end of what was open");
    assert.equal(await pollCode(client), grpcCodes.OK);
    const [first, second] = c1.calls("GetTask");
    assert.notEqual(first?.connection, second?.connection);
  });

  test("swallows everything and gives it back", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    c1.network.blackHole();
    const open = c1.network.openConnections;
    assert.equal(c1.network.isHolding, false);
    assert.equal(await pollCode(client, shortMs), grpcCodes.DEADLINE_EXCEEDED);
    assert.equal(c1.network.openConnections, open);
    assert.equal(c1.network.isHolding, true);
    using late = createRawClient(c1);
    assert.equal(await pollCode(late, shortMs), grpcCodes.DEADLINE_EXCEEDED);
    assert.equal(c1.calls("GetTask").length, 0);
    c1.network.restore();
    assert.equal(c1.network.isHolding, false);
    assert.equal(await pollCode(client), grpcCodes.OK);
    assert.equal(await pollCode(late), grpcCodes.UNAUTHENTICATED);
    c1.takeViolations();
  });

  test("refuses new connections while old ones live, and accepts again", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    c1.network.refuse();
    assert.equal(await pollCode(client), grpcCodes.OK);
    await assert.rejects(client.requestToken(), { code: "ECONNREFUSED" });
    await c1.network.accept();
    assert.equal((await client.requestToken()).status, 200);
  });

  test("restarts on the same port and remembers", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    const id = c1.lease({ taskType: { case: "syncFull", value: {} } });
    await c1.network.restart();
    const codes = [await pollCode(client), await pollCode(client)];
    assert.equal(codes.at(-1), grpcCodes.OK, `polls ended with ${codes}`);
    assert.equal(c1.task(id).state, "leased");
  });

  test("says goodbye and lets calls end", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    c1.script("GetTask", [{ delayMs: 100 }]);
    const waiting = pollCode(client);
    await c1.awaitCall("GetTask");
    const haveEnded = c1.network.goAway();
    assert.equal(haveEnded(), false);
    assert.equal(await waiting, grpcCodes.OK);
    await until(haveEnded, "the end of the connection");
    assert.equal(await pollCode(client), grpcCodes.OK);
    const [first, second] = c1.calls("GetTask");
    assert.notEqual(first?.connection, second?.connection);
  });

  for (const certificate of ["untrusted", "wrong-host"] as const) {
    test(`presents a certificate that is ${certificate}, and gets no word from a careful client`, async () => {
      await using c1 = await startC1Server();
      using client = await greet(c1);
      c1.network.present(certificate);
      c1.network.dropAll();
      await assert.rejects(client.requestToken(), { code: /CERT|VERIFY/ });
      assert.equal(await pollCode(client), grpcCodes.UNAVAILABLE);
      assert.equal(c1.calls("GetTask").length, 0);
      c1.network.present("right");
      assert.equal((await client.requestToken()).status, 200);
    });
  }

  test("speaks TLS 1.1 at most", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    c1.network.present("right", "TLSv1.1");
    await assert.rejects(client.requestToken(), /protocol version|unsupported protocol/i);
    c1.network.present("right", "TLSv1.2");
    assert.equal((await client.requestToken()).status, 200);
  });

  test("speaks no TLS and keeps what it heard", async () => {
    await using c1 = await startC1Server();
    using client = await greet(c1);
    c1.network.speakPlaintext();
    c1.network.dropAll();
    assert.equal(await pollCode(client), grpcCodes.UNAVAILABLE);
    await assert.rejects(client.requestToken());
    const heard = c1.network.plaintextReceived;
    assert.ok(heard.length > 0);
    assert.equal(heard.includes(client.authorization ?? "?"), false);
  });
});
