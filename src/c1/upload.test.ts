import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import fc from "fast-check";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createTestClock } from "../../test/helpers/clock.ts";
import { type GrpcC1, GrpcStatus, startGrpcC1, type UploadCall } from "../../test/helpers/grpc-c1.ts";
import { createTestCa } from "../../test/helpers/tls.ts";
import type { C1Client, Upload } from "../baton/c1-client.ts";
import { StatusError } from "../baton/status-error.ts";
import { createTrust } from "../http/trust.ts";
import type { BatonServiceUploadAssetRequest } from "../wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { createC1Client } from "./client.ts";
import type { C1Deadlines } from "./client-options.ts";

const ca = await createTestCa();
const { privateKey } = generateKeyPairSync("ed25519");
const never = new AbortController().signal;
const id = "2abcDEF3abcDEF4abcDEF5abcDE";
const folder = await mkdtemp(join(tmpdir(), "upload-test-"));
after(() => rm(folder, { recursive: true, force: true }));

const chunk = 512 * 1024;

async function fileOf(bytes: number): Promise<Upload & { readonly content: Buffer }> {
  const content = randomBytes(bytes);
  const path = join(folder, randomBytes(6).toString("hex"));
  await writeFile(path, content);
  return { path, bytes, sha256: createHash("sha256").update(content).digest(), content };
}

/** What one upload sent, as the server saw it. */
interface Received {
  readonly taskId: string;
  readonly hostId: string;
  readonly sizes: readonly number[];
  readonly content: Buffer;
  readonly sha256: Buffer;
}

/** Reads a whole stream and insists on its order. */
async function receive(call: UploadCall): Promise<Received> {
  const messages: BatonServiceUploadAssetRequest[] = [];
  for await (const message of call) messages.push(message);
  const first = messages[0]?.msg;
  const last = messages.at(-1)?.msg;
  assert.equal(first?.case, "metadata");
  assert.equal(last?.case, "eof");
  const data = messages.slice(1, -1).map(({ msg }) => (msg.case === "data" ? msg.value.data : assert.fail(msg.case)));
  return {
    taskId: first.case === "metadata" ? first.value.taskId : "",
    hostId: first.case === "metadata" ? first.value.hostId : "",
    sizes: data.map(({ length }) => length),
    content: Buffer.concat(data),
    sha256: Buffer.from(last.case === "eof" ? last.value.sha256Checksum : []),
  };
}

interface Harness extends AsyncDisposable {
  readonly server: GrpcC1;
  readonly client: C1Client;
  readonly received: Received[];
  readonly retries: string[];
  readonly rpcs: string[];
  readonly sent: { bytes: number };
  readonly clock: ReturnType<typeof createTestClock>;
}

type OnUpload = (call: UploadCall, number: number, received: Received[]) => Promise<void>;

const takeAll: OnUpload = async (call, _, received) => {
  received.push(await receive(call));
};

async function harness(onUpload: OnUpload = takeAll, deadlines: Partial<C1Deadlines> = {}): Promise<Harness> {
  const received: Received[] = [];
  const server = await startGrpcC1(ca, { uploadAsset: (call, number) => onUpload(call, number, received) });
  const retries: string[] = [];
  const rpcs: string[] = [];
  const sent = { bytes: 0 };
  const clock = createTestClock();
  let tokens = 0;
  const client = createC1Client({
    credentials: {
      clientId: `c@${server.host}/x`,
      clientName: "c",
      tokenHost: server.host,
      privateKey,
      keyId: undefined,
    },
    apiHost: undefined,
    hostId: "host-1",
    build: { package: "p", version: "1" },
    postForm: async () => {
      tokens += 1;
      return { status: 200, body: Buffer.from(JSON.stringify({ access_token: `token-${tokens}`, expires_in: 600 })) };
    },
    trust: createTrust([ca.caPem]),
    proxy: undefined,
    clock,
    random: () => 0.5,
    log: createRecordingLogger(),
    deadlines,
    hooks: {
      onUploadRetry: ({ code }) => retries.push(code),
      onRpc: ({ method, code }) => method === "UploadAsset" && rpcs.push(code),
      onUploadBytes: (bytes) => {
        sent.bytes += bytes;
      },
    },
  });
  return {
    ...{ server, client, received, retries, rpcs, sent, clock },
    async [Symbol.asyncDispose]() {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function codeIs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof StatusError && error.code === code;
}

suite("what an upload sends", () => {
  for (const bytes of [0, 1, chunk, chunk + 1, 5 * 1024 * 1024]) {
    test(`U1: ${bytes} bytes arrive in exact chunks with their checksum`, async () => {
      await using h = await harness();
      const upload = await fileOf(bytes);
      await h.client.uploadAsset(id, upload, never);
      const [got] = h.received;
      const full = Array<number>(Math.floor(bytes / chunk)).fill(chunk);
      assert.deepEqual(got?.sizes, bytes % chunk === 0 ? full : [...full, bytes % chunk]);
      assert.ok(got?.content.equals(upload.content));
      assert.ok(got?.sha256.equals(upload.sha256));
      assert.equal(got?.taskId, id);
      assert.equal(got?.hostId, "host-1");
      assert.equal(h.sent.bytes, bytes);
      assert.deepEqual(h.rpcs, ["ok"]);
    });
  }

  test("chunks of any file are full except the last, and add up", async () => {
    await using h = await harness();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3 * chunk }), async (bytes) => {
        const upload = await fileOf(bytes);
        await h.client.uploadAsset(id, upload, never);
        const got = h.received.at(-1);
        assert.ok(got?.sizes.slice(0, -1).every((size) => size === chunk));
        assert.ok(got?.sizes.every((size) => size > 0 && size <= chunk));
        assert.ok(got?.content.equals(upload.content));
      }),
      { numRuns: 15 },
    );
  });
});

suite("uploads that fail", () => {
  for (const [code, name] of [
    [14, "unavailable"],
    [8, "resource_exhausted"],
    [13, "internal"],
    [15, "data_loss"],
  ] as const) {
    test(`U2, U4: after ${name} in the middle everything is sent again`, async () => {
      await using h = await harness(async (call, number, received) => {
        if (number < 3) await failAfter(call, 3, new GrpcStatus(code, "not now"));
        received.push(await receive(call));
      });
      const upload = await fileOf(3 * chunk + 5);
      await h.client.uploadAsset(id, upload, never);
      assert.ok(h.received[0]?.content.equals(upload.content));
      assert.deepEqual(h.retries, [name, name]);
      assert.deepEqual(h.rpcs, [name, name, "ok"]);
      // Between half and the whole of one second, and of two.
      assert.deepEqual(h.clock.sleeps, [750, 1500]);
    });
  }

  test("U2: five attempts, then the real code", async () => {
    await using h = await harness((call) => failAfter(call, 2, new GrpcStatus(10, "contention")));
    await assert.rejects(h.client.uploadAsset(id, await fileOf(2 * chunk), never), codeIs("aborted"));
    assert.equal(h.rpcs.length, 5);
  });

  for (const [code, name] of [
    [3, "invalid_argument"],
    [7, "permission_denied"],
    [5, "not_found"],
    [9, "failed_precondition"],
    [12, "unimplemented"],
  ] as const) {
    test(`${name} before the end is final`, async () => {
      await using h = await harness((call) => failAfter(call, 1, new GrpcStatus(code, "no")));
      await assert.rejects(h.client.uploadAsset(id, await fileOf(3 * chunk), never), codeIs(name));
      assert.deepEqual(h.rpcs, [name]);
    });
  }

  test("a refused token is replaced at once", async () => {
    await using h = await harness(async (call, number, received) => {
      if (number === 1) throw new GrpcStatus(16, "expired");
      received.push(await receive(call));
    });
    await h.client.uploadAsset(id, await fileOf(10), never);
    assert.deepEqual(h.rpcs, ["unauthenticated", "ok"]);
    assert.deepEqual(
      h.server.calls.map((call) => call.metadata.get("authorization")),
      [["Bearer token-1"], ["Bearer token-2"]],
    );
  });

  test("U3: a complaint about the checksum is put to the test once more, then believed", async () => {
    await using h = await harness(async (call) => {
      await receive(call);
      throw new GrpcStatus(3, "checksum mismatch");
    });
    await assert.rejects(h.client.uploadAsset(id, await fileOf(chunk), never), codeIs("invalid_argument"));
    assert.deepEqual(h.rpcs, ["invalid_argument", "invalid_argument"]);
  });

  test("U3: the file is hashed anew, so that one that changed is not sent as if it were whole", async () => {
    const upload = await fileOf(2 * chunk);
    let eofs = 0;
    await using h = await harness(async (call) => {
      for await (const { msg } of call) if (msg.case === "eof") eofs += 1;
      await writeFile(upload.path, randomBytes(upload.bytes));
      throw new GrpcStatus(15, "checksum mismatch");
    });
    await assert.rejects(h.client.uploadAsset(id, upload, never), (error) => {
      assert.ok(error instanceof StatusError && error.code === "data_loss");
      assert.match(error.message, /has changed since it was finished/);
      return true;
    });
    assert.equal(eofs, 1);
    assert.equal(h.server.calls.length, 2);
  });

  test("a file that became shorter, or is gone, is not sent again and again", async () => {
    await using h = await harness();
    const short = await fileOf(2 * chunk);
    await truncate(short.path, chunk);
    await assert.rejects(h.client.uploadAsset(id, short, never), codeIs("data_loss"));
    await rm(short.path);
    await assert.rejects(h.client.uploadAsset(id, short, never), (error) => {
      assert.ok(error instanceof StatusError && error.code === "internal");
      assert.match(error.message, /cannot be read \(ENOENT\)/);
      return true;
    });
    assert.equal(h.rpcs.length, 2);
    assert.equal(h.received.length, 0);
  });

  test("U5: a server that never reads ends the attempt; memory stays bounded meanwhile", async () => {
    const bytes = 24 * chunk;
    await using h = await harness(() => new Promise(() => undefined), { uploadProgress: 100 });
    await assert.rejects(h.client.uploadAsset(id, await fileOf(bytes), never), codeIs("deadline_exceeded"));
    assert.equal(h.rpcs.length, 5);
    // grpc-js reads ahead at the server, but of 12 MiB only the windows are taken.
    assert.ok(h.sent.bytes / 5 < bytes / 2, `${h.sent.bytes / 5} bytes per attempt`);
  });

  test("U6: an OK before the end is a failure, and the file is sent again", async () => {
    await using h = await harness(async (call, number, received) => {
      if (number === 1) return;
      received.push(await receive(call));
    });
    await h.client.uploadAsset(id, await fileOf(20 * chunk), never);
    assert.deepEqual(h.rpcs, ["internal", "ok"]);
  });

  test("A11: a connection that breaks is followed by a whole new upload", async () => {
    await using h = await harness(async (call, number, received) => {
      if (number === 1) {
        await once(call);
        await h.server[Symbol.asyncDispose]();
        return;
      }
      received.push(await receive(call));
    });
    const upload = await fileOf(20 * chunk);
    const uploading = h.client.uploadAsset(id, upload, never);
    while (h.retries.length === 0) await new Promise(setImmediate);
    const received: Received[] = [];
    await using again = await startGrpcC1(ca, { uploadAsset: (call) => takeAll(call, 1, received) }, h.server.port);
    await uploading;
    assert.ok(received[0]?.content.equals(upload.content));
    assert.equal(again.calls.length, 1);
  });

  test("H3: abort ends the upload at once, cancels the stream and does not try again", async () => {
    const started = Promise.withResolvers<UploadCall>();
    await using h = await harness(async (call) => {
      await once(call);
      started.resolve(call);
      await new Promise(() => undefined);
    });
    const controller = new AbortController();
    const uploading = h.client.uploadAsset(id, await fileOf(24 * chunk), controller.signal);
    const call = await started.promise;
    controller.abort(new StatusError("cancelled", "C1 cancelled the task"));
    await assert.rejects(uploading, { message: "C1 cancelled the task" });
    while (!call.cancelled) await new Promise(setImmediate);
    assert.equal(h.rpcs.length, 1);
  });

  test("abort during the pause between attempts ends it as well", async () => {
    const controller = new AbortController();
    await using h = await harness((call) => failAfter(call, 1, new GrpcStatus(14, "down")));
    const uploading = h.client.uploadAsset(id, await fileOf(10), controller.signal);
    while (h.retries.length === 0) await new Promise(setImmediate);
    controller.abort(new StatusError("unavailable", "connector shutting down"));
    await assert.rejects(uploading, { message: "connector shutting down" });
  });
});

/** Reads so many messages, then ends the call with the status. */
async function failAfter(call: UploadCall, messages: number, status: GrpcStatus): Promise<never> {
  let count = 0;
  for await (const _ of call) {
    count += 1;
    if (count === messages) break;
  }
  throw status;
}

/** Resolves with the first message; the rest is left unread. */
function once(call: UploadCall): Promise<unknown> {
  return new Promise((resolve) => {
    call.once("data", (message) => {
      call.pause();
      resolve(message);
    });
  });
}
