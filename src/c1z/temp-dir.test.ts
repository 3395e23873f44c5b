import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { makePrivateDirectory, scratchBytes, sweepLeavings } from "./temp-dir.ts";

const moduleUrl = new URL("./temp-dir.ts", import.meta.url).href;

function scratch(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "temp-dir-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs a program that has the module's functions and `tempDir` at hand. */
function run(tempDir: string, program: string): ChildProcess {
  const head = `import { makePrivateDirectory, sweepLeavings } from ${JSON.stringify(moduleUrl)};
    import { existsSync, writeFileSync } from "node:fs";
    const tempDir = ${JSON.stringify(tempDir)};`;
  return spawn(process.execPath, ["--input-type=module", "-e", head + program], { stdio: ["pipe", "pipe", "inherit"] });
}

/** A process that holds a private directory until it is killed. */
async function holder(tempDir: string): Promise<{ readonly path: string; kill(): Promise<void> } & AsyncDisposable> {
  const child = run(
    tempDir,
    `const made = makePrivateDirectory(tempDir);
     writeFileSync(made.path + "/sync.db", "half a database");
     process.stdout.write(made.path);
     // Used once more at the end of input, or the collector would close the lock of what nobody can reach any longer.
     process.stdin.on("end", () => made.path).resume();`,
  );
  assert.ok(child.stdout);
  const [path] = await once(child.stdout, "data");
  const kill = async () => {
    if (child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  return { path: String(path), kill, [Symbol.asyncDispose]: kill };
}

suite("makePrivateDirectory", () => {
  test("makes a directory that only we may enter, each time another one", async () => {
    using temp = scratch();
    await using one = makePrivateDirectory(temp.path);
    await using two = makePrivateDirectory(temp.path);
    assert.notEqual(one.path, two.path);
    assert.equal(statSync(one.path).mode & 0o777, 0o700);
  });

  test("is removed with all it holds, also the second time", async () => {
    using temp = scratch();
    const made = makePrivateDirectory(temp.path);
    mkdirSync(join(made.path, "deep/er"), { recursive: true });
    writeFileSync(join(made.path, "deep/er/file"), "x");
    await made[Symbol.asyncDispose]();
    await made[Symbol.asyncDispose]();
    assert.deepEqual(readdirSync(temp.path), []);
  });

  test("leaves no directory behind that cannot be locked", () => {
    using temp = scratch();
    // SQLite takes paths of at most 512 bytes, the system eight times as many.
    const deep = join(temp.path, "d".repeat(200), "e".repeat(200), "f".repeat(100));
    mkdirSync(deep, { recursive: true });
    assert.throws(() => makePrivateDirectory(deep), { name: "StatusError", code: "internal" });
    assert.deepEqual(readdirSync(deep), []);
  });

  test("says what is wrong with a temporary directory that is missing", () => {
    assert.throws(() => makePrivateDirectory("/nonexistent/tmp"), {
      name: "StatusError",
      code: "failed_precondition",
      message: "the temporary directory /nonexistent/tmp cannot be used (ENOENT): it must exist and be writable",
    });
  });
});

suite("sweepLeavings", () => {
  test("removes what a killed process left and spares the living, our own included", async () => {
    using temp = scratch();
    await using ours = makePrivateDirectory(temp.path);
    await using dead = await holder(temp.path);
    await using alive = await holder(temp.path);
    assert.equal(await sweepLeavings(temp.path), 0);
    assert.ok(existsSync(join(dead.path, "sync.db")));
    await dead.kill();
    assert.equal(await sweepLeavings(temp.path), 1);
    assert.equal(existsSync(dead.path), false);
    assert.ok(existsSync(join(alive.path, "sync.db")));
    assert.ok(existsSync(ours.path));
    await alive.kill();
    assert.equal(await sweepLeavings(temp.path), 1);
  });

  test("removes a directory whose owner died before it could lock it", async () => {
    using temp = scratch();
    mkdirSync(join(temp.path, "baton-cursor-sync-Abc123"), { mode: 0o700 });
    assert.equal(await sweepLeavings(temp.path), 1);
    assert.deepEqual(readdirSync(temp.path), []);
  });

  test("leaves alone what is not ours: other names, files, links, directories that others may enter", async () => {
    using temp = scratch();
    using elsewhere = scratch();
    writeFileSync(join(elsewhere.path, "precious"), "x");
    mkdirSync(join(temp.path, "baton-sdk-sync-upload123"), { mode: 0o700 });
    writeFileSync(join(temp.path, "baton-cursor-sync-file"), "x");
    symlinkSync(elsewhere.path, join(temp.path, "baton-cursor-sync-link"));
    mkdirSync(join(temp.path, "baton-cursor-sync-open"));
    chmodSync(join(temp.path, "baton-cursor-sync-open"), 0o755);
    const before = readdirSync(temp.path);
    assert.equal(await sweepLeavings(temp.path), 0);
    assert.deepEqual(readdirSync(temp.path), before);
    assert.deepEqual(readdirSync(elsewhere.path), ["precious"]);
  });

  test("does not follow links inside what it removes", async () => {
    using temp = scratch();
    using elsewhere = scratch();
    writeFileSync(join(elsewhere.path, "precious"), "x");
    const leaving = join(temp.path, "baton-cursor-sync-Abc123");
    mkdirSync(leaving, { mode: 0o700 });
    symlinkSync(elsewhere.path, join(leaving, "link"));
    assert.equal(await sweepLeavings(temp.path), 1);
    assert.deepEqual(readdirSync(elsewhere.path), ["precious"]);
  });

  test("says what is wrong with a temporary directory that is missing", async () => {
    await assert.rejects(sweepLeavings("/nonexistent/tmp"), { name: "StatusError", code: "failed_precondition" });
  });

  test("never takes a directory from a process that is just making it", async () => {
    using temp = scratch();
    const maker = `for (let i = 0; i < 150; i += 1) {
        const made = makePrivateDirectory(tempDir);
        writeFileSync(made.path + "/sync.db", "x");
        await new Promise((done) => setImmediate(done));
        if (!existsSync(made.path + "/sync.db")) throw new Error("taken away");
        await made[Symbol.asyncDispose]();
      }`;
    const makers = [run(temp.path, maker), run(temp.path, maker)];
    const exits = Promise.all(makers.map((child) => once(child, "exit")));
    while (makers.some((child) => child.exitCode === null && child.signalCode === null)) await sweepLeavings(temp.path);
    assert.deepEqual(
      (await exits).map(([code]) => code),
      [0, 0],
    );
    await sweepLeavings(temp.path);
    assert.deepEqual(readdirSync(temp.path), []);
  });
});

suite("the size of scratch files", () => {
  test("is what our directories take on disk, and nothing once they are gone", async () => {
    using temp = scratch();
    assert.equal(await scratchBytes(temp.path), 0);
    const directory = makePrivateDirectory(temp.path);
    writeFileSync(join(directory.path, "sync.db"), Buffer.alloc(1_000_000));
    const bytes = await scratchBytes(temp.path);
    assert.ok(bytes >= 1_000_000 && bytes < 1_200_000, `${bytes}`);
    await directory[Symbol.asyncDispose]();
    assert.equal(await scratchBytes(temp.path), 0);
  });

  test("leaves out what is not ours", async () => {
    using temp = scratch();
    using elsewhere = scratch();
    writeFileSync(join(elsewhere.path, "large"), Buffer.alloc(100_000));
    symlinkSync(elsewhere.path, join(temp.path, "baton-cursor-sync-link"));
    writeFileSync(join(temp.path, "baton-cursor-sync-file"), Buffer.alloc(100_000));
    mkdirSync(join(temp.path, "other"), { mode: 0o700 });
    writeFileSync(join(temp.path, "other", "large"), Buffer.alloc(100_000));
    assert.equal(await scratchBytes(temp.path), 0);
    await assert.rejects(scratchBytes("/nonexistent/tmp"), { code: "failed_precondition" });
  });
});
