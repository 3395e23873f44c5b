import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createLogFile } from "./log-file.ts";

suite("log file", () => {
  test("is private; an outage is told once, and what was written after it is on lines of its own", async () => {
    const parent = await mkdtemp(join(tmpdir(), "log-file-"));
    try {
      const told: string[] = [];
      const directory = join(parent, "logs");
      const path = join(directory, "baton.log");
      const file = createLogFile(path, (line) => told.push(line));
      assert.throws(() => file.write("one\n"), { code: "ENOENT" });
      assert.throws(() => file.write("two\n"), { code: "ENOENT" });
      assert.equal(told.length, 1);
      assert.match(told[0] ?? "", /baton\.log cannot be written \(ENOENT\): .* see to BATON_LOG_PATH\n$/);
      mkdirSync(directory);
      file.write("three\n");
      file.write("four\n");
      assert.equal(readFileSync(path, "utf8"), "\nthree\nfour\n");
      assert.equal(statSync(path).mode & 0o777, 0o600);
      rmSync(directory, { recursive: true });
      assert.throws(() => file.write("five\n"));
      assert.deepEqual([told.length, existsSync(path)], [2, false]);
    } finally {
      await rm(parent, { recursive: true, force: true });
    }
  });
});
