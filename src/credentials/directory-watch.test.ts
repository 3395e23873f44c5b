import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type MountedSecret, mountSecret, plainSecret } from "../../test/helpers/mounted-secret.ts";
import { until } from "../../test/helpers/until.ts";
import { type Clock, systemClock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { watchDirectory } from "./directory-watch.ts";

const hourMs = 60 * 60_000;

interface Watching extends AsyncDisposable {
  readonly looks: { count: number; now: number; most: number };
  /** Waits for the `n`th look. */
  looked(n: number): Promise<void>;
}

/** Watches until disposed; by default nothing but a notification leads to a look. */
function watching(
  directory: string,
  options: { debounceMs?: number; safetyMs?: number; clock?: Clock; lookMs?: number } = {},
): Watching {
  const { clock = systemClock, debounceMs = 40, lookMs = 0, safetyMs = hourMs } = options;
  const looks = { count: 0, now: 0, most: 0 };
  const stop = new AbortController();
  const ended = watchDirectory(
    { directory, clock, debounceMs, safetyMs },
    async () => {
      looks.now += 1;
      looks.most = Math.max(looks.most, looks.now);
      await delay(lookMs);
      looks.count += 1;
      looks.now -= 1;
    },
    stop.signal,
  );
  return {
    looks,
    looked: (n) => until(() => looks.count >= n, `look ${n}`),
    async [Symbol.asyncDispose]() {
      stop.abort(new StatusError("cancelled", "the test ends"));
      await ended;
    },
  };
}

const swap = (secret: MountedSecret, n: number): Promise<void> =>
  secret.write({ ID: `id-${n}`, SECRET: `secret-${n}` });

suite("watching a secrets directory", { concurrency: true }, () => {
  test("the first swap and all later ones are seen, each with one look", async () => {
    await using secret = await mountSecret({ ID: "id-0", SECRET: "secret-0" });
    await using watch = watching(secret.directory, { debounceMs: 300 });
    for (let n = 1; n <= 3; n += 1) {
      await swap(secret, n);
      await watch.looked(n);
      // Whatever else the kubelet does to the directory belongs to the same change.
      await delay(600);
      assert.equal(watch.looks.count, n);
    }
  });

  test("a burst of swaps is looked at once it pauses", async () => {
    await using secret = await mountSecret({ ID: "id-0", SECRET: "secret-0" });
    await using watch = watching(secret.directory);
    const beganMs = performance.now();
    for (let n = 1; n <= 20; n += 1) await swap(secret, n);
    const tookMs = performance.now() - beganMs;
    await delay(200);
    assert.ok(watch.looks.count >= 1 && watch.looks.count <= 2 + tookMs / 40, `${watch.looks.count} looks`);
  });

  test("a file that is written in place is seen", async () => {
    await using secret = await plainSecret({ ID: "id-0" });
    await using watch = watching(secret.directory);
    writeFileSync(join(secret.directory, "ID"), "id-1");
    await watch.looked(1);
  });

  test("the directory is replaced: that is seen, and so are changes of the new one", async () => {
    await using secret = await plainSecret({ ID: "id-0" });
    await using watch = watching(secret.directory, { safetyMs: 300 });
    renameSync(secret.directory, `${secret.directory}-old`);
    mkdirSync(secret.directory);
    await watch.looked(1);
    // The safety look sets the watch up where the first look was too early for the new directory.
    const { count } = watch.looks;
    await watch.looked(count + 2);
    writeFileSync(join(secret.directory, "ID"), "id-1");
    await watch.looked(count + 3);
    rmSync(`${secret.directory}-old`, { recursive: true });
  });

  test("a directory that is not there yet is looked for", async () => {
    await using secret = await plainSecret({});
    const directory = join(secret.directory, "later");
    await using watch = watching(directory, { safetyMs: 50 });
    await watch.looked(2);
    mkdirSync(directory);
    await watch.looked(3);
  });

  test("without any notification it looks every 30 s, or whatever the safety time is", async () => {
    const sleeps: number[] = [];
    const clock: Clock = {
      ...systemClock,
      async sleep(ms, signal) {
        sleeps.push(ms);
        await systemClock.sleep(10, signal);
      },
    };
    await using secret = await mountSecret({ ID: "id-0" });
    await using watch = watching(secret.directory, { clock, safetyMs: 30_000 });
    await watch.looked(3);
    assert.deepEqual(sleeps.slice(0, 3), [30_000, 30_000, 30_000]);
  });

  test("a change during a look leads to another one, and never to two at a time", async () => {
    await using secret = await mountSecret({ ID: "id-0", SECRET: "secret-0" });
    await using watch = watching(secret.directory, { lookMs: 200 });
    await swap(secret, 1);
    await until(() => watch.looks.now === 1, "the first look");
    await swap(secret, 2);
    await watch.looked(2);
    assert.equal(watch.looks.most, 1);
  });

  test("an abort ends it at once and without a look", async () => {
    await using secret = await mountSecret({ ID: "id-0" });
    const watch = watching(secret.directory);
    const beganMs = performance.now();
    await watch[Symbol.asyncDispose]();
    assert.ok(performance.now() - beganMs < 5_000);
    assert.equal(watch.looks.count, 0);
  });
});
