import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { taskId } from "../../test/fakes/c1-client.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import type { C1Client, PollResult } from "../baton/c1-client.ts";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import { type StatusCode, StatusError } from "../baton/status-error.ts";
import { cursorMetadata } from "../connectors/cursor/metadata.ts";
import { CredentialsRefused } from "./rejection.ts";
import { createRotatingClient } from "./rotating-client.ts";

const never = new AbortController().signal;
const { privateKey } = generateKeyPairSync("ed25519");
const metadata = cursorMetadata({ accounts: false });
const minuteMs = 60_000;
const unauthenticated = new StatusError("unauthenticated", "C1 rejects the token");

/** The client under one pair of credentials. */
interface Session {
  readonly calls: string[];
  /** What is thrown at each call of this name from now on. */
  readonly failing: Map<string, StatusError>;
  /** Tasks for the next poll. */
  tasks: string[];
  /** Calls of these names wait until the function is called. */
  readonly held: Map<string, PromiseWithResolvers<void>>;
  closed: number;
}

function setUp(waitForNewMs = 2 * minuteMs) {
  const clock = createVirtualClock();
  const sessions = new Map<string, Session>();
  const rejections: string[] = [];
  const c1 = createRotatingClient({
    clock,
    waitForNewMs,
    onRejected: (error) => void rejections.push(error.message),
    open({ clientId }) {
      const session: Session = { calls: [], failing: new Map(), tasks: [], held: new Map(), closed: 0 };
      sessions.set(clientId, session);
      return clientOf(session);
    },
  });
  const session = (name: string): Session => sessions.get(name) ?? assert.fail(`no session ${name}`);
  return {
    c1,
    clock,
    rejections,
    session,
    opened: () => [...sessions.keys()],
    adopt(name: string): Session {
      c1.adopt(pair(name));
      return session(name);
    },
    /** Hands a task out under the credentials in use. */
    async handOut(name: string, id: string): Promise<void> {
      session(name).tasks = [id];
      await c1.getTask(never);
    },
  };
}

const pair = (name: string): C1Credentials => ({
  clientId: name,
  clientName: name,
  tokenHost: "acme.example.com",
  privateKey,
  keyId: undefined,
});

function clientOf(session: Session): C1Client {
  async function answer<T>(name: string, what: string, result: () => T): Promise<T> {
    session.calls.push(what === "" ? name : `${name} ${what}`);
    await session.held.get(name)?.promise;
    const failure = session.failing.get(name);
    if (failure !== undefined) throw failure;
    assert.equal(session.closed, 0, `${name} on a session that is closed`);
    return result();
  }
  const poll = (): PollResult => ({
    tasks: session.tasks.splice(0).map((id) => ({ id, type: "sync_full", debug: false, input: syncInput })),
    nextPollMs: undefined,
  });
  return {
    hello: (id) => answer("hello", id, () => undefined),
    getTask: () => answer("getTask", "", poll),
    getTasks: () => answer("getTasks", "", poll),
    heartbeat: (id) => answer("heartbeat", id, () => ({ cancelled: false, nextHeartbeatMs: undefined })),
    uploadAsset: (id) => answer("uploadAsset", id, () => undefined),
    finishTask: ({ task }) => answer("finishTask", task.id, () => undefined),
    forget: (id) => void session.calls.push(`forget ${id}`),
    close() {
      session.closed += 1;
    },
  };
}

const syncInput = {
  resourceTypeIds: [],
  skipGrants: false,
  skipEntitlementsAndGrants: false,
  targetedResources: 0,
  storageEngine: "",
};
const upload = { path: "/nowhere", bytes: 1, sha256: new Uint8Array(32) };
const [first, second] = [taskId(1), taskId(2)];
const report = (id: string) => ({ task: { id, type: "sync_full" }, outcome: { ok: true } }) as const;

/** A task that runs under `a`, which has said Hello, after `b` took over. */
async function taken() {
  const s = setUp();
  s.adopt("a");
  await s.c1.hello("", metadata, never);
  await s.handOut("a", first);
  s.adopt("b");
  s.session("a").calls.length = 0;
  return s;
}

suite("credentials in use", () => {
  test("none yet: every call says so", async () => {
    const { c1 } = setUp();
    await assert.rejects(c1.hello("", metadata, never), { code: "unavailable" });
    await assert.rejects(c1.getTask(never), { code: "unavailable" });
    await assert.rejects(c1.heartbeat(first, never), { code: "unavailable" });
  });

  test("polls go to the new ones, after a Hello under them; the first ones said it at the start", async () => {
    const s = await taken();
    await s.c1.getTask(never);
    await s.c1.getTasks({ pageSize: 1, knownTaskIds: [] }, never);
    assert.deepEqual(s.session("b").calls, ["hello", "getTask", "getTasks"]);
    assert.deepEqual(s.session("a").calls, []);
  });

  test("a Hello that fails is tried again with the next poll", async () => {
    const s = await taken();
    s.session("b").failing.set("hello", new StatusError("unavailable", "later"));
    await assert.rejects(s.c1.getTask(never), { code: "unavailable" });
    s.session("b").failing.clear();
    await s.c1.getTask(never);
    assert.deepEqual(s.session("b").calls, ["hello", "hello", "getTask"]);
  });

  test("a poll that is rejected while others come is made under those, and that is no news", async () => {
    const s = setUp();
    const a = s.adopt("a");
    await s.c1.hello("", metadata, never);
    a.held.set("getTask", Promise.withResolvers());
    a.failing.set("getTask", unauthenticated);
    const polling = s.c1.getTask(never);
    await until(() => a.calls.includes("getTask"), "the poll");
    const b = s.adopt("b");
    b.tasks = [first];
    a.held.get("getTask")?.resolve();
    assert.equal((await polling).tasks[0]?.id, first);
    assert.deepEqual([s.rejections, a.closed], [[], 1]);
  });

  test("a poll that C1 answers after the change: its task stays with the old ones, which stay open", async () => {
    const s = setUp();
    const a = s.adopt("a");
    await s.c1.hello("", metadata, never);
    a.held.set("getTask", Promise.withResolvers());
    const polling = s.c1.getTask(never);
    await until(() => a.calls.includes("getTask"), "the poll");
    s.adopt("b");
    assert.equal(a.closed, 0, "a call is under way");
    a.tasks = [first];
    a.held.get("getTask")?.resolve();
    await polling;
    await s.c1.heartbeat(first, never);
    assert.equal(a.calls.at(-1), `heartbeat ${first}`);
    await s.c1.finishTask(report(first), never);
    assert.equal(a.closed, 1);
  });

  test("rejected, they are suspect: with every code of the token endpoint, and only while they are in use", async () => {
    const s = await taken();
    for (const code of ["unauthenticated", "permission_denied", "not_found"] as const) {
      s.session("b").failing.set("hello", new CredentialsRefused(code, code));
      await assert.rejects(s.c1.getTask(never), { code });
    }
    assert.deepEqual(s.rejections, ["unauthenticated", "permission_denied", "not_found"]);
    s.session("a").failing.set("heartbeat", unauthenticated);
    await s.c1.heartbeat(first, never);
    assert.equal(s.rejections.length, 3, "that old ones are rejected is expected");
  });
});

suite("a task under way", () => {
  test("keeps its credentials to the end, and with its last task the old session ends", async () => {
    const s = await taken();
    await s.c1.heartbeat(first, never);
    await s.c1.uploadAsset(first, upload, never);
    assert.equal(s.session("a").closed, 0);
    await s.c1.finishTask(report(first), never);
    assert.deepEqual(s.session("a").calls, [`heartbeat ${first}`, `uploadAsset ${first}`, `finishTask ${first}`]);
    assert.equal(s.session("a").closed, 1);
    assert.deepEqual(s.session("b").calls, []);
  });

  test("one that was dropped without a report keeps no session either", async () => {
    const s = await taken();
    s.c1.forget(first);
    assert.equal(s.session("a").closed, 1);
  });

  test("a hello task too", async () => {
    const s = await taken();
    await s.c1.hello(first, metadata, never);
    assert.deepEqual([s.session("a").calls, s.session("a").closed], [[`hello ${first}`], 1]);
  });

  test("a session without tasks ends as soon as others are in use", () => {
    const s = setUp();
    s.adopt("a");
    s.adopt("b");
    assert.deepEqual([s.session("a").closed, s.session("b").closed], [1, 0]);
  });

  test("goes over when C1 rejects its credentials, with everything that comes after", async () => {
    const s = await taken();
    s.session("a").failing.set("heartbeat", unauthenticated);
    await s.c1.heartbeat(first, never);
    assert.equal(s.session("a").closed, 1, "nothing is left there");
    await s.c1.uploadAsset(first, upload, never);
    await s.c1.finishTask(report(first), never);
    assert.deepEqual(s.session("b").calls, [`heartbeat ${first}`, `uploadAsset ${first}`, `finishTask ${first}`]);
  });

  test("goes over when the token endpoint refuses them, whatever its code", async () => {
    for (const code of ["unauthenticated", "permission_denied", "not_found"] as const) {
      const s = await taken();
      s.session("a").failing.set("finishTask", new CredentialsRefused(code, "no token"));
      await s.c1.finishTask(report(first), never);
      assert.deepEqual(s.session("b").calls, [`finishTask ${first}`], code);
    }
  });

  for (const code of ["permission_denied", "not_found", "failed_precondition", "unavailable"] satisfies StatusCode[]) {
    test(`does not go over because of ${code}`, async () => {
      const s = await taken();
      s.session("a").failing.set("heartbeat", new StatusError(code, "no"));
      await assert.rejects(s.c1.heartbeat(first, never), { code });
      assert.deepEqual(s.session("b").calls, []);
    });
  }

  test("with an upload and heartbeats rejected at once, both go over, and neither closes the other's connection", async () => {
    const s = await taken();
    const a = s.session("a");
    a.held.set("uploadAsset", Promise.withResolvers());
    a.failing.set("heartbeat", unauthenticated);
    a.failing.set("uploadAsset", unauthenticated);
    const uploading = s.c1.uploadAsset(first, upload, never);
    await s.c1.heartbeat(first, never);
    assert.equal(a.closed, 0, "the upload is under way");
    a.held.get("uploadAsset")?.resolve();
    await uploading;
    assert.deepEqual([a.closed, s.session("b").calls], [1, [`heartbeat ${first}`, `uploadAsset ${first}`]]);
  });

  test("waits for new credentials when there are none, and goes over when they come", async () => {
    const s = setUp();
    const a = s.adopt("a");
    await s.handOut("a", first);
    a.failing.set("uploadAsset", unauthenticated);
    s.clock.freeze();
    const uploading = s.c1.uploadAsset(first, upload, never);
    await until(() => s.clock.sleeps.length === 1, "the wait");
    assert.deepEqual(s.rejections, ["C1 rejects the token"]);
    s.adopt("b");
    await uploading;
    assert.deepEqual(s.session("b").calls, [`uploadAsset ${first}`]);
  });

  test("waits in vain: what C1 said is what is thrown", async () => {
    const s = setUp();
    s.adopt("a").failing.set("heartbeat", unauthenticated);
    await assert.rejects(s.c1.heartbeat(first, never), unauthenticated);
    assert.equal(s.clock.monotonicMs(), 2 * minuteMs);
  });

  test("asks again after growing pauses meanwhile, and goes on as soon as the same credentials are accepted", async () => {
    const s = setUp();
    const a = s.adopt("a");
    await s.handOut("a", first);
    let refusalsLeft = 6;
    a.failing.get = () => (refusalsLeft-- > 0 ? unauthenticated : undefined);
    await s.c1.finishTask(report(first), never);
    assert.deepEqual(s.clock.sleeps, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.equal(a.calls.filter((call) => call === `finishTask ${first}`).length, 7);
  });

  test("does not wait where none can come", async () => {
    const s = setUp(0);
    s.adopt("a").failing.set("heartbeat", unauthenticated);
    await assert.rejects(s.c1.heartbeat(first, never), unauthenticated);
    assert.deepEqual(s.clock.sleeps, []);
  });

  test("an abort ends the wait", async () => {
    const s = setUp();
    s.adopt("a").failing.set("heartbeat", unauthenticated);
    s.clock.freeze();
    const stop = new AbortController();
    const beating = s.c1.heartbeat(first, stop.signal);
    await until(() => s.clock.sleeps.length === 1, "the wait");
    stop.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(beating, { code: "cancelled" });
  });

  test("new ones that are rejected as well: it waits for the next", async () => {
    const s = await taken();
    s.session("a").failing.set("finishTask", unauthenticated);
    s.session("b").failing.set("finishTask", unauthenticated);
    s.clock.freeze();
    const finishing = s.c1.finishTask(report(first), never);
    await until(() => s.clock.sleeps.length === 1, "the wait");
    s.adopt("c");
    await finishing;
    assert.deepEqual([s.session("b").closed, s.session("c").calls], [1, [`finishTask ${first}`]]);
  });

  test("one call waits two minutes in all, however many are rejected meanwhile", async () => {
    const s = setUp();
    s.adopt("a").failing.set("heartbeat", unauthenticated);
    s.clock.freeze();
    const beating = s.c1.heartbeat(first, never);
    for (const [nth, name] of ["b", "c", "d", "e", "f", "g", "h"].entries()) {
      await until(() => s.clock.sleeps.length === nth + 1, "the wait");
      s.clock.advance((s.clock.sleeps[nth] ?? 0) - 1);
      s.adopt(name).failing.set("heartbeat", unauthenticated);
    }
    await until(() => s.clock.sleeps.length === 8, "the last wait");
    s.clock.advance(s.clock.sleeps[7] ?? 0);
    s.adopt("i").failing.set("heartbeat", unauthenticated);
    await assert.rejects(beating, unauthenticated);
    assert.equal(s.clock.monotonicMs(), 2 * minuteMs);
    assert.equal(s.clock.sleeps.length, 8);
  });

  test("handed out once more, it belongs to those under which that happened", async () => {
    const s = await taken();
    await s.handOut("b", first);
    assert.equal(s.session("a").closed, 1);
    await s.c1.heartbeat(first, never);
    assert.equal(s.session("b").calls.at(-1), `heartbeat ${first}`);
  });
});

suite("sessions are bounded", () => {
  test("one whose tasks are never reported ends after six hours; what still speaks of them does so under the new ones", async () => {
    const s = await taken();
    s.clock.advance(6 * 60 * minuteMs);
    await s.c1.getTask(never);
    assert.equal(s.session("a").closed, 0);
    s.clock.advance(1);
    await s.c1.getTask(never);
    assert.equal(s.session("a").closed, 1);
    await s.c1.finishTask(report(first), never);
    assert.equal(s.session("b").calls.at(-1), `finishTask ${first}`);
  });

  test("of more than 10,000 tasks without a report the oldest is forgotten", async () => {
    const s = setUp();
    const a = s.adopt("a");
    a.tasks = Array.from({ length: 10_000 }, (_, n) => taskId(n + 1));
    await s.c1.getTasks({ pageSize: 100, knownTaskIds: [] }, never);
    await s.handOut("a", taskId(10_001));
    s.adopt("b");
    await s.c1.heartbeat(first, never);
    await s.c1.heartbeat(second, never);
    assert.deepEqual(s.session("b").calls, [`heartbeat ${first}`]);
    assert.equal(a.calls.at(-1), `heartbeat ${second}`);
  });

  test("the end closes every session once, and opens none after it", async () => {
    const s = await taken();
    s.c1.close();
    s.c1.close();
    s.c1.adopt(pair("c"));
    assert.deepEqual([s.session("a").closed, s.session("b").closed, s.opened()], [1, 1, ["a", "b"]]);
  });
});
