import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createTestClock } from "../../test/helpers/clock.ts";
import { mountSecret } from "../../test/helpers/mounted-secret.ts";
import { until } from "../../test/helpers/until.ts";
import { type Rotation, startRotation } from "./rotation.ts";

const names = ["ID", "SECRET"];

/** Follows `directory` on a clock on which 30 s pass in 300 ms. */
function follow(directory: string, onFiles: () => void = () => undefined) {
  const readings: Readonly<Record<string, string>>[] = [];
  const unreadable: string[] = [];
  const log = createRecordingLogger();
  const clock = createTestClock({ factor: 100 });
  const rotation: Rotation = startRotation({
    directory,
    names,
    clock,
    log,
    onFiles(files) {
      readings.push(Object.fromEntries(files.texts));
      onFiles();
    },
    onUnreadable: (reason) => void unreadable.push(reason),
  });
  return { readings, unreadable, log, clock, rotation, [Symbol.asyncDispose]: () => rotation[Symbol.asyncDispose]() };
}

const version = (n: number) => ({ ID: `id-${n}`, SECRET: `secret-${n}` });

suite("following a secrets directory", { concurrency: true }, () => {
  test("a swap is read after 250 ms without waiting for the safety look, which comes after 30 s", async () => {
    await using secret = await mountSecret(version(0));
    await using f = follow(secret.directory);
    await secret.write(version(1));
    await until(() => f.readings.some(({ ID }) => ID === "id-1"), "the new version");
    assert.ok(f.clock.sleeps.includes(250));
    const { length } = f.readings;
    await until(() => f.readings.length > length, "the safety look");
    assert.equal(f.clock.sleeps[0], 30_000);
  });

  test("200 swaps: every reading is of one version, and the last one is read", async () => {
    await using secret = await mountSecret(version(0));
    await using f = follow(secret.directory);
    for (let n = 1; n <= 200; n += 1) await secret.write(version(n));
    await until(() => f.readings.at(-1)?.["ID"] === "id-200", "the last version");
    const mixed = f.readings.filter(({ ID, SECRET }) => ID?.slice(3) !== SECRET?.slice(7));
    assert.deepEqual([mixed, f.unreadable], [[], []]);
  });

  test("looks that are asked for while one has not begun are one look", async () => {
    await using secret = await mountSecret(version(0));
    await using f = follow(secret.directory);
    for (let n = 0; n < 1_000; n += 1) f.rotation.look();
    await until(() => f.readings.length > 0, "a reading");
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(f.readings.length <= 3, `${f.readings.length} readings`);
  });

  test("after the end nothing is read any more, whoever asks, and a reading under way tells nobody", async () => {
    await using secret = await mountSecret(version(0));
    const f = follow(secret.directory);
    f.rotation.look();
    const ended = f[Symbol.asyncDispose]();
    f.rotation.look();
    await ended;
    f.rotation.look();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([f.readings, f.unreadable], [[], []]);
  });

  test("a directory that goes is told once, and once more that it is back", async () => {
    await using secret = await mountSecret(version(0));
    await using f = follow(secret.directory);
    f.rotation.look();
    await until(() => f.readings.length === 1, "the first reading");
    renameSync(secret.directory, `${secret.directory}-gone`);
    for (let n = 0; n < 3; n += 1) {
      f.rotation.look();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    renameSync(`${secret.directory}-gone`, secret.directory);
    const { length } = f.readings;
    await until(() => f.readings.length > length, "a reading");
    assert.deepEqual(f.unreadable, ["the secrets directory is not there (ENOENT)"]);
    assert.deepEqual(
      f.log.lines.map(({ level, message }) => [level, message]),
      [
        ["error", "the secrets directory cannot be read; the credentials in use stay"],
        ["info", "the secrets directory can be read again"],
      ],
    );
    assert.deepEqual(
      f.readings.filter((texts) => Object.keys(texts).length === 0),
      [],
      "a directory that is not there is not one without files",
    );
  });

  test("the end waits for a reading that is under way, and nothing is read after it", async () => {
    await using secret = await mountSecret(version(0));
    const f = follow(secret.directory);
    f.rotation.look();
    await f[Symbol.asyncDispose]();
    const { length } = f.readings;
    await secret.write(version(1));
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(f.readings.length, length);
  });
});
