import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { watchLoops } from "../../test/helpers/loop-watcher.ts";
import { watchDirectory } from "./directory-watch.ts";

const times = { directory: "/does/not/exist", debounceMs: 250, safetyMs: 30_000 };

suite("the loop that follows credentials", () => {
  test("is in time while nothing happens, and over when it has ended", async () => {
    const clock = createVirtualClock();
    const watcher = watchLoops(clock);
    const stop = new AbortController();
    let looks = 0;
    const look = async (): Promise<void> => {
      looks += 1;
    };
    const watching = watchDirectory({ ...times, clock, loops: watcher.loops }, look, stop.signal);
    assert.deepEqual(await watcher.pass(60 * 60_000), []);
    assert.ok(looks > 100);
    stop.abort();
    await watching;
    assert.deepEqual(watcher.loops.read(), []);
    clock.freeze();
  });

  test("is noticed when a look never ends", async () => {
    const clock = createVirtualClock();
    const watcher = watchLoops(clock);
    const dead = (): Promise<never> => Promise.withResolvers<never>().promise;
    void watchDirectory({ ...times, clock, loops: watcher.loops }, dead, new AbortController().signal);
    assert.deepEqual(await watcher.pass(5 * 60_000), []);
    assert.deepEqual(await watcher.pass(3 * 60_000), ["credentials"]);
    clock.freeze();
  });
});
