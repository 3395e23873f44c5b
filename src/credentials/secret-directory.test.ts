import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { type MountedSecret, mountSecret, plainSecret } from "../../test/helpers/mounted-secret.ts";
import { systemClock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import { readSecretDirectory } from "./secret-directory.ts";

const never = new AbortController().signal;
const names = ["ID", "SECRET", "KEY"];

const read = (directory: string, signal = never) => readSecretDirectory(directory, names, systemClock, signal);

async function texts(directory: string): Promise<Readonly<Record<string, string>>> {
  const files = await read(directory);
  assert.deepEqual([...files.problems], []);
  return Object.fromEntries(files.texts);
}

const version = (n: number) => ({ ID: `id-${n}`, SECRET: `secret-${n}`, KEY: `key-${n}` });

/** Runs `work` without the rights of root, who may read every file; somebody else has none to lay down. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Reads on and on while `secret` is swapped `times` times; resolves with every reading. */
async function readWhileSwapping(secret: MountedSecret, times: number) {
  const readings: Readonly<Record<string, string>>[] = [];
  let swapping = true;
  const reading = (async () => {
    while (swapping) readings.push(await texts(secret.directory));
  })();
  for (let n = 1; n <= times; n += 1) await secret.write(version(n));
  swapping = false;
  await reading;
  return readings;
}

suite("reading a mounted Secret", () => {
  test("200 swaps while it is read: no reading mixes two versions or lacks a file", async (t) => {
    await using secret = await mountSecret(version(0));
    const readings = await readWhileSwapping(secret, 200);
    const whole = readings.filter(({ ID = "", SECRET, KEY }) => {
      const n = ID.slice(3);
      return SECRET === `secret-${n}` && KEY === `key-${n}`;
    });
    t.diagnostic(`${readings.length} readings of ${new Set(readings.map(({ ID }) => ID)).size} versions`);
    assert.equal(whole.length, readings.length);
    assert.ok(new Set(readings.map(({ ID }) => ID)).size > 20, "the readings saw many versions");
    assert.deepEqual(await texts(secret.directory), version(200));
  });

  test("reading the same paths one by one does mix versions, so the test above can fail", async () => {
    await using secret = await mountSecret(version(0));
    let mixed = 0;
    let swapping = true;
    const reading = (async () => {
      while (swapping) {
        const each: (string | undefined)[] = [];
        for (const name of names) {
          const files = await readSecretDirectory(secret.directory, [name], systemClock, never);
          each.push(files.texts.get(name)?.split("-")[1]);
        }
        if (new Set(each).size > 1) mixed += 1;
      }
    })();
    for (let n = 1; n <= 200; n += 1) await secret.write(version(n));
    swapping = false;
    await reading;
    assert.ok(mixed > 0);
  });

  test("one trailing newline goes, and nothing else", async () => {
    await using secret = await mountSecret({ ID: "id\n", SECRET: "secret\r\n", KEY: " key\n\n" });
    assert.deepEqual(await texts(secret.directory), { ID: "id", SECRET: "secret", KEY: " key\n" });
  });

  test("files that are missing or hold only white space are left out", async () => {
    await using secret = await mountSecret({ ID: "id", SECRET: " \n" });
    assert.deepEqual(await texts(secret.directory), { ID: "id" });
  });

  const broken: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["64 KiB and a byte", "x".repeat(64 * 1024 + 1), "is longer than 64 KiB"],
    ["a NUL character", "canary\0canary", "holds a NUL character"],
    ["bytes that are not UTF-8", Uint8Array.of(0xc3, 0x28, 0xff), "is not UTF-8 text"],
  ];
  for (const [what, content, why] of broken) {
    test(`${what}: this file cannot be used, the others can`, async () => {
      await using secret = await mountSecret({ ...version(1), SECRET: content });
      const files = await read(secret.directory);
      assert.deepEqual([...files.problems], [["SECRET", why]]);
      assert.deepEqual(Object.fromEntries(files.texts), { ID: "id-1", KEY: "key-1" });
    });
  }

  test("64 KiB are read", async () => {
    await using secret = await mountSecret({ ...version(1), SECRET: "x".repeat(64 * 1024) });
    assert.equal((await texts(secret.directory))["SECRET"]?.length, 64 * 1024);
  });

  test("a directory or a pipe in place of a file does not hold the process", async () => {
    await using secret = await plainSecret({ KEY: "key" });
    mkdirSync(join(secret.directory, "ID"));
    execFileSync("mkfifo", [join(secret.directory, "SECRET")]);
    const files = await read(secret.directory);
    assert.equal(files.problems.get("ID"), "cannot be read (EISDIR)");
    assert.deepEqual(Object.fromEntries(files.texts), { KEY: "key" });
  });

  test("a file that may not be read", async () => {
    await using secret = await plainSecret(version(1));
    chmodSync(secret.directory, 0o755);
    for (const name of names) chmodSync(join(secret.directory, name), name === "SECRET" ? 0 : 0o444);
    const files = await asNobody(() => read(secret.directory));
    assert.deepEqual([...files.problems], [["SECRET", "cannot be read (EACCES)"]]);
    assert.deepEqual(Object.fromEntries(files.texts), { ID: "id-1", KEY: "key-1" });
  });

  test("a directory that is not there is told, without looking any longer", async () => {
    await assert.rejects(read("/nonexistent/secrets"), {
      code: "failed_precondition",
      message: "the secrets directory is not there (ENOENT)",
    });
  });
});

suite("reading a plain directory", () => {
  test("it is read until two readings agree", async () => {
    await using secret = await plainSecret(version(1));
    const clock = createVirtualClock();
    const reading = readSecretDirectory(secret.directory, names, clock, never);
    assert.deepEqual(Object.fromEntries((await reading).texts), version(1));
    assert.deepEqual(clock.sleeps, [5], "one pause, two readings");
  });

  test("a change between the readings makes it read again", async () => {
    await using secret = await plainSecret(version(0));
    const path = join(secret.directory, "SECRET");
    let n = 0;
    const sleeps: number[] = [];
    const clock = {
      ...systemClock,
      async sleep(ms: number) {
        sleeps.push(ms);
        if (n === 3) return;
        n += 1;
        writeFileSync(path, `change-${n}`);
      },
    };
    const files = await readSecretDirectory(secret.directory, names, clock, never);
    assert.equal(files.texts.get("SECRET"), "change-3");
    assert.equal(sleeps.length, 4);
  });

  test("one that never comes to rest is given up", async () => {
    await using secret = await plainSecret(version(0));
    const path = join(secret.directory, "SECRET");
    let n = 0;
    const clock = {
      ...systemClock,
      async sleep() {
        n += 1;
        writeFileSync(path, `change-${n}`);
      },
    };
    await assert.rejects(readSecretDirectory(secret.directory, names, clock, never), { code: "unavailable" });
    assert.equal(n, 19, "20 readings");
  });

  test("it may become a mounted one, and the other way round", async () => {
    await using secret = await mountSecret(version(1));
    for (const entry of ["..data", ...names]) rmSync(join(secret.directory, entry));
    for (const [name, text] of Object.entries(version(2))) writeFileSync(join(secret.directory, name), text);
    assert.deepEqual(await texts(secret.directory), version(2));
  });

  test("an abort ends the reading with its reason", async () => {
    await using secret = await plainSecret(version(1));
    const stop = new AbortController();
    const reading = read(secret.directory, stop.signal);
    stop.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(reading, { code: "cancelled", message: "enough" });
  });
});
