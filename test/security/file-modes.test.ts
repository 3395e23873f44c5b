import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { suite, test } from "node:test";
import { spawnConnector } from "../helpers/daemon.ts";
import { processEnv, startStandIns, syncTask } from "../integration/scene.ts";
import { inScratch } from "./scratch.ts";

const limit = { timeout: 60_000 };

/** Everything below `directory` that somebody other than the owner can reach and touch, with its mode. */
function openToOthers(directory: string): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const stats = statSync(path);
    const mode = stats.mode & 0o777;
    // Also below a directory that is closed: it is one mistake away from being open.
    const below = stats.isDirectory() ? openToOthers(path) : [];
    return (mode & 0o077) === 0 ? below : [`${name} ${mode.toString(8)}`, ...below];
  });
}

suite("files that hold people", () => {
  test("are their owner's alone while a sync is built and sent, whatever the umask", limit, () =>
    inScratch(async (root) => {
      const tempDir = join(root, "tmp");
      await mkdir(tempDir);
      await chmod(tempDir, 0o777);
      await using stage = await startStandIns();
      const { c1 } = stage;
      c1.script("UploadAsset", [{ chunkDelayMs: 1_500 }]);
      const previous = process.umask(0);
      try {
        await using daemon = await spawnConnector([], { ...processEnv(stage), BATON_TMPDIR: tempDir });
        const task = c1.enqueue({ ...syncTask, debug: true });
        const seen = new Set<string>();
        const found = new Set<string>();
        const look = (): void => {
          for (const name of readdirSync(tempDir, { recursive: true })) seen.add(basename(String(name)));
          for (const line of openToOthers(tempDir)) found.add(line);
        };
        // Files that come and go between two looks may be gone when they are asked for their mode.
        const timer = setInterval(() => {
          try {
            look();
          } catch {
            return;
          }
        }, 5);
        try {
          assert.equal((await c1.awaitFinish(task, 30_000)).ok, true, daemon.stderr());
        } finally {
          clearInterval(timer);
        }
        for (const name of ["sync.db", "sync.c1z", "lock", "debug.log"]) {
          assert.ok(seen.has(name), `${name} was not seen: ${[...seen].join(", ")}`);
        }
        assert.deepEqual([...found], []);
      } finally {
        process.umask(previous);
      }
    }),
  );

  test("the result of a one-shot run is the operator's alone", limit, () =>
    inScratch(async (cwd) => {
      await using stage = await startStandIns();
      const { cursor } = stage;
      const env = { BATON_CURSOR_API_KEY: cursor.apiKey, BATON_CURSOR_BASE_URL: cursor.url };
      const previous = process.umask(0);
      try {
        await using run = await spawnConnector(["--file", "team.c1z", "--log-path", "run.log"], env, { cwd });
        const { code, stderr } = await run.ended;
        assert.equal(code, 0, stderr);
        assert.ok(readdirSync(cwd).includes("team.c1z"));
        assert.deepEqual(openToOthers(cwd), []);
      } finally {
        process.umask(previous);
      }
    }),
  );
});
