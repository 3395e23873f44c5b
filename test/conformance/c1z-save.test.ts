import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import { sweepLeavings } from "../../src/c1z/temp-dir.ts";
import { createSyncWriter } from "../../src/c1z/writer.ts";
import { readC1z } from "../helpers/read-c1z.ts";
import { putAll, sampleMembers, sampleSync } from "../helpers/sample-sync.ts";

const program = new URL("../helpers/write-sync.ts", import.meta.url).pathname;

interface Place extends Disposable {
  readonly tempDir: string;
  readonly output: string;
}

function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), "save-test-"));
  const tempDir = join(folder, "tmp");
  mkdirSync(tempDir);
  return {
    tempDir,
    output: join(folder, "out.c1z"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Starts a process that writes a sync of `members` people. */
function startSync(tempDir: string, members: number, copyTo = "", timeZone = "UTC"): ChildProcess {
  return spawn(process.execPath, [program, tempDir, String(members), copyTo], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TZ: timeZone },
  });
}

/** Kills the process at its `at`th line of progress, or at its last one, and returns that line. */
async function killAtLine(child: ChildProcess, at: number): Promise<string> {
  assert.ok(child.stdout);
  const closed = once(child, "close");
  let seen = 0;
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (seen === at || line === "finished") break;
    seen += 1;
  }
  child.kill("SIGKILL");
  await closed;
  assert.equal(child.signalCode, "SIGKILL");
  return last;
}

suite("kill -9", () => {
  // 2000 members give 1 line for opening, 4 for users, 4 for grants, 1 for finishing.
  for (const at of [0, 2, 5, 8, 9, 10]) {
    test(`at step ${at} leaves what the next start sweeps, and the next sync works`, async () => {
      using files = place();
      await using neighbour = await createSyncWriter({ tempDir: files.tempDir, clock: systemClock })("full");
      const steps = ["opened", ...Array<string>(8).fill("rows"), "finishing", "finished"];
      const line = await killAtLine(startSync(files.tempDir, 2000, "hold"), at);
      assert.equal(line, steps[at]);
      assert.equal(readdirSync(files.tempDir).length, 2);
      assert.equal(await sweepLeavings(files.tempDir), 1);
      assert.equal(readdirSync(files.tempDir).length, 1);
      putAll(neighbour, sampleSync(sampleMembers(5)));
      using c1z = readC1z((await neighbour.finish(new AbortController().signal)).path);
      assert.equal(c1z.rows("v1_resources").length, 8);
    });
  }

  test("while the file is being packed leaves what the next start sweeps", async () => {
    using files = place();
    const child = startSync(files.tempDir, 20_000, "hold");
    const closed = once(child, "close");
    child.stdout?.resume();
    const packing = () =>
      readdirSync(files.tempDir, { recursive: true }).some((name) => String(name).endsWith("sync.c1z"));
    while (!packing() && child.exitCode === null) await setImmediate();
    child.kill("SIGKILL");
    await closed;
    assert.equal(child.signalCode, "SIGKILL");
    assert.equal(await sweepLeavings(files.tempDir), 1);
    assert.deepEqual(readdirSync(files.tempDir), []);
  });
});

suite("abort during finish", () => {
  // How far finish gets is counted in turns of the event loop, so that every one of its steps is met.
  for (const turns of [0, 1, 3, 6, 9, 12, 14]) {
    test(`after ${turns} turns rejects with the signal's reason and leaves nothing`, async () => {
      using files = place();
      const reason = new StatusError("unavailable", "connector shutting down");
      {
        await using writer = await createSyncWriter({ tempDir: files.tempDir, clock: systemClock })("full");
        putAll(writer, sampleSync(sampleMembers(3000)));
        const abort = new AbortController();
        const finishing = writer.finish(abort.signal);
        const rejected = assert.rejects(finishing, (error) => error === reason);
        for (let turn = 0; turn < turns; turn += 1) await setImmediate();
        abort.abort(reason);
        await rejected;
      }
      assert.deepEqual(readdirSync(files.tempDir), []);
    });
  }

  test("does not keep the event loop for the whole of it", async () => {
    using files = place();
    await using writer = await createSyncWriter({ tempDir: files.tempDir, clock: systemClock })("full");
    putAll(writer, sampleSync(sampleMembers(3000)));
    let turns = 0;
    let finished = false;
    const finishing = writer.finish(new AbortController().signal).finally(() => {
      finished = true;
    });
    while (!finished) {
      await setImmediate();
      turns += 1;
    }
    await finishing;
    assert.ok(turns > 10, `${turns} turns`);
  });
});

suite("time zone", () => {
  for (const zone of ["America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati"]) {
    test(`${zone} on the host still gives UTC in the file`, async () => {
      using files = place();
      const before = Date.now();
      const child = startSync(files.tempDir, 10, files.output, zone);
      const closed = once(child, "close");
      child.stdout?.resume();
      await closed;
      using c1z = readC1z(files.output);
      const [run] = c1z.rows("v1_sync_runs");
      for (const column of ["started_at", "ended_at"]) {
        const text = String(run?.[column]);
        assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?$/);
        const ms = Date.parse(`${text.replace(" ", "T")}Z`);
        assert.ok(ms >= before && ms <= Date.now(), text);
      }
      assert.deepEqual(readdirSync(files.tempDir), []);
    });
  }
});

suite("disk full", () => {
  const mountable = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

  // 6000 members make a database of 4.6 MiB, 7.3 MiB with all indexes, and a file of a third of a MiB.
  for (const [name, size] of [
    ["while rows go in", "1m"],
    ["while indexes are made", "6900k"],
    ["while the file is packed", "7600k"],
  ] as const) {
    test(`${name} is resource_exhausted, retryable, and leaves nothing`, { skip: !mountable }, () => {
      using files = place();
      const script = `mount -t tmpfs -o size=${size} tmpfs "$1" && exec "$2" "$3" "$1" 6000`;
      const arguments_ = ["-rm", "sh", "-c", script, "sh", files.tempDir, process.execPath, program];
      const { stdout } = spawnSync("unshare", arguments_, { encoding: "utf8" });
      const failure = stdout.split("\n").find((line) => line.startsWith("failed "));
      assert.ok(failure !== undefined, `it did not fail: ${stdout}`);
      assert.deepEqual(JSON.parse(failure.slice("failed ".length)), {
        code: "resource_exhausted",
        retryable: true,
        message: "no space left in the temporary directory: make it larger",
        left: [],
      });
      assert.equal(stdout.includes("finishing"), size !== "1m");
    });
  }
});

suite("sort files", () => {
  test("of SQLite go to the private directory, the one place that is surely writable", async () => {
    using files = place();
    await using writer = await createSyncWriter({ tempDir: files.tempDir, clock: systemClock })("full");
    putAll(writer, sampleSync(sampleMembers(5)));
    await writer.finish(new AbortController().signal);
    const { DatabaseSync } = await import("node:sqlite");
    using db = new DatabaseSync(":memory:");
    const [name = ""] = readdirSync(files.tempDir);
    assert.equal(db.prepare("PRAGMA temp_store_directory").get()?.["temp_store_directory"], join(files.tempDir, name));
  });
});
