import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createLeaseStore } from "../../test/fakes/lease-store.ts";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock, type VirtualClock } from "../../test/fakes/virtual-clock.ts";
import { watchLoops } from "../../test/helpers/loop-watcher.ts";
import { createElector, type ElectorDeps } from "./elector.ts";

function setUp(clock: VirtualClock, lease: ElectorDeps["lease"]) {
  const watcher = watchLoops(clock);
  const elector = createElector({
    lease,
    clock,
    identity: "one",
    strict: false,
    random: () => 0.5,
    log: createRecordingLogger(),
    onLeading: () => undefined,
    loops: watcher.loops,
  });
  const stop = new AbortController();
  return { watcher, elector, stop, ended: elector.run(stop.signal) };
}

suite("the loop that looks at the Lease", () => {
  for (const outcome of ["ok", "refused", "lost", "conflict"] as const) {
    test(`is in time while calls end as ${outcome}, and over when it has ended`, async () => {
      const clock = createVirtualClock();
      const store = createLeaseStore(clock);
      store.faults = () => (outcome === "ok" ? {} : { outcome, beforeMs: 4_900 });
      const { watcher, stop, ended } = setUp(clock, store.api("one"));
      assert.deepEqual(await watcher.pass(60 * 60_000), []);
      stop.abort();
      await ended;
      assert.deepEqual(watcher.loops.read(), []);
      clock.freeze();
    });
  }

  test("is noticed when it dies", async () => {
    const clock = createVirtualClock();
    const store = createLeaseStore(clock);
    const stuck = { ...clock, sleep: () => Promise.withResolvers<never>().promise };
    const { watcher } = setUp({ ...clock, ...stuck }, store.api("one"));
    assert.deepEqual(await watchLoops(clock).pass(60_000), []);
    assert.deepEqual(watcher.late(), []);
    await watchLoops(clock).pass(60_000);
    assert.deepEqual(watcher.late(), ["lease"]);
    clock.freeze();
  });
});
