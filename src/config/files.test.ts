import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { configInput, oneShotEnv } from "../../test/helpers/config-input.ts";
import { StatusError } from "../baton/status-error.ts";
import { localFiles } from "./files.ts";
import { parseConfig } from "./parse.ts";
import { ConfigError } from "./problem.ts";

const directory = mkdtempSync(join(tmpdir(), "baton-config-"));
after(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, "file"), "text");

suite("local files", () => {
  test("a file is its text, a missing one is undefined, a directory cannot be read", () => {
    assert.equal(localFiles.readText(join(directory, "file")), "text");
    assert.equal(localFiles.readText(join(directory, "none")), undefined);
    assert.equal(localFiles.readText(join(directory, "file", "none")), undefined);
    assert.throws(
      () => localFiles.readText(directory),
      (error) => error instanceof StatusError && error.message === "cannot be read (EISDIR)",
    );
  });

  test("a file may have 1 MiB; nothing more is read, and neither is what never ends", () => {
    const long = join(directory, "long");
    writeFileSync(long, "x".repeat(1024 * 1024));
    assert.equal(localFiles.readText(long)?.length, 1024 * 1024);
    appendFileSync(long, "x");
    const tooLong = (error: unknown) => error instanceof StatusError && error.message === "is longer than 1 MiB";
    for (const path of [long, "/dev/zero"]) assert.throws(() => localFiles.readText(path), tooLong);
    // A file of 64 GiB that takes no room.
    truncateSync(long, 64 * 1024 ** 3);
    assert.throws(() => localFiles.readText(long), tooLong);
  });

  test("a pipe in place of a file is read to its end", () => {
    const pipe = join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", `(printf a; sleep 0.2; printf b) > "${pipe}"`]);
    assert.equal(localFiles.readText(pipe), "ab");
  });

  test("too long a configuration and too long a credential are named, with what to do", () => {
    const secrets = join(directory, "secrets");
    mkdirSync(secrets);
    const text = "x".repeat(1024 * 1024 + 1);
    writeFileSync(join(secrets, "BATON_CURSOR_API_KEY"), text);
    writeFileSync(join(directory, "long.yaml"), text);
    const input = { ...configInput(), files: localFiles, cwd: directory, tempDir: directory };
    const problemsOf = (env: Readonly<Record<string, string>>) => {
      try {
        parseConfig({ ...input, env });
      } catch (error) {
        if (error instanceof ConfigError) return error.problems.map(({ message, fix }) => `${message}: ${fix}`);
      }
      return [];
    };
    for (const env of [{ BATON_SECRETS_DIR: secrets }, { ...oneShotEnv, BATON_CONFIG_PATH: "long.yaml" }]) {
      assert.match(problemsOf(env)[0] ?? "", /is longer than 1 MiB: name the right file/);
    }
  });

  test("says what is wrong with a directory", () => {
    assert.equal(localFiles.directoryProblem(directory, "write"), undefined);
    assert.equal(localFiles.directoryProblem(directory, "read"), undefined);
    assert.equal(localFiles.directoryProblem(join(directory, "none"), "read"), "does not exist");
    assert.equal(localFiles.directoryProblem(join(directory, "file"), "write"), "is not a directory");
  });

  test("a Secret as Kubernetes mounts it", () => {
    const mount = join(directory, "secret");
    mkdirSync(join(mount, "..2026_1"), { recursive: true });
    writeFileSync(join(mount, "..2026_1", "BATON_CURSOR_API_KEY"), "from-mount\n");
    symlinkSync("..2026_1", join(mount, "..data"));
    symlinkSync(join("..data", "BATON_CURSOR_API_KEY"), join(mount, "BATON_CURSOR_API_KEY"));
    const input = { ...configInput(), files: localFiles, cwd: directory, tempDir: directory };
    const { config, origins } = parseConfig({ ...input, env: { ...oneShotEnv, BATON_SECRETS_DIR: mount } });
    assert.equal(config.cursorApiKey?.reveal(), "from-mount");
    assert.equal(origins.cursorApiKey, "secrets");
  });
});
