import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type KubeApi, roleFor, startKubeApi } from "../../test/fakes/kube-api.ts";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock, type VirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import { StatusError } from "../baton/status-error.ts";
import type { KubeCall, KubeConnection } from "./call.ts";
import { openConnection } from "./connection.ts";
import { createEventRecorder, type EventRecorder, type PodEvent } from "./events.ts";

const rejected: PodEvent = { reason: "CredentialRejected", note: "Cursor rejects the key", type: "Warning" };

interface Memory extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly recorder: EventRecorder;
  readonly calls: readonly KubeCall[];
  /** Fails every call with this. */
  fail(error: StatusError | undefined): void;
  stop(): Promise<void>;
}

/** A recorder before an API in memory, on a virtual clock. */
function remember(): Memory {
  const clock = createVirtualClock();
  const calls: KubeCall[] = [];
  let failure: StatusError | undefined;
  const connection: KubeConnection = {
    namespace: "n",
    async call(call) {
      calls.push(call);
      if (failure !== undefined) throw failure;
      return {};
    },
    [Symbol.dispose]: () => undefined,
  };
  const recorder = createEventRecorder({
    connection,
    pod: { name: "pod-1", uid: undefined },
    clock,
    log: createRecordingLogger(),
  });
  const stopping = new AbortController();
  const ended = recorder.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return {
    clock,
    recorder,
    calls,
    fail(error) {
      failure = error;
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      clock.freeze();
    },
  };
}

const pass = ({ clock }: Memory, ms: number) => clock.sleep(ms, new AbortController().signal);
const seriesOf = ({ body }: KubeCall): unknown => (body !== undefined && "series" in body ? body.series : undefined);

suite("events on the pod", () => {
  test("the first is created, its repetitions are its series", async () => {
    await using memory = remember();
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    memory.recorder.record(rejected);
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    assert.deepEqual(
      memory.calls.map(({ verb }) => verb),
      ["create", "patch"],
    );
    assert.equal(seriesOf(memory.calls[0]!), undefined);
    assert.deepEqual(seriesOf(memory.calls[1]!), { count: 3, lastObservedTime: "2025-06-15T15:06:41.000000Z" });
  });

  test("what repeats before it is written is a series from the start", async () => {
    await using memory = remember();
    for (let time = 0; time < 4; time += 1) memory.recorder.record(rejected);
    await pass(memory, 1_000);
    assert.equal(memory.calls.length, 1);
    assert.deepEqual(seriesOf(memory.calls[0]!), { count: 4, lastObservedTime: "2025-06-15T15:06:40.000000Z" });
  });

  test("another note is another event; after six quiet minutes it is one again", async () => {
    await using memory = remember();
    memory.recorder.record(rejected);
    memory.recorder.record({ ...rejected, note: "C1 rejects the client" });
    await pass(memory, 1_000);
    await pass(memory, 6 * 60_000);
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    assert.deepEqual(
      memory.calls.map(({ verb }) => verb),
      ["create", "create", "create"],
    );
  });

  test("ten calls at once, then one every 30 s; counts are not lost meanwhile", async () => {
    await using memory = remember();
    for (let kind = 0; kind < 12; kind += 1) memory.recorder.record({ ...rejected, note: `note ${kind}` });
    await pass(memory, 29_000);
    assert.equal(memory.calls.length, 10);
    memory.recorder.record({ ...rejected, note: "note 11" });
    await pass(memory, 2_000);
    assert.equal(memory.calls.length, 11);
    await pass(memory, 30_000);
    assert.equal(memory.calls.length, 12);
    assert.deepEqual(seriesOf(memory.calls[11]!), { count: 2, lastObservedTime: "2025-06-15T15:07:09.000000Z" });
    await pass(memory, 600_000);
    assert.equal(memory.calls.length, 12);
  });

  test("no more than fifty kinds are kept", async () => {
    await using memory = remember();
    for (let kind = 0; kind < 80; kind += 1) memory.recorder.record({ ...rejected, note: `note ${kind}` });
    await pass(memory, 3_600_000);
    assert.equal(memory.calls.length, 50);
  });

  test("what cannot be written is dropped, and the next is tried", async () => {
    await using memory = remember();
    memory.fail(new StatusError("unavailable", "down"));
    memory.recorder.record(rejected);
    await pass(memory, 60_000);
    assert.equal(memory.calls.length, 1);
    memory.fail(undefined);
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    assert.equal(memory.calls.length, 2);
    assert.equal(memory.calls[1]?.verb, "create");
  });

  test("an event that the API has forgotten is made anew", async () => {
    await using memory = remember();
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    memory.fail(new StatusError("not_found", "gone"));
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    memory.fail(undefined);
    memory.recorder.record(rejected);
    await pass(memory, 1_000);
    assert.deepEqual(
      memory.calls.map(({ verb }) => verb),
      ["create", "patch", "create"],
    );
  });

  test("what was recorded last is still written when it stops", async () => {
    const memory = remember();
    memory.recorder.record(rejected);
    await memory.stop();
    assert.equal(memory.calls.length, 1);
  });
});

suite("events through a real connection", () => {
  async function setScene(): Promise<{ kube: KubeApi; recorder: EventRecorder } & AsyncDisposable> {
    const kube = await startKubeApi();
    const clock = createVirtualClock();
    const connection = openConnection({
      kubeconfig: await kube.kubeconfig("pod", roleFor()),
      namespace: undefined,
      userAgent: "baton-cursor/0",
      onCall: () => undefined,
    });
    // Real answers take real time: a clock that stands still waits for them.
    clock.freeze();
    const recorder = createEventRecorder({
      connection,
      pod: { name: "baton-cursor-7d9f-abcde", uid: "uid-1" },
      clock,
      log: createRecordingLogger(),
    });
    const stop = new AbortController();
    const ended = recorder.run(stop.signal);
    return {
      kube,
      recorder,
      async [Symbol.asyncDispose]() {
        stop.abort();
        await ended;
        connection[Symbol.dispose]();
        await kube[Symbol.asyncDispose]();
      },
    };
  }

  test("the API server accepts the event, its series, and a note that is too long", async () => {
    await using scene = await setScene();
    const { kube, recorder } = scene;
    recorder.record({ reason: "CredentialActivated", note: "é".repeat(2_000), type: "Normal" });
    await until(() => kube.events.length === 1, "an event");
    recorder.record({ reason: "CredentialActivated", note: "é".repeat(2_000), type: "Normal" });
    await until(() => kube.events[0]?.series?.count === 2, "a series");
    assert.equal(kube.events.length, 1);
    const [event] = kube.events;
    assert.deepEqual(event?.regarding, {
      apiVersion: "v1",
      kind: "Pod",
      name: "baton-cursor-7d9f-abcde",
      namespace: "connectors",
      uid: "uid-1",
    });
    assert.match(event?.note ?? "", /^é{510}…$/);
    assert.equal(event?.reportingController, "baton-cursor");
  });
});
