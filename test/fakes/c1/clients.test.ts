import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { type C1Options, type C1Server, grpcCodes, startC1Server } from "../c1-server.ts";
import { createRawClient, type RawClient } from "./raw-client.ts";
import { sampleC1z } from "./sample-c1z.ts";
import { data, eof, finishError, getTask, heartbeat, hello, metadata, uploadStream } from "./samples.ts";

/** A server with two clients of one connector, each logged in. */
async function twoClients(options: C1Options = {}) {
  const c1 = await startC1Server(options);
  const first = createRawClient(c1);
  const added = c1.addClient();
  const second = createRawClient({ ...c1, ...added });
  await first.login();
  await second.login();
  return {
    c1,
    first,
    second,
    added,
    async [Symbol.asyncDispose]() {
      first[Symbol.dispose]();
      second[Symbol.dispose]();
      await c1[Symbol.asyncDispose]();
    },
  };
}

/** A sync task that was handed out to `client`. */
async function leased(c1: C1Server, client: RawClient): Promise<string> {
  const id = c1.enqueue({ taskType: { case: "syncFull", value: {} } });
  await client.call("GetTask", getTask());
  assert.equal(c1.task(id).state, "leased");
  return id;
}

suite("several clients of one connector at the fake C1", () => {
  test("each gets tokens with its own secret only, and calls are told apart", async () => {
    await using s = await twoClients();
    await s.first.call("Hello", hello());
    await s.second.call("Hello", hello());
    assert.deepEqual(
      s.c1.calls("Hello").map(({ clientId }) => clientId),
      [s.c1.clientId, s.added.clientId],
    );
    assert.deepEqual(
      s.c1.token.requests.map(({ clientId }) => clientId),
      [s.c1.clientId, s.added.clientId],
    );
    using mixed = createRawClient({ ...s.c1, clientId: s.added.clientId });
    assert.equal((await mixed.requestToken()).status, 401);
    assert.match(s.c1.takeViolations()[0]?.message ?? "", /not verifiable/);
  });

  test("revoked at once: no new token, and the old one is worthless, without a violation", async () => {
    await using s = await twoClients();
    s.c1.revokeClient(s.c1.clientId, "at once");
    await assert.rejects(s.first.call("Hello", hello()), { code: grpcCodes.UNAUTHENTICATED });
    assert.equal((await s.first.requestToken()).status, 401);
    s.c1.token.revokedStatus = 403;
    assert.equal((await s.first.requestToken()).status, 403);
    await s.second.call("Hello", hello());
    assert.deepEqual(s.c1.violations, []);
  });

  test("revoked for new tokens: the old one goes on", async () => {
    await using s = await twoClients();
    s.c1.revokeClient(s.c1.clientId, "for new tokens");
    await s.first.call("Hello", hello());
    assert.equal((await s.first.requestToken()).status, 401);
  });

  test("who never was a client cannot be revoked", async () => {
    await using s = await twoClients();
    assert.throws(() => s.c1.revokeClient("x@localhost/ccc", "at once"), /no client/);
  });

  test("an upload under way is broken off when its client is revoked at once", async () => {
    await using s = await twoClients();
    await s.first.call("Hello", hello());
    const id = await leased(s.c1, s.first);
    s.c1.script("UploadAsset", [{ chunkDelayMs: 50 }]);
    const file = sampleC1z();
    const chunks = Array.from({ length: 20 }, () => data(file.subarray(0, 10)));
    const upload = s.first.upload([metadata(id), ...chunks, eof(createHash("sha256").update("x").digest())]);
    s.c1.onEvent(({ type }) => {
      if (type === "upload-progress") s.c1.revokeClient(s.c1.clientId, "at once");
    });
    await assert.rejects(upload, { code: grpcCodes.UNAUTHENTICATED });
    assert.equal(s.c1.uploads[0]?.ok, false);
  });

  for (const otherClients of ["accept", "refuse"] as const) {
    test(`a task of one client in the hands of another: ${otherClients}`, async () => {
      await using s = await twoClients({ otherClients });
      await s.first.call("Hello", hello());
      const id = await leased(s.c1, s.first);
      const calls = [
        () => s.second.call("Heartbeat", heartbeat(id)),
        () => s.second.upload(uploadStream(id, sampleC1z())),
        () => s.second.call("FinishTask", finishError(id)),
      ];
      for (const call of calls) {
        if (otherClients === "accept") await call();
        else await assert.rejects(call(), { code: grpcCodes.PERMISSION_DENIED });
      }
      if (otherClients === "refuse") {
        await s.first.call("Heartbeat", heartbeat(id));
        s.c1.requeue(id);
        await s.second.call("GetTask", getTask());
        await s.second.call("Heartbeat", heartbeat(id));
      }
      assert.deepEqual(s.c1.violations, []);
    });
  }

  test("where each client has to say Hello, a poll without it is a violation; other calls need none", async () => {
    await using s = await twoClients({ requireHello: "of each client" });
    await s.first.call("Hello", hello());
    const id = await leased(s.c1, s.first);
    await s.second.call("Heartbeat", heartbeat(id));
    await assert.rejects(s.second.call("GetTask", getTask()), { code: grpcCodes.FAILED_PRECONDITION });
    assert.match(s.c1.takeViolations()[0]?.message ?? "", /has not said Hello/);
    await s.second.call("Hello", hello());
    await s.second.call("GetTask", getTask());
  });
});
